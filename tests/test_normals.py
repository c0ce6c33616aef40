"""MultivariateNormalDiag: TFP's density and divergence, and what they are worth at a point."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.normals import MultivariateNormalDiag

tfd = tfp.distributions

shapes = pytest.mark.parametrize(
    ("means", "stddevs"), [((5, 3), (5, 3)), ((3,), (3,)), ((2, 5, 3), (3,)), ((3,), (5, 3)), ((4, 1), (4, 1))], ids=str
)


@pytest.fixture
def pair():
    """Ours and TFP's distribution of one random mean and standard deviation."""

    def make(means, stddevs, seed=0):
        random = np.random.default_rng(seed)
        moments = random.normal(size=means).astype("float32"), np.exp(random.normal(size=stddevs)).astype("float32")
        return MultivariateNormalDiag(*moments), tfd.MultivariateNormalDiag(*moments)

    return make


@shapes
def test_density_is_tfps(means, stddevs, pair):
    ours, theirs = pair(means, stddevs)
    x = theirs.sample(7, seed=(1, 2))
    assert ours.log_prob(x).shape == theirs.log_prob(x).shape
    np.testing.assert_allclose(ours.log_prob(x), theirs.log_prob(x), rtol=1e-6, atol=2e-6)  # float32 rounding


@shapes
def test_divergence_is_tfps(means, stddevs, pair):
    (ours, theirs), (our_other, their_other) = pair(means, stddevs), pair((3,), (3,), 1)
    if means[-1] == 1:
        our_other, their_other = pair((1,), (1,), 1)
    expected = tfd.kl_divergence(theirs, their_other)
    np.testing.assert_allclose(tfd.kl_divergence(ours, our_other), expected, rtol=2e-6, atol=2e-6)  # float32 rounding


def test_density_and_divergence_at_a_point():
    normal = MultivariateNormalDiag([1.0, -2.0], [0.5, 2.0])
    log_prob = -0.5 * (1 + 4) - math.log(2 * math.pi)  # at (1.5, 2): one and two standard deviations from the mean
    assert float(normal.log_prob([1.5, 2.0])) == pytest.approx(log_prob, abs=1e-6)
    divergence = 0.5 * (0.25 + 4 + 1 + 4 - 2)  # the logarithms of 1/2 and 2 cancel
    standard = MultivariateNormalDiag([0.0, 0.0], [1.0, 1.0])
    assert float(tfd.kl_divergence(normal, standard)) == pytest.approx(divergence, abs=1e-6)


def test_gradients_of_divergence_are_mean_and_stddev_less_its_reciprocal():
    mean, stddev = tf.constant([[0.3, -1.2]]), tf.constant([[0.5, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch([mean, stddev])
        standard = MultivariateNormalDiag([0.0, 0.0], [1.0, 1.0])
        divergence = tfd.kl_divergence(MultivariateNormalDiag(mean, stddev), standard)
    by_mean, by_stddev = tape.gradient(divergence, [mean, stddev])
    np.testing.assert_allclose(by_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(by_stddev, stddev - 1 / stddev, rtol=1e-6)
