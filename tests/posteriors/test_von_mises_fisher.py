"""VonMisesFisher: its normalizer, divergence, samples and their gradients, in any number of dimensions."""

import math

import numpy as np
import pytest
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.objectives import ELBO, ImportanceWeightedELBO
from tfvae.posteriors import VonMisesFisher
from tfvae.posteriors.von_mises_fisher import VonMisesFisherDistribution
from tfvae.priors import UniformOnSphere

tfd = tfp.distributions

SIZES = [2, 3, 5, 10, 20, 50]
CONCENTRATIONS = [1e-3, 0.1, 1.0, 5.0, 10.0, 100.0, 1e4]
DRAWS = 100_000


def bessel(k, size):
    """log I_(L/2-1)(k) and I_(L/2)(k) / I_(L/2-1)(k), in float64."""
    order = size / 2 - 1
    return np.log(scipy.special.ive(order, k)) + k, scipy.special.ive(order + 1, k) / scipy.special.ive(order, k)


def directions(size):
    """A unit vector that is along no axis."""
    v = np.arange(1, size + 1) * (-1.0) ** np.arange(size)
    return v / np.linalg.norm(v)


def distribution(concentration, size, copies=1):
    mean_direction = tf.constant(np.tile(directions(size), [copies, 1]), "float32")
    return VonMisesFisherDistribution(mean_direction, tf.fill([copies], concentration))


def moments(k, size):
    """E[w], E[w^2] and dE[w + w^2]/dk of the cosine w, by their formulas."""
    r = bessel(k, size)[1]
    slope = 1 - r**2 - (size - 1) * r / k  # of r
    return r, 1 - (size - 1) * r / k, slope - (size - 1) * (slope / k - r / k**2)


@pytest.mark.parametrize(("concentration", "kl"), [(1.0, 0.151596), (10.0, 1.995732)])
def test_kl_is_the_golden_value(concentration, kl):
    q = distribution(concentration, 3)
    np.testing.assert_allclose(kl_divergence(q, tfd.SphericalUniform(3), None), [kl], atol=2e-6)  # float32 rounding


@pytest.mark.parametrize("size", SIZES)
def test_kl_is_the_formula(size):
    k = np.array(CONCENTRATIONS)
    log_bessel, ratio = bessel(k, size)
    uniform = math.lgamma(size / 2) + (size / 2 - 1) * np.log(2)
    exact = k * ratio + (size / 2 - 1) * np.log(k) - log_bessel - uniform
    q = VonMisesFisherDistribution(tf.one_hot([0] * len(k), size), tf.constant(k, "float32"))
    # float32 rounding in terms of the size of 100 nats; float64 cancels too in the smallest, of 1e-9 nats
    np.testing.assert_allclose(kl_divergence(q, tfd.SphericalUniform(size), None), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_log_prob_is_the_formula(size):
    k, z = np.array(CONCENTRATIONS), np.eye(size)[1]
    exact = (size / 2 - 1) * np.log(k) - size / 2 * np.log(2 * np.pi) - bessel(k, size)[0] + k * directions(size)[1]
    mean_direction = tf.constant(np.tile(directions(size), [len(k), 1]), "float32")
    q = VonMisesFisherDistribution(mean_direction, tf.constant(k, "float32"))
    np.testing.assert_allclose(q.log_prob(z.astype("float32")), exact, rtol=1e-6, atol=1e-5)  # float32 rounding


def test_concentration_zero_is_uniform():
    q, uniform = distribution(0.0, 4), tfd.SphericalUniform(4)
    z = uniform.sample([5, 1], seed=(0, 1))
    np.testing.assert_allclose(q.log_prob(z), uniform.log_prob(z), atol=1e-6)  # float32 rounding
    np.testing.assert_allclose(kl_divergence(q, uniform, None), [0], atol=1e-6)


def test_density_integrates_to_one_on_the_circle():
    angle = np.arange(1000) * 2 * np.pi / 1000
    z = np.stack([np.cos(angle), np.sin(angle)], -1).astype("float32")
    density = np.exp(distribution(5.0, 2).log_prob(z[:, None]), dtype="float64")
    assert np.mean(density) * 2 * np.pi == pytest.approx(1, abs=1e-5)  # float32 rounding


def test_density_integrates_to_one_on_the_sphere():
    height, weight = np.polynomial.legendre.leggauss(64)
    angle = np.arange(64) * 2 * np.pi / 64
    radius = np.sqrt(1 - height**2)[:, None]
    z = np.stack(np.broadcast_arrays(radius * np.cos(angle), radius * np.sin(angle), height[:, None]), -1)
    density = np.exp(distribution(5.0, 3).log_prob(z.reshape(-1, 1, 3).astype("float32")), dtype="float64")
    assert weight @ density.reshape(64, 64).mean(1) * 2 * np.pi == pytest.approx(1, abs=1e-5)  # float32 rounding


@pytest.mark.parametrize("concentration", [0.5, 10.0])
def test_mean_resultant_length_in_three_dimensions(concentration):
    exact = 1 / np.tanh(concentration) - 1 / concentration
    q = distribution(concentration, 3)
    np.testing.assert_allclose(q.mean()[0], exact * directions(3), atol=1e-6)  # float32 rounding
    cosine = q.sample(DRAWS, seed=(0, 1)).numpy()[:, 0] @ directions(3)
    assert abs(cosine.mean() - exact) < 4 * cosine.std() / np.sqrt(DRAWS)  # four standard errors


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("concentration", [0.3, 10.0, 1000.0])
def test_samples_have_the_moments_of_the_density(size, concentration):
    z, mu = distribution(concentration, size).sample(DRAWS, seed=(0, 1)).numpy()[:, 0], directions(size)
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1, atol=1e-6)  # float32 rounding
    first, second, _ = moments(concentration, size)
    probe = np.array([1.0, -1.0] + [0.0] * (size - 2))
    along, across = probe @ mu, probe @ probe - (probe @ mu) ** 2
    for values, exact in [
        (z @ mu, first),
        ((z @ mu) ** 2, second),
        (z @ probe, first * along),
        ((z @ probe) ** 2, second * along**2 + (1 - second) / (size - 1) * across),
    ]:
        assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(DRAWS)  # four standard errors


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("concentration", [0.3, 10.0, 1000.0])
def test_samples_have_the_gradient_by_the_concentration(size, concentration):
    q = distribution(concentration, size, DRAWS)
    with tf.GradientTape() as tape:
        tape.watch(q.concentration)
        cosine = tf.reduce_sum(q.sample(seed=(0, 1)) * q.mean_direction, axis=-1)
        value = tf.reduce_sum(cosine + cosine**2)
    gradient = tape.gradient(value, q.concentration).numpy()
    exact = moments(concentration, size)[2]
    error = gradient.std() / np.sqrt(DRAWS)
    assert abs(gradient.mean() - exact) < 4 * error < 0.05 * abs(exact)  # four standard errors


