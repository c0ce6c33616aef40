"""MixtureOfNormals: golden values, its sampler, and what `fit` finds."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.priors import MixtureOfNormals

tfd = tfp.distributions


def mixture(weights, means, stddevs):
    """A `MixtureOfNormals` with these parameters: [K], [K, L] and [K, L]."""
    prior = MixtureOfNormals(len(weights))
    prior.build((len(means[0]),))
    prior.set_weights([np.log(weights), np.array(means), np.log(np.expm1(np.array(stddevs) - 1e-6))])
    return prior


def golden():
    """The pair of distributions whose divergence is a golden value."""
    return tfd.MultivariateNormalDiag([[0.5]], [[0.7]]), mixture([0.3, 0.7], [[-1.0], [1.0]], [[0.5], [0.8]])()


def test_kl_by_quadrature_is_the_golden_value():
    q, p = golden()
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    z = (0.5 + 0.7 * nodes).astype("float32")[:, None, None]
    kl = np.sum(weights * (q.log_prob(z) - p.log_prob(z)).numpy()[:, 0]) / np.sqrt(2 * np.pi)
    assert kl == pytest.approx(0.296493, abs=2e-6)  # float32 rounding


def test_kl_by_monte_carlo_is_the_golden_value():
    q, p = golden()
    kl = kl_divergence(q, p, q.sample(100_000, seed=(0, 1))).numpy()
    assert kl.shape == (100_000, 1)
    assert abs(kl.mean() - 0.296493) < 4 * kl.std() / np.sqrt(len(kl))  # four standard errors


def test_components_are_used_as_often_as_their_weights_say():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    p = mixture(weights, [[-30.0], [-10.0], [10.0], [30.0]], np.ones([4, 1]))()
    counts = np.histogram(p.sample(10_000, seed=(0, 1)), [-40, -20, 0, 20, 40])[0]
    chi_square = np.sum((counts - 10_000 * weights) ** 2 / (10_000 * weights))
    assert counts.sum() == 10_000 and chi_square < 21.1  # exceeded once in 10,000, with 3 degrees of freedom


def test_starts_with_equal_weights_unit_stddevs_and_spread_means():
    prior = MixtureOfNormals(1000)
    prior.build((2,))
    p = prior()
    np.testing.assert_allclose(p.mixture_distribution.probs_parameter(), np.full(1000, 1e-3), rtol=1e-5)  # float32
    np.testing.assert_allclose(p.components_distribution.stddev(), np.ones([1000, 2]), rtol=1e-5)  # MINIMAL_STDDEV
    means = p.components_distribution.mean().numpy()
    assert np.all(np.abs(means.mean(0)) < 4 / np.sqrt(1000))  # four standard errors
    assert np.all(np.abs(means.std(0) - 1) < 4 / np.sqrt(2000))


def test_fit_to_a_mixture_reaches_its_entropy():
    truth = mixture([0.2, 0.5, 0.3], [[-3.0, 0.0], [0.0, 2.0], [3.0, -1.0]], [[0.5, 1.0], [0.3, 0.6], [1.0, 0.2]])()
    prior = MixtureOfNormals(3)
    prior.build((2,))
    prior.fit(truth.sample(20_000, seed=(0, 1)), seed=0)
    z = truth.sample(20_000, seed=(0, 2))
    excess = (truth.log_prob(z) - prior().log_prob(z)).numpy()  # its mean is KL(truth || fitted), some 17 / 40,000
    assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(len(z)) + 17 / 40_000
    entropy, error = -truth.log_prob(z).numpy().mean(), truth.log_prob(z).numpy().std() / np.sqrt(len(z))
    assert abs(-prior().log_prob(z).numpy().mean() - entropy) < 4 * error


def test_fit_finds_weights_means_and_stddevs():
    codes = mixture([0.25, 0.75], [[-2.0], [3.0]], [[0.5], [1.0]])().sample(40_000, seed=(0, 1))
    prior = MixtureOfNormals(2)
    prior.build((1,))
    prior.fit(codes, seed=0)
    p = prior()
    order = np.argsort(p.components_distribution.mean()[:, 0])
    # four standard errors of 10,000 and 30,000 codes: s / sqrt(n), s / sqrt(2 n), sqrt(w (1 - w) / N)
    np.testing.assert_allclose(p.mixture_distribution.probs_parameter().numpy()[order], [0.25, 0.75], atol=0.009)
    np.testing.assert_allclose(p.components_distribution.mean().numpy()[order, 0], [-2, 3], atol=0.024)
    np.testing.assert_allclose(p.components_distribution.stddev().numpy()[order, 0], [0.5, 1], atol=0.017)


def test_fit_of_one_component_is_the_normal_of_the_codes():
    codes = np.random.default_rng(0).normal([1, -200], [1e-3, 50], [500, 2]).astype("float32")
    prior = MixtureOfNormals(1)
    prior.build((2,))
    prior.fit(codes, seed=0)
    np.testing.assert_allclose(prior().mean(), codes.mean(0), rtol=1e-5)  # float32 rounding
    np.testing.assert_allclose(prior().stddev(), codes.std(0), rtol=1e-4)  # MINIMAL_VARIANCE, MINIMAL_STDDEV


@pytest.mark.parametrize("number", [1, 2, 3])
def test_fewer_codes_than_components_share_them(number):
    codes = np.array([[-1.0, 5.0], [0.0, 3.0], [1.0, 1.0]], "float32")[:number]
    prior = MixtureOfNormals(5)
    prior.build((2,))
    prior.fit(codes, seed=0)
    means = prior().components_distribution.mean().numpy()
    assert np.array_equal(np.unique(means.round(3), axis=0), codes)
    np.testing.assert_allclose(prior().mean(), codes.mean(0), atol=1e-5)  # all codes have the same weight; rounding


@pytest.mark.parametrize(
    "codes", [np.full([20, 2], 0.1), np.arange(20.0)[:, None] * [1, 0] + 0.1], ids=["all", "one_dimension"]
)
def test_fit_to_codes_that_do_not_differ_is_finite(codes):
    prior = MixtureOfNormals(3)
    prior.build((2,))
    prior.fit(codes.astype("float32"), seed=-1)
    assert np.all(np.isfinite(prior().log_prob(codes.astype("float32"))))
    assert np.all(np.isfinite(prior().sample(100, seed=(0, 1))))
    assert np.all(prior().components_distribution.stddev() > 0.5e-3)


def test_fit_depends_on_codes_and_seed_alone():
    codes = tf.random.stateless_normal([300, 2], (0, 1))
    fitted = []
    for start in (0, 1):
        keras.utils.set_random_seed(start)
        prior = MixtureOfNormals(4)
        prior.build((2,))
        prior.fit(codes, seed=7)
        fitted.append(prior.get_weights())
    for first, second in zip(*fitted, strict=True):
        np.testing.assert_array_equal(first, second)
