"""Divergences against golden values, and the pairs that must have a closed form."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal

tfd = tfp.distributions

CLOSED_FORM = [  # posterior, its parameters' shapes; a pair that falls back is a silently noisier rate
    pytest.param(
        lambda: tfd.MultivariateNormalDiag(tf.ones([4, 3]), 0.5 * tf.ones([4, 3])), id="MultivariateNormalDiag"
    ),
    pytest.param(lambda: tfd.MultivariateNormalTriL(tf.ones([4, 3]), 0.5 * tf.eye(3)), id="MultivariateNormalTriL"),
    pytest.param(lambda: diagonal_normal()(tf.ones([4, 5])), id="DiagonalNormal"),
]


def diagonal_normal():
    posterior = DiagonalNormal(3)
    posterior.build((None, 5))
    return posterior


def standard_normal(latent_size):
    prior = StandardNormal()
    prior.build((latent_size,))
    return prior()


def mixture():
    components = tfd.MultivariateNormalDiag([[-1.0], [1.0]], [[0.5], [0.8]])
    return tfd.MixtureSameFamily(tfd.Categorical(probs=[0.3, 0.7]), components)


@pytest.mark.parametrize("make", CLOSED_FORM)
def test_closed_form_has_no_sample_axis_and_needs_no_sample(make):
    assert kl_divergence(make(), standard_normal(3), sample=None).shape == [4]


@pytest.mark.parametrize("make", CLOSED_FORM)
def test_closed_form_agrees_with_the_estimate(make):
    q, p = make(), standard_normal(3)
    z = q.sample(20_000, seed=(0, 1))
    estimate = (q.log_prob(z) - p.log_prob(z)).numpy()
    error = estimate.std(0) / np.sqrt(len(estimate))
    assert np.all(np.abs(estimate.mean(0) - kl_divergence(q, p, None)) < 4 * error)  # four standard errors


def test_kl_of_two_normals_is_the_golden_value():
    q = tfd.MultivariateNormalDiag([[1.0]], [[0.5]])
    np.testing.assert_allclose(kl_divergence(q, standard_normal(1), None), [0.818147], atol=1e-6)


def test_kl_to_a_mixture_is_the_golden_value_by_monte_carlo():
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    estimate = kl_divergence(q, mixture(), q.sample(200_000, seed=(0, 1))).numpy()
    error = estimate.std() / np.sqrt(estimate.size)  # about 0.001 nats
    assert error < 0.002 and abs(estimate.mean() - 0.296493) < 4 * error


def test_kl_to_a_mixture_is_the_golden_value_by_quadrature():
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    z = (0.5 + 0.7 * nodes).astype("float32")[:, None, None]
    estimate = kl_divergence(q, mixture(), z)[:, 0]
    assert np.dot(weights, estimate) / np.sqrt(2 * np.pi) == pytest.approx(0.296493, abs=5e-6)  # float32 log_prob


def test_estimate_keeps_samples_and_batch_apart():
    q = tfd.MultivariateNormalDiag(tf.zeros([4, 1]), tf.ones([4, 1]))
    assert kl_divergence(q, mixture(), q.sample(3, seed=(0, 1))).shape == (3, 4)


def test_estimate_has_a_gradient_for_the_prior():
    mean = tf.Variable([[-1.0], [1.0]])
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    with tf.GradientTape() as tape:
        components = tfd.MultivariateNormalDiag(mean, [[0.5], [0.8]])
        prior = tfd.MixtureSameFamily(tfd.Categorical(probs=[0.3, 0.7]), components)
        kl = tf.reduce_mean(kl_divergence(q, prior, q.sample(10, seed=(0, 1))))
    assert np.all(tape.gradient(kl, mean) != 0)
