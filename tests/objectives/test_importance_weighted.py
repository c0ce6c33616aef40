"""ImportanceWeightedELBO: the bounds of R1, and gradients against quadrature and against each other."""

import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Gate, Inference, Latent
from tfvae.objectives import (
    DoublyReparameterized,
    ImportanceWeightedELBO,
    PartiallyImportanceWeighted,
    Pathwise,
    StickingTheLanding,
)
from tfvae.objectives.objective import distortion, rate
from tfvae.posteriors import DiagonalNormal, FullCovarianceNormal, InverseAutoregressive

tfd = tfp.distributions

GRADIENTS = [Pathwise, StickingTheLanding, DoublyReparameterized, PartiallyImportanceWeighted]
STEP = tf.constant(0, "int64")
BIAS = np.array([0.3, -0.2, 0.1])
BOUNDS = {  # x, mean of q: L_1, L_2, L_3, log p(x)
    ((1, 0, 1), 0.8): (-1.505662, -1.492167, -1.485864, -1.461777),
    ((0, 1, 0), -0.8): (-1.824374, -1.803730, -1.793812, -1.754810),
}
r1 = pytest.mark.parametrize(("example", "bounds"), BOUNDS.items(), ids=["101", "010"])


def r1_parameters(example, repetitions=1):
    """Mean and stddev of q [N, 1] and weights of the decoder [N, 3]: one model of its own for each repetition."""
    rows = lambda value: tf.tile(tf.constant([value], "float64"), [repetitions, 1])  # noqa: E731
    return rows([example[1]]), rows([0.6]), rows([2.0, -1.5, 0.5])


def r1_inference(example, parameters, noise, gate=None):
    """R1 in float64, for noise [S, N, 1]."""
    mean, stddev, weights = parameters
    z = (gate or tf.identity)(mean + stddev * noise)
    likelihood = tfd.Independent(tfd.Bernoulli(logits=z * weights + BIAS, dtype="float64"), 1)
    prior = tfd.MultivariateNormalDiag(tf.zeros(1, "float64"), tf.ones(1, "float64"))
    latent = Latent(tfd.MultivariateNormalDiag(mean, stddev), prior, z)
    return Inference(tf.constant([example[0]], "float64"), (latent,), likelihood, gate)


def normal(*shape, seed=0):
    return tf.random.stateless_normal(shape, (seed, 1), dtype="float64")


def evaluate(objective, example, repetitions, seed=0):
    noise = normal(objective.num_samples, repetitions, 1, seed=seed)
    return objective.terms(r1_inference(example, r1_parameters(example, repetitions), noise), STEP, training=False)


def gradients(objective, example, noise):
    """The gradient of each repetition's loss by its own mean, stddev and decoder weights: [N, 5]."""
    repetitions = noise.shape[1]
    parameters = r1_parameters(example, repetitions)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        loss = objective.terms(r1_inference(example, parameters, noise, Gate()), STEP, training=True)["loss"]
    return np.concatenate(tape.gradient(loss, parameters), axis=1) * repetitions


