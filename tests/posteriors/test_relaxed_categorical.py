"""RelaxedCategorical: its density, its limits, its schedule, and the divergence of its categories."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.objectives import ELBO, ImportanceWeightedELBO
from tfvae.posteriors import RelaxedCategorical
from tfvae.posteriors.relaxed_categorical import RelaxedOneHot
from tfvae.priors import UniformCategorical, UniformRelaxedCategorical
from tfvae.schedules import LinearWarmup

tfd = tfp.distributions

LOGITS = [[0.5, -1.0, 2.0]]
PROBABILITIES = np.exp(LOGITS[0]) / np.sum(np.exp(LOGITS[0]))
COOLING = keras.optimizers.schedules.ExponentialDecay(1.0, 100, 0.5)


def uniform(size):
    return tfd.OneHotCategorical(logits=tf.zeros(size), dtype="float32")


def test_log_prob_is_the_formula():
    z, t = np.array([0.2, 0.3, 0.5]), 0.7
    density = 2 * t**2 * np.prod(PROBABILITIES * z ** (-t - 1)) / np.sum(PROBABILITIES * z**-t) ** 3  # Maddison, eq. 10
    log_prob = RelaxedOneHot(t, LOGITS).log_prob(z.astype("float32"))
    np.testing.assert_allclose(log_prob, [np.log(density)], rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize("temperature", [0.3, 2 / 3, 3.0])
def test_density_integrates_to_one(temperature):
    u = np.linspace(-60, 60, 20_001)  # the logarithm of z_1 / z_2, in which the density is smooth
    z = np.stack([1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))], -1)
    log_prob = RelaxedOneHot(temperature, [[0.5, -1.0]]).log_prob(z[:, None].astype("float32"))
    density = np.exp(log_prob[:, 0] + np.sum(np.log(z), -1), dtype="float64")
    assert np.sum(density) * 0.006 == pytest.approx(1, abs=1e-5)  # float32 rounding


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_largest_coordinate_has_the_probability_of_its_category(temperature):
    z = RelaxedOneHot(temperature, LOGITS).sample(100_000, seed=(0, 1)).numpy()[:, 0]
    np.testing.assert_allclose(z.sum(-1), 1, atol=1e-6)  # float32 rounding
    frequency = np.bincount(z.argmax(-1), minlength=3) / len(z)
    error = np.sqrt(PROBABILITIES * (1 - PROBABILITIES) / len(z))
    assert np.all(np.abs(frequency - PROBABILITIES) < 4 * error)  # four standard errors


def test_low_temperature_keeps_samples_above_zero_and_densities_finite():
    q = RelaxedOneHot(0.01, [[0.0, 10.0, -10.0]])
    z = q.sample(1000, seed=(0, 1))
    assert np.min(z) > 0 and np.isclose(np.min(z), math.exp(-80))  # float32 would have 0 there
    for p in (q, tfd.RelaxedOneHotCategorical(0.5, logits=tf.zeros(3))):
        assert np.all(np.isfinite(p.log_prob(tf.identity(z))))
    assert np.all(np.isfinite(q.log_prob(tf.one_hot([[1]], 3))))


def test_kl_is_that_of_the_categories():
    exact = np.sum(PROBABILITIES * np.log(3 * PROBABILITIES))
    kl = kl_divergence(RelaxedOneHot(0.1, LOGITS), uniform(3), None)
    np.testing.assert_allclose(kl, [exact], rtol=1e-5)  # float32 rounding


def test_kl_from_a_prior_that_is_not_uniform():
    prior = np.array([0.2, 0.5, 0.3])
    p = tfd.OneHotCategorical(probs=prior.astype("float32"), dtype="float32")
    exact = np.sum(PROBABILITIES * np.log(PROBABILITIES / prior))
    np.testing.assert_allclose(kl_divergence(RelaxedOneHot(0.1, LOGITS), p, None), [exact], rtol=1e-5)  # rounding


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_kl_is_at_most_log_of_the_number_of_categories(scale):
    logits = scale * tf.random.stateless_normal([100, 4], (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        kl = kl_divergence(RelaxedOneHot(0.5, logits), uniform(4), None)
    assert np.all(np.isfinite(tape.gradient(kl, logits)))
    assert np.all((kl >= -1e-6) & (kl <= math.log(4) + 1e-6))  # float32 rounding
    if scale != 1:
        np.testing.assert_allclose(np.max(kl), 0 if scale == 0 else math.log(4), atol=1e-6)


def test_kl_from_a_relaxed_prior_is_estimated_from_the_sample():
    q, p = RelaxedOneHot(0.5, LOGITS), tfd.RelaxedOneHotCategorical(0.5, logits=tf.zeros(3))
    z = q.sample(4, seed=(0, 1))
    np.testing.assert_array_equal(kl_divergence(q, p, z), q.log_prob(z) - p.log_prob(z))


def test_code_is_the_probabilities():
    posterior = RelaxedCategorical(3)
    code = posterior.code(posterior.distribution(tf.constant(LOGITS)))
    np.testing.assert_allclose(code, [PROBABILITIES], rtol=1e-5)  # float32 rounding


def test_temperature_follows_its_schedule():
    posterior = RelaxedCategorical(3, COOLING)
    temperatures = [float(posterior.distribution(tf.zeros([1, 3]), step).temperature) for step in (None, 0, 100)]
    np.testing.assert_allclose(temperatures, [1.0, 1.0, 0.5])


@pytest.mark.parametrize("temperature", [0.3, LinearWarmup(10, 1.0, 0.5), COOLING], ids=["number", "ours", "Keras"])
def test_temperature_survives_its_config(temperature):
    posterior = RelaxedCategorical(3, temperature)
    copy = RelaxedCategorical.from_config(posterior.get_config())
    assert copy.get_config() == posterior.get_config()
    q = copy.distribution(tf.zeros([1, 3]), 10)
    assert q.temperature == posterior.distribution(tf.zeros([1, 3]), 10).temperature


def test_temperature_follows_the_steps_of_a_model(make_vae, binary, batches):
    posterior = RelaxedCategorical(3, LinearWarmup(10, 1.0, 0.5))
    model = make_vae(posterior=posterior, prior=UniformCategorical())
    model.compile("sgd")
    model.fit(batches(binary(8)), verbose=0)  # two steps
    assert float(model.encode(binary(4)).temperature) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("prior", "objective"),
    [
        (UniformCategorical, ELBO()),
        (lambda: UniformRelaxedCategorical(0.5), ELBO()),
        (lambda: UniformRelaxedCategorical(0.5), ImportanceWeightedELBO(3)),
    ],
    ids=["categorical", "relaxed", "IWAE"],
)
def test_trains_with_its_priors(prior, objective, make_vae, binary, weights_without_gradient):
    model, batch = make_vae(posterior=RelaxedCategorical(4), prior=prior(), objective=objective), {"x": binary(8)}
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


def test_one_category_is_refused():
    with pytest.raises(ValueError, match="`latent_size` must be at least 2: one category alone is always the same"):
        RelaxedCategorical(1)


@pytest.mark.parametrize("wrong", [0, -1.0, True, math.inf, math.nan, "low", abs], ids=repr)  # abs is callable
def test_temperature_must_be_positive_or_a_schedule(wrong):
    with pytest.raises(ValueError, match=r"`temperature` must be a positive number, or a schedule. Received: "):
        RelaxedCategorical(2, wrong)