@pytest.mark.parametrize("size", [2, 3, 10])
def test_samples_have_the_gradient_by_the_mean_direction(size):
    q, k, probe = distribution(10.0, size, DRAWS), 10.0, np.array([1.0, -1.0] + [0.0] * (size - 2))
    with tf.GradientTape() as tape:
        tape.watch(q.mean_direction)
        squares = tf.reduce_sum(tf.linalg.matvec(q.sample(seed=(0, 1)), probe.astype("float32")) ** 2)
    gradient, mu = tape.gradient(squares, q.mean_direction).numpy(), directions(size)
    tangent = np.eye(size) - np.outer(mu, mu)  # only moves on the sphere count
    second = moments(k, size)[1]
    exact = 2 * (probe @ mu) * (second - (1 - second) / (size - 1)) * tangent @ probe
    error = (gradient @ tangent).std(0) / np.sqrt(DRAWS)
    assert np.all(np.abs((gradient @ tangent).mean(0) - exact) < 4 * error)  # four standard errors
    assert np.max(4 * error) < 0.1 * np.max(np.abs(exact))


def test_gradient_by_the_mean_direction_is_bounded_near_the_first_axis():
    mean_direction = tf.math.l2_normalize(tf.one_hot([0] * 1000, 3) + 1e-3 * tf.one_hot([1] * 1000, 3), axis=-1)
    with tf.GradientTape() as tape:
        tape.watch(mean_direction)
        z = VonMisesFisherDistribution(mean_direction, tf.fill([1000], 1.0)).sample(seed=(0, 1))
    assert np.max(np.abs(tape.batch_jacobian(z, mean_direction))) < 4  # where a reflection along z - mean has 1000


def test_average_density_ratio_to_uniform_is_one():
    q, uniform = distribution(2.0, 8), tfd.SphericalUniform(8)
    z = q.sample(DRAWS, seed=(0, 1))
    ratio = np.exp(uniform.log_prob(z) - q.log_prob(z))
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(DRAWS) < 0.05  # four standard errors


def test_broken_features_end_in_nan_and_not_in_an_endless_loop():
    assert np.all(np.isnan(VonMisesFisher(3).distribution(tf.fill([2, 4], math.nan)).sample(seed=(0, 1))))


def test_concentration_has_a_maximum_that_samples_can_resolve():
    q = VonMisesFisher(3).distribution(tf.constant([[1.0, 2, 3, 1e30]]))
    assert q.concentration <= 1e6
    z = q.sample(DRAWS, seed=(0, 1))
    squares = (np.float32(2e6) * (1 - np.cos(np.arccos(1.0)))) + 1e6 * np.sum((z - q.mean_direction) ** 2, -1)
    # k (1 - cos) is a standard exponential in three dimensions; float32 rounding of z adds some 1e-4 to it
    assert abs(squares.mean() / 2 - 1) < 4 / np.sqrt(DRAWS) + 1e-3


def test_code_is_the_mean_direction(build, features):
    posterior = build(VonMisesFisher(4))
    q = posterior(features(6))
    np.testing.assert_allclose(np.linalg.norm(posterior.code(q), axis=-1), np.ones(6), rtol=1e-6)  # float32 rounding
    ahead = q.log_prob(posterior.code(q)) - q.log_prob(q.sample(seed=(0, 1)))
    assert np.all(ahead > 0)  # it is the mode


@pytest.mark.parametrize("objective", [ELBO(), ImportanceWeightedELBO(3)], ids=["ELBO", "IWAE"])
def test_trains_with_the_uniform_prior(objective, make_vae, binary, weights_without_gradient):
    model, batch = make_vae(posterior=VonMisesFisher(6), prior=UniformOnSphere(), objective=objective), {"x": binary(8)}
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


def test_one_dimension_is_refused():
    with pytest.raises(ValueError, match="`latent_size` must be at least 2: the sphere in one dimension is two points"):
        VonMisesFisher(1)
