"""Bernoulli and continuous Bernoulli: sums and integrals to one, extreme logits, and means by their formulas."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods import Bernoulli, ContinuousBernoulli
from tfvae.likelihoods.bernoulli import IndependentBernoulli

tfd = tfp.distributions

LOGITS = [-100.0, -20.0, -14.0, -5.0, -0.3, -1e-3, 0.0, 1e-6, 0.01, 0.26, 0.4, 1.0, 13.0, 16.0, 100.0]

extreme = pytest.mark.parametrize("logit", [100.0, -100.0])
logits = pytest.mark.parametrize("logit", LOGITS)


@pytest.fixture
def at_logit(built):
    """Builds a likelihood of one element, and p at a given logit."""

    def build(likelihood, logit):
        built(likelihood, (1,), (1,)).set_weights([np.array([[logit]]), np.zeros(1)])
        return likelihood, likelihood(tf.ones([1, 1, 1]))

    return build


def test_bernoulli_sums_to_one_over_all_images(built, normals):
    images = np.array(list(itertools.product([0, 1], repeat=3)), "float32")
    probabilities = np.exp(built(Bernoulli(), event_shape=(3,))(normals(1, 1, 5)).log_prob(images))
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)  # float32 rounding


@extreme
@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_bernoulli_is_finite_and_exact_at_extreme_logits(logit, pixel, at_logit):
    with tf.GradientTape() as tape:
        likelihood, p = at_logit(Bernoulli(), logit)
        log_prob = p.log_prob([[pixel]])
    wrong = pixel != (logit > 0)
    gradient = tape.gradient(log_prob, likelihood.trainable_weights[1])
    np.testing.assert_allclose([log_prob[0, 0], gradient[0]], [-100.0 * wrong, -np.sign(logit) * wrong], atol=1e-6)


@pytest.mark.parametrize("size", [1, 64, 101, 202, 784])  # 101 is a prime that is too large for one product
def test_bernoulli_is_tfps_whatever_the_number_of_pixels(size, built):
    p = built(Bernoulli(), event_shape=(size,))(tf.random.stateless_normal([3, 2, 5], (0, 1)) * 5)
    x = tf.cast(tf.random.stateless_uniform([2, size], (0, 2)) < 0.4, "float32")
    expected = tf.reduce_sum(tfd.Bernoulli(logits=tf.cast(p.distribution.logits, "float64")).log_prob(x), axis=-1)
    np.testing.assert_allclose(p.log_prob(x), expected, rtol=1e-6, atol=1e-7 * size)  # float32 rounding


@pytest.mark.parametrize("shape", [(2, 7), (3, 2, 7)], ids=["one x for all samples", "an x for each"])
def test_gradients_of_bernoulli_are_x_less_its_mean_and_the_logit(shape, built):
    logits = tf.random.stateless_normal([3, 2, 7], (0, 1)) * 3
    x, weights = tf.random.stateless_uniform(shape, (0, 2)), tf.random.stateless_normal([3, 2], (0, 3))
    with tf.GradientTape() as tape:
        tape.watch([x, logits])
        p = IndependentBernoulli(tfd.Bernoulli(logits=logits), 1)
        total = tf.reduce_sum(weights * p.log_prob(x))
    by_x, by_logits = tape.gradient(total, [x, logits])
    expected = weights[..., None] * logits
    np.testing.assert_allclose(by_x, tf.reduce_sum(expected, 0) if len(shape) == 2 else expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_logits, weights[..., None] * (x - tf.sigmoid(logits)), rtol=1e-5, atol=1e-6)


def test_second_derivative_of_bernoulli_is_minus_its_variance():
    logits = tf.constant([[-2.0, 0.0, 3.0]])
    with tf.GradientTape() as outer:
        outer.watch(logits)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            log_prob = IndependentBernoulli(tfd.Bernoulli(logits=logits), 1).log_prob([[0.0, 1.0, 1.0]])
        gradient = inner.gradient(log_prob, logits)
    p = tf.sigmoid(logits)
    np.testing.assert_allclose(outer.gradient(gradient, logits), -p * (1 - p), rtol=1e-5)


def test_bernoulli_means_are_probabilities(built):
    likelihood = built(Bernoulli(), (1,), (2,))
    likelihood.set_weights([np.array([[1.0, -2.0]]), np.array([0.5, 0.0])])
    expected = 1 / (1 + np.exp([-1.5, 2.0]))
    np.testing.assert_allclose(likelihood(tf.ones([1, 1, 1])).mean()[0, 0], expected, rtol=1e-6)  # float32 rounding


@logits
def test_continuous_bernoulli_integrates_to_one_with_its_mean(logit, at_logit):
    _, p = at_logit(ContinuousBernoulli(), logit)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x = ((nodes + 1) / 2).astype("float32")
    density = np.exp(p.log_prob(x[:, None, None])[:, 0].numpy().astype("float64")) * weights / 2
    # float32 rounding of x and log p, which is up to 100 times as large as the digits that count
    assert density.sum() == pytest.approx(1, abs=1e-5)
    assert density @ x == pytest.approx(float(p.mean()[0, 0, 0]), abs=1e-5)


@logits
@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_continuous_bernoulli_is_cross_entropy_over_its_integral(logit, x, at_logit):
    logit = float(np.float32(logit))
    cross_entropy = -x * np.logaddexp(0, -logit) - (1 - x) * np.logaddexp(0, logit)
    peak = max(0.0, logit)  # out of the integrand, which would vanish else
    points = [0.01, 0.1, 0.5, 0.9, 0.99]
    integral, _ = scipy.integrate.quad(lambda t: np.exp(logit * t - peak), 0, 1, points=points, epsabs=1e-13)
    expected = cross_entropy - np.log(integral) - peak + np.logaddexp(0, logit)
    _, p = at_logit(ContinuousBernoulli(), logit)
    assert float(p.log_prob([[x]])[0, 0]) == pytest.approx(expected, rel=1e-6, abs=2e-6)  # float32 rounding


@logits
def test_gradient_of_continuous_bernoulli_is_x_less_its_mean(logit, at_logit):
    with tf.GradientTape() as tape:
        likelihood, p = at_logit(ContinuousBernoulli(), logit)
        log_prob = p.log_prob([[0.25]])
    gradient = tape.gradient(log_prob, likelihood.trainable_weights[1])[0]
    assert float(gradient) == pytest.approx(0.25 - float(p.mean()[0, 0, 0]), abs=5e-6)  # float32 rounding


def test_continuous_bernoulli_is_uniform_at_logit_zero(at_logit):
    _, p = at_logit(ContinuousBernoulli(), 0.0)
    np.testing.assert_allclose(p.log_prob([[[0.0]], [[0.3]], [[1.0]]]), np.zeros([3, 1]), atol=1e-6)  # float32 rounding


def test_samples_of_continuous_bernoulli_stay_in_their_interval(at_logit):
    logit = 2.438e-6
    highest = lambda p: float(tf.reduce_max(p.sample(10**6, seed=(0, 6))))  # noqa: E731
    assert highest(tfp.distributions.ContinuousBernoulli(logits=[[[logit]]])) > 1, "TFP needs no help any more"
    assert highest(at_logit(ContinuousBernoulli(), logit)[1]) == 1
