"""The uniform priors of the sphere and the simplex: golden values of their densities and moments."""

import math

import numpy as np
import pytest
import tensorflow_probability as tfp

from tfvae.priors import UniformCategorical, UniformOnSphere, UniformRelaxedCategorical

tfd = tfp.distributions


def built(prior, latent_size):
    prior.build((latent_size,))
    return prior()


@pytest.mark.parametrize(("latent_size", "area"), [(2, 2 * math.pi), (3, 4 * math.pi), (4, 2 * math.pi**2)])
def test_density_on_the_sphere_is_one_over_its_area(latent_size, area):
    p = built(UniformOnSphere(), latent_size)
    z = p.sample(10, seed=(0, 1))
    np.testing.assert_allclose(p.log_prob(z), -np.log(area), rtol=1e-5)  # float32 rounding


def test_samples_on_the_sphere_have_unit_length_and_no_direction():
    z = built(UniformOnSphere(), 3).sample(10_000, seed=(0, 1)).numpy()
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1, atol=1e-5)  # float32 rounding
    second = z[:, :, None] * z[:, None]
    error = 4 / np.sqrt(len(z))  # four standard errors
    assert np.all(np.abs(z.mean(0)) < error * z.std(0))
    assert np.all(np.abs(second.mean(0) - np.eye(3) / 3) < error * second.std(0))


@pytest.mark.parametrize(("kappa", "kl"), [(1.0, 0.151596), (10.0, 1.995732)])
def test_kl_from_von_mises_fisher_is_the_golden_value(kappa, kl):
    q = tfd.VonMisesFisher([0.0, 0.0, 1.0], kappa)
    assert float(tfd.kl_divergence(q, built(UniformOnSphere(), 3))) == pytest.approx(kl, rel=1e-5)  # float32 rounding


def test_classes_are_equally_probable():
    p = built(UniformCategorical(), 4)
    np.testing.assert_allclose(p.log_prob(np.eye(4, dtype="float32")), np.log(0.25), rtol=1e-6)  # float32 rounding
    z = p.sample(10_000, seed=(0, 1)).numpy()
    counts = z.sum(0)
    assert z.dtype == "float32" and set(z.ravel()) == {0, 1} and counts.sum() == len(z)
    assert np.sum((counts - 2500) ** 2 / 2500) < 21.1  # exceeded once in 10,000, with 3 degrees of freedom


def test_kl_of_categoricals_is_log_of_the_classes_less_the_entropy():
    probabilities = np.array([0.7, 0.2, 0.1], "float32")
    q = tfd.OneHotCategorical(probs=probabilities, dtype="float32")
    kl = np.log(3) + np.sum(probabilities * np.log(probabilities))
    assert float(tfd.kl_divergence(q, built(UniformCategorical(), 3))) == pytest.approx(kl, rel=1e-5)  # float32


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_relaxed_density_of_two_classes_is_its_formula_and_integrates_to_one(temperature):
    z = (np.arange(2000) + 0.5) / 2000  # (Maddison et al., equation 3, with equal weights)
    expected = temperature * (z * (1 - z)) ** (-temperature - 1) / (z**-temperature + (1 - z) ** -temperature) ** 2
    points = np.stack([z, 1 - z], -1).astype("float32")
    density = np.exp(built(UniformRelaxedCategorical(temperature), 2).log_prob(points), dtype="float64")
    np.testing.assert_allclose(density, expected, rtol=2e-4)  # float32 rounding of points near the edges
    assert density.mean() == pytest.approx(1, abs=1e-4)


def test_relaxed_density_of_three_classes_integrates_to_one():
    axis = np.arange(-30, 30, 0.2)
    logits = np.stack([*np.meshgrid(axis, axis), np.zeros([300, 300])], -1)
    z = np.exp(logits - np.logaddexp.reduce(logits, -1, keepdims=True))
    p = built(UniformRelaxedCategorical(0.7), 3)
    density = np.exp(p.log_prob(z.astype("float32")), dtype="float64")
    assert np.sum(density * z.prod(-1)) * 0.04 == pytest.approx(1, abs=1e-4)  # dz = z_1 z_2 z_3 dlogits; float32


def test_relaxed_samples_lie_on_the_simplex_and_prefer_no_class():
    samples = built(UniformRelaxedCategorical(0.7), 3).sample(10_000, seed=(0, 1)).numpy()
    np.testing.assert_allclose(samples.sum(-1), 1, atol=1e-5)  # float32 rounding
    assert np.all(np.abs(samples.mean(0) - 1 / 3) < 4 * samples.std(0) / 100)  # four standard errors


def test_supports_and_densities_are_declared():
    declared = [(p.support, p.has_density) for p in (UniformOnSphere, UniformCategorical, UniformRelaxedCategorical)]
    assert declared == [("the sphere", True), ("the simplex", False), ("the simplex", True)]


@pytest.mark.parametrize("wrong", [0, -1.0, "1", True, None, float("nan")], ids=repr)
def test_temperature_must_be_a_positive_number(wrong):
    with pytest.raises(ValueError, match=r"`temperature` must be a positive number. Received: temperature="):
        UniformRelaxedCategorical(wrong)
