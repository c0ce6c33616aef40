"""The normal posteriors, by their moments and their divergence from the prior."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.posteriors import DiagonalNormal, FullCovarianceNormal
from tfvae.priors import StandardNormal

tfd = tfp.distributions

FEATURES, LATENTS = 5, 3


@pytest.fixture
def constant_normal(softplus_inverse):
    """Makes a DiagonalNormal whose parameters do not depend on the features."""

    def make(mean, stddev):
        posterior = DiagonalNormal(len(mean))
        posterior.build((None, FEATURES))
        bias = np.concatenate([mean, softplus_inverse(stddev)])
        posterior.parameters.set_weights([np.zeros([FEATURES, 2 * len(mean)]), bias])
        return posterior

    return make


def standard_normal(latent_size):
    prior = StandardNormal()
    prior.build((latent_size,))
    return prior()


def test_diagonal_normal_has_the_moments_it_is_given(constant_normal, features):
    q = constant_normal([1.0, -2.0], [0.5, 3.0])(features(1))
    np.testing.assert_allclose([q.mean()[0], q.stddev()[0]], [[1, -2], [0.5, 3]], rtol=1e-5)  # float32 rounding


def test_diagonal_normal_is_a_linear_function_of_the_features(features):
    posterior, h = DiagonalNormal(LATENTS), features(2)
    posterior.build((None, FEATURES))
    raw = h @ posterior.parameters.kernel
    np.testing.assert_allclose(posterior(h).mean(), raw[:, :LATENTS], rtol=1e-5, atol=1e-6)  # float32 rounding
    stddev = np.log1p(np.exp(raw[:, LATENTS:]))
    np.testing.assert_allclose(posterior(h).stddev(), stddev, rtol=1e-5, atol=2e-6)  # plus MINIMAL_STDDEV


def test_kl_of_diagonal_normal_is_the_golden_value(constant_normal, features):
    q = constant_normal([1.0], [0.5])(features(1))
    np.testing.assert_allclose(kl_divergence(q, standard_normal(1), None), [0.818147], atol=1e-5)  # float32 rounding


def test_kl_is_zero_at_the_prior(constant_normal, features):
    q = constant_normal([0.0, 0.0], [1.0, 1.0])(features(3))
    np.testing.assert_allclose(kl_divergence(q, standard_normal(2), None), [0, 0, 0], atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("copies", [2, 7])
def test_copies_of_a_latent_multiply_the_kl(copies, constant_normal, features):
    q = constant_normal([1.0] * copies, [0.5] * copies)(features(1))
    kl = kl_divergence(q, standard_normal(copies), None)
    np.testing.assert_allclose(kl, [copies * 0.818147], rtol=1e-5)  # float32 rounding


def test_full_covariance_normal_has_a_stddev_of_softplus_and_correlations(softplus_inverse):
    diagonal = softplus_inverse([0.5, 3.0])
    q = FullCovarianceNormal(2).distribution(tf.constant([[1, -2, *fill(diagonal, 0.7)]], "float32"))
    np.testing.assert_allclose(q.mean(), [[1, -2]])
    triangle = np.array([[0.5, 0], [0.7, 3.0]])
    np.testing.assert_allclose(q.covariance()[0], triangle @ triangle.T, rtol=1e-5)  # float32 rounding


def fill(diagonal, below):
    """The entries of a 2 x 2 lower triangle in the order in which TFP fills them."""
    triangle = np.array([[diagonal[0], 0], [below, diagonal[1]]], "float32")
    return tfp.math.fill_triangular_inverse(triangle).numpy()


def test_kl_of_full_covariance_normal_is_the_closed_form(build, features):
    q = build(FullCovarianceNormal(LATENTS))(features(4))
    mean, covariance = q.mean().numpy().astype("float64"), q.covariance().numpy().astype("float64")
    exact = (np.trace(covariance, axis1=1, axis2=2) + np.sum(mean**2, -1) - 3 - np.linalg.slogdet(covariance)[1]) / 2
    kl = kl_divergence(q, standard_normal(LATENTS), None)  # without a sample there is no estimate to fall back on
    np.testing.assert_allclose(kl, exact, rtol=1e-4)  # float32 rounding in the log-determinant


def test_samples_of_full_covariance_normal_have_its_moments(build, features):
    q = build(FullCovarianceNormal(LATENTS))(features(1))
    z = (q.sample(100_000, seed=(0, 1)) - q.mean()).numpy()[:, 0]
    products = z[:, :, None] * z[:, None]
    error = products.std(0) / np.sqrt(len(z))
    assert np.all(np.abs(products.mean(0) - q.covariance()[0]) < 4 * error)  # four standard errors
    assert np.all(np.abs(z.mean(0)) < 4 * z.std(0) / np.sqrt(len(z)))


def test_full_covariance_closes_the_gap_of_r2(softplus_inverse):
    w, b, x = np.array([[1, 0.5], [0.3, -1.2], [0.7, 0.2]]), np.array([0.1, -0.2, 0.3]), np.array([0.9, -0.4, 1.1])
    covariance = np.linalg.inv(np.eye(2) + w.T @ w / 0.25)
    mean, triangle = covariance @ w.T @ (x - b) / 0.25, np.linalg.cholesky(covariance)
    raw = fill(softplus_inverse(np.diag(triangle)), triangle[1, 0])
    q = FullCovarianceNormal(2).distribution(tf.constant([[*mean, *raw]], "float32"))
    z = q.sample(1000, seed=(0, 1))
    p_x = tfd.MultivariateNormalDiag(tf.constant(z.numpy() @ w.T + b, "float32"), tf.fill([3], 0.5))
    log_weights = p_x.log_prob(x.astype("float32")) + standard_normal(2).log_prob(z) - q.log_prob(z)
    np.testing.assert_allclose(log_weights, tf.fill([1000, 1], -3.116409), atol=1e-4)  # the weights of the exact q