def quadrature(example, parameters, num_samples, order=40):
    """L_1 or L_2 of R1, exact: a mean over a grid of Gauss-Hermite nodes."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    weights = weights / weights.sum()
    mean, stddev, *decoder = parameters
    z = mean + stddev * nodes
    logits = z[:, None] * decoder + BIAS
    log_joint = np.sum(example[0] * logits - np.logaddexp(0, logits), -1) - z**2 / 2
    log_w = log_joint + nodes**2 / 2 + np.log(stddev)
    pairs = np.logaddexp(log_w[:, None], log_w) - np.log(2)
    return weights @ log_w if num_samples == 1 else weights @ pairs @ weights


def slopes(example, num_samples, change=1e-5):
    """Central differences of the negative bound, [5]."""
    point = np.array([example[1], 0.6, 2.0, -1.5, 0.5])
    steps = change * np.eye(5)
    values = [[quadrature(example, point + sign * step, num_samples) for sign in (1, -1)] for step in steps]
    return -np.array([(high - low) / (2 * change) for high, low in values])


def mean_and_error(samples):
    return samples.mean(0), samples.std(0) / np.sqrt(len(samples))


@r1
@pytest.mark.parametrize("num_samples", [1, 2, 3])
def test_logged_bound_is_the_golden_value(example, bounds, num_samples):
    objective = ImportanceWeightedELBO(num_samples)
    terms = [evaluate(objective, example, 50_000, seed=seed) for seed in range(20)]  # a million repetitions
    for name in ("negative_bound", "loss"):
        mean, error = mean_and_error(np.array([t[name] for t in terms]))
        assert error < 5e-4 and abs(mean + bounds[num_samples - 1]) < 4 * error


@r1
def test_quadrature_is_the_golden_value(example, bounds):
    point = [example[1], 0.6, 2.0, -1.5, 0.5]
    values = [quadrature(example, point, k) for k in (1, 2)]
    assert values == pytest.approx(bounds[:2], abs=1e-6)  # six decimals


@r1
def test_bound_tightens_with_samples_and_stays_below_the_evidence(example, bounds):
    values = [
        -float(evaluate(ImportanceWeightedELBO(k), example, 20_000)["negative_bound"]) for k in (1, 2, 5, 20, 100)
    ]
    assert np.all(np.diff(values) > 0) and values[-1] < bounds[-1]
    assert bounds[-1] - values[-1] < 0.1 * (bounds[-1] - bounds[0])


def test_one_sample_is_the_elbo_with_an_estimated_rate():
    example = ((1, 0, 1), 0.8)
    inference = r1_inference(example, r1_parameters(example, 50), normal(1, 50, 1))
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.zeros(1, "float64")), inference.latents[0].prior[tf.newaxis]
    )
    inference = inference._replace(latents=(inference.latents[0]._replace(prior=mixture),))  # no closed form
    elbo = tf.reduce_mean(distortion(inference) + rate(inference))
    terms = ImportanceWeightedELBO(1).terms(inference, STEP, training=True)
    assert [float(terms[name]) for name in ("negative_bound", "negative_elbo", "loss")] == pytest.approx(
        [float(elbo)] * 3
    )


def test_bounds_of_one_sample_each_are_the_elbo():
    terms = evaluate(ImportanceWeightedELBO(1, num_bounds=7), ((1, 0, 1), 0.8), 30)
    assert float(terms["negative_bound"]) == pytest.approx(float(terms["negative_elbo"]), rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_elbo_share_mixes_the_bounds(share):
    mixed, plain = (evaluate(ImportanceWeightedELBO(5, elbo_share=s), ((1, 0, 1), 0.8), 30) for s in (share, 0.0))
    expected = share * plain["negative_elbo"] + (1 - share) * plain["negative_bound"]
    assert float(mixed["loss"]) == pytest.approx(float(expected), rel=1e-12)


UNBIASED = [  # objective, number of samples of the bound that it estimates
    (ImportanceWeightedELBO(1), 1),
    (ImportanceWeightedELBO(1, 1, StickingTheLanding()), 1),
    (ImportanceWeightedELBO(1, 2, StickingTheLanding()), 1),
    (ImportanceWeightedELBO(1, 1, DoublyReparameterized()), 1),
    (ImportanceWeightedELBO(2), 2),
    (ImportanceWeightedELBO(2, 3), 2),
    (ImportanceWeightedELBO(2, 1, DoublyReparameterized()), 2),
    (ImportanceWeightedELBO(2, 3, DoublyReparameterized()), 2),
]


@pytest.mark.parametrize(("objective", "num_samples"), UNBIASED)
def test_gradient_is_the_slope_of_the_bound(objective, num_samples):
    example = ((1, 0, 1), 0.8)
    mean, error = mean_and_error(gradients(objective, example, normal(objective.num_samples, 200_000, 1)))
    assert np.all(error < 0.01) and np.all(np.abs(mean - slopes(example, num_samples)) < 4 * error)


@pytest.mark.parametrize("gradient", [Pathwise, DoublyReparameterized])
def test_gradient_of_a_mixture_is_the_mixture_of_the_slopes(gradient):
    example, objective = ((1, 0, 1), 0.8), ImportanceWeightedELBO(2, 1, gradient(), elbo_share=0.3)
    mean, error = mean_and_error(gradients(objective, example, normal(2, 200_000, 1)))
    assert np.all(np.abs(mean - 0.3 * slopes(example, 1) - 0.7 * slopes(example, 2)) < 4 * error)


def test_plain_gradient_is_that_of_automatic_differentiation():
    example, noise = ((1, 0, 1), 0.8), normal(6, 9, 1)
    parameters = r1_parameters(example, 9)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        inference = r1_inference(example, parameters, noise)
        q, p, z = inference.latents[0]
        log_w = inference.likelihood.log_prob(inference.x) + p.log_prob(z) - q.log_prob(z)
        bounds = tf.reduce_logsumexp(tf.reshape(log_w, [2, 3, 9]), 1) - np.log(3)
        loss = -tf.reduce_sum(tf.reduce_mean(bounds, 0))
    expected = np.concatenate(tape.gradient(loss, parameters), axis=1)
    np.testing.assert_allclose(gradients(ImportanceWeightedELBO(3, 2), example, noise), expected, rtol=1e-9, atol=1e-12)


def test_sticking_the_landing_is_biased_for_several_samples_but_not_for_the_decoder():
    example, noise = ((1, 0, 1), 0.8), normal(2, 200_000, 1)
    plain, stuck = (gradients(ImportanceWeightedELBO(2, 1, g()), example, noise) for g in GRADIENTS[:2])
    np.testing.assert_allclose(stuck[:, 2:], plain[:, 2:], rtol=1e-9)
    mean, error = mean_and_error(stuck[:, :2])
    assert np.any(np.abs(mean - slopes(example, 2)[:2]) > 10 * error)


def test_double_reparameterization_has_less_noise_at_many_samples_and_the_same_decoder_gradient():
    example, noise = ((1, 0, 1), 0.8), normal(64, 2000, 1)
    plain, doubly = (
        gradients(ImportanceWeightedELBO(64, 1, g()), example, noise) for g in (Pathwise, DoublyReparameterized)
    )
    np.testing.assert_allclose(doubly[:, 2:], plain[:, 2:], rtol=1e-9)
    assert np.all(doubly[:, :2].std(0) < 0.3 * plain[:, :2].std(0))


def test_sticking_the_landing_has_no_noise_at_the_exact_posterior():
    weights = tf.constant([[1, 0.5], [0.3, -1.2], [0.7, 0.2]], "float64")
    x, bias = tf.constant([[0.9, -0.4, 1.1]], "float64"), tf.constant([0.1, -0.2, 0.3], "float64")
    covariance = tf.linalg.inv(tf.eye(2, dtype="float64") + 4 * tf.transpose(weights) @ weights)
    mean = 4 * (x - bias) @ weights @ covariance
    scale = tf.linalg.cholesky(covariance)[tf.newaxis]

    def gradient(estimator):
        with tf.GradientTape() as tape:
            tape.watch([mean, scale])
            q = tfd.MultivariateNormalTriL(mean, scale)
            z = q.sample(1, seed=(0, 1))
            likelihood = tfd.Independent(tfd.Normal(z @ tf.transpose(weights) + bias, tf.constant(0.5, "float64")), 1)
            prior = tfd.MultivariateNormalDiag(tf.zeros(2, "float64"), tf.ones(2, "float64"))
            inference = Inference(x, (Latent(q, prior, z),), likelihood, Gate())
            terms = ImportanceWeightedELBO(1, 1, estimator).terms(inference, STEP, training=True)
        assert float(terms["loss"]) == pytest.approx(3.116409, abs=1e-6)  # -log p(x) of R2, six decimals
        by_mean, by_scale = tape.gradient(terms["loss"], [mean, scale])
        return np.concatenate([by_mean[0], by_scale[0].numpy()[np.tril_indices(2)]])

    np.testing.assert_allclose(gradient(StickingTheLanding()), 0, atol=1e-12)  # float64 rounding
    assert np.max(np.abs(gradient(Pathwise()))) > 0.1


def test_partial_weighting_has_the_decoder_gradient_of_one_bound_and_the_encoder_gradient_of_several():
    example, noise = ((1, 0, 1), 0.8), normal(12, 50, 1)
    partial = gradients(ImportanceWeightedELBO(4, 3, PartiallyImportanceWeighted()), example, noise)
    one, several = (gradients(ImportanceWeightedELBO(*sizes), example, noise) for sizes in ((12, 1), (4, 3)))
    np.testing.assert_allclose(partial[:, 2:], one[:, 2:], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(partial[:, :2], several[:, :2], rtol=1e-9, atol=1e-12)


def test_partial_weighting_survives_a_bound_whose_samples_have_no_weight():
    example, noise = ((1, 0, 1), 0.8), tf.constant([0.0, 50.0], "float64")[:, None, None]
    sizes = {"num_samples": 1, "num_bounds": 2}
    partial = gradients(ImportanceWeightedELBO(**sizes, gradient=PartiallyImportanceWeighted()), example, noise)
    several = gradients(ImportanceWeightedELBO(**sizes), example, noise)
    np.testing.assert_allclose(partial[:, :2], several[:, :2], rtol=1e-9)
    assert np.abs(several[0, 0]) > 1  # the second sample is far away, and moves the encoder


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_gradient_is_finite_for_weights_that_differ_by_hundreds_of_nats(gradient):
    noise = tf.constant([0.0, 60.0, -60.0, 5.0], "float64")[:, None, None]
    objective = ImportanceWeightedELBO(2, 2, gradient(), elbo_share=0.1)
    assert np.all(np.isfinite(gradients(objective, ((1, 0, 1), 0.8), noise)))


@pytest.mark.parametrize("gradient", [DoublyReparameterized, PartiallyImportanceWeighted])
def test_weights_for_the_encoder_need_a_gate(gradient):
    example = ((1, 0, 1), 0.8)
    inference = r1_inference(example, r1_parameters(example), normal(2, 1, 1))
    with pytest.raises(ValueError, match=f"{gradient.__name__} needs a model that passes its samples through a `Gate`"):
        ImportanceWeightedELBO(2, 1, gradient()).terms(inference, STEP, training=True)


def test_a_model_is_trained_with_the_partial_weights(make_vae, binary, gradients_of):
    batch, seed = {"x": binary(8)}, tf.constant([0, 1])
    objectives = [
        ImportanceWeightedELBO(4, 3, PartiallyImportanceWeighted()),
        ImportanceWeightedELBO(12),
        ImportanceWeightedELBO(4, 3),
    ]
    models = [make_vae(objective=objective) for objective in objectives]
    for model in models:
        model.set_weights(models[0].get_weights())
    partial, one, several = (
        list(gradients_of(m, lambda m=m: m.terms(batch, seed, training=True)["loss"]).values()) for m in models
    )
    num_encoder = len(models[0].encoder.trainable_weights) + len(models[0].posterior.trainable_weights)
    for gradient, expected in zip(partial, several[:num_encoder] + one[num_encoder:], strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("posterior", [DiagonalNormal, FullCovarianceNormal, InverseAutoregressive])
def test_what_sticking_the_landing_leaves_out_is_the_score_of_any_posterior(posterior, make_vae, binary, gradients_of):
    model, x, seed = make_vae(posterior=posterior(2), objective=ImportanceWeightedELBO(1)), binary(8), (0, 1)
    z = tf.constant(model.infer(x, seed=seed).latents[0].sample.numpy())

    def gradient(estimator):
        objective = ImportanceWeightedELBO(1, 1, estimator)
        loss = lambda: objective.terms(model.infer(x, seed=seed), STEP, training=True)["loss"]  # noqa: E731
        return gradients_of(model.posterior, loss)

    score = gradients_of(model.posterior, lambda: tf.reduce_mean(model.encode(x).log_prob(z)))
    plain, stuck = gradient(Pathwise()), gradient(StickingTheLanding())
    for path, part in score.items():
        np.testing.assert_allclose(plain[path] - stuck[path], part, rtol=1e-3, atol=1e-5)  # float32 rounding


def test_a_model_trains_by_the_doubly_reparameterized_gradient_with_xla(make_vae, binary, batches):
    model = make_vae(objective=ImportanceWeightedELBO(4, 2, DoublyReparameterized()))
    model.compile(jit_compile=True)
    history = model.fit(batches(binary(8)), verbose=0).history
    assert np.isfinite(history["negative_bound"][0])
    assert history["loss"] == history["negative_bound"] < history["negative_elbo"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be a positive integer. Received: num_samples=0"),
        ({"num_samples": 2, "num_bounds": 1.5}, "`num_bounds` must be a positive integer. Received: num_bounds=1.5"),
        (
            {"num_samples": 2, "gradient": "dreg"},
            "`gradient` must be a gradient of tfvae.objectives. Received: gradient='dreg'",
        ),
        ({"num_samples": 2, "elbo_share": 1.5}, "`elbo_share` must be from 0 to 1. Received: elbo_share=1.5"),
    ],
)
def test_faults(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ImportanceWeightedELBO(**arguments)
