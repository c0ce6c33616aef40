"""LatentCovariance: which axis, which factor, and what the two kinds of DIP-VAE take the covariance of."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.regularizers import CovarianceOfMeans, CovarianceOfSamples, LatentCovariance

tfd = tfp.distributions

OF = [CovarianceOfMeans(), CovarianceOfSamples()]


def penalty(posterior, of=OF[0], diagonal=1.0):
    inference = Inference(None, (Latent(posterior, None, None),), None)
    return float(LatentCovariance(1.0, of, diagonal).penalty(inference, None))


def normal(means, stddev=0.1):
    means = tf.constant(means, "float32")
    return tfd.MultivariateNormalDiag(means, stddev * tf.ones_like(means))


def whitened(n=50, size=3):
    """Rows with mean 0 and covariance exactly I, with the factor 1/n."""
    rows = np.random.default_rng(0).normal(size=(n, size))
    rows = rows - rows.mean(0)
    return rows @ np.linalg.inv(np.linalg.cholesky(rows.T @ rows / n)).T


def test_covariance_of_constant_means_is_zero_or_that_of_the_noise():
    constant = normal(np.tile([1.0, 2.0, 3.0], [7, 1]), stddev=0.5)
    np.testing.assert_allclose(CovarianceOfMeans()(constant), np.zeros([3, 3]), atol=1e-7)  # float32 rounding
    np.testing.assert_allclose(CovarianceOfSamples()(constant), 0.25 * np.eye(3), atol=1e-7)


def test_whitened_means_have_no_penalty():
    assert penalty(normal(whitened()), diagonal=10.0) == pytest.approx(0, abs=1e-9)  # squared float32 rounding


def test_means_over_the_batch_have_the_factor_one_over_batch_size():
    two = normal([[1.0], [3.0]])  # the factor 1 / (B - 1) would give 2
    np.testing.assert_allclose(CovarianceOfMeans()(two), [[1.0]])
    assert penalty(normal(np.tile(whitened(10), [2, 1]))) == pytest.approx(0, abs=1e-9)


def test_penalty_is_that_of_the_formula():
    means = np.array([[1.0, 2.0], [-1.0, -2.0]])  # covariance [[1, 2], [2, 4]]
    assert penalty(normal(means), diagonal=10.0) == pytest.approx(2 * 2**2 + 10 * (0 + 3**2))
    assert penalty(normal(means), diagonal=0) == pytest.approx(8)


def test_covariance_of_samples_adds_the_posteriors_own():
    means = np.array([[1.0, 2.0], [-1.0, -2.0]])
    noise = np.array([[[0.5, 0.1], [0.1, 0.3]], [[0.1, -0.3], [-0.3, 1.1]]])
    q = tfd.MultivariateNormalTriL(means, np.linalg.cholesky(noise))
    np.testing.assert_allclose(CovarianceOfSamples()(q), [[1.3, 1.9], [1.9, 4.7]], rtol=1e-6)
    np.testing.assert_allclose(CovarianceOfMeans()(q), [[1.0, 2.0], [2.0, 4.0]], rtol=1e-6)


def test_covariance_of_samples_is_what_many_samples_have():
    q = normal(whitened(20), stddev=0.7)
    rows = tf.reshape(q.sample(50_000, seed=(0, 1)), [-1, 3])
    # Variances of 1.49 from a million samples: a standard error of 0.002.
    np.testing.assert_allclose(np.cov(rows.numpy().T), CovarianceOfSamples()(q), atol=0.01)


@pytest.mark.parametrize("of", OF, ids=["means", "samples"])
def test_a_level_with_samples_before_the_batch_has_its_examples_there(of):
    means = np.random.default_rng(1).normal(size=(4, 5, 2))
    np.testing.assert_allclose(of(normal(means)), of(normal(means.reshape(20, 2))), rtol=1e-5, atol=1e-6)


def test_only_the_covariance_of_samples_needs_a_density():
    assert [LatentCovariance(1.0, of).needs_density for of in OF] == [False, True]
    assert np.isfinite(penalty(tfd.VectorDeterministic(tf.constant(whitened()))))
