"""Conformance of the objectives, with three distributions and no network, and the golden values R1 and R2."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Gate, Inference, Latent
from tfvae.objectives import (
    ELBO,
    GECO,
    CapacityELBO,
    DistortionBelow,
    DoublyReparameterized,
    ImportanceWeightedELBO,
    PartiallyImportanceWeighted,
    RateBelow,
    Reconstruction,
    StickingTheLanding,
)
from tfvae.objectives.objective import distortion, rate
from tfvae.schedules import Cyclical, LinearWarmup

tfd = tfp.distributions

OBJECTIVES = [
    ELBO,
    pytest.param(lambda: ELBO(beta=4), id="ELBO-beta"),
    pytest.param(lambda: ELBO(beta=LinearWarmup(10)), id="ELBO-warmup"),
    pytest.param(lambda: ELBO(beta=Cyclical(8)), id="ELBO-cyclical"),
    pytest.param(lambda: ELBO(free_bits=0.1, num_samples=4), id="ELBO-free-bits"),
    pytest.param(lambda: CapacityELBO(10.0, LinearWarmup(10, final=5.0)), id="CapacityELBO"),
    pytest.param(lambda: CapacityELBO([10.0], [0.2]), id="CapacityELBO-groups"),
    pytest.param(lambda: GECO(DistortionBelow(0.5)), id="GECO-distortion"),
    pytest.param(lambda: GECO(RateBelow(0.1), num_samples=4), id="GECO-rate"),
    pytest.param(lambda: ImportanceWeightedELBO(4), id="IWAE"),
    pytest.param(lambda: ImportanceWeightedELBO(2, 2, StickingTheLanding()), id="MIWAE-STL"),
    pytest.param(lambda: ImportanceWeightedELBO(2, 2, DoublyReparameterized()), id="MIWAE-DReG"),
    pytest.param(lambda: ImportanceWeightedELBO(2, 2, PartiallyImportanceWeighted()), id="PIWAE"),
    pytest.param(lambda: ImportanceWeightedELBO(4, elbo_share=0.5), id="CIWAE"),
    Reconstruction,
]
R1 = [  # x, mean of q, E_q log p(x|z), KL, ELBO
    ((1, 0, 1), 0.8, -0.994836, 0.510826, -1.505662),
    ((0, 1, 0), -0.8, -1.313548, 0.510826, -1.824374),
]
STEP = tf.constant(5, "int64")
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)  # of a standard normal, exact to float32 here
WEIGHTS = WEIGHTS / WEIGHTS.sum()

objectives = pytest.mark.parametrize("make", OBJECTIVES)
r1 = pytest.mark.parametrize(("x", "q_mean", "log_px_given_z", "kl", "elbo"), R1)


def infer(x, mean, stddev, noise, copies=1):
    """Three Bernoulli pixels, one latent, `copies` showings of every pixel; noise is [S, B, 1]."""
    posterior = tfd.MultivariateNormalDiag(mean, stddev)
    prior = tfd.MultivariateNormalDiag(tf.zeros(1), tf.ones(1))
    gate = Gate()
    z = gate(mean + stddev * noise)
    logits = tf.tile(z * [2, -1.5, 0.5] + [0.3, -0.2, 0.1], [1, 1, copies])
    likelihood = tfd.Independent(tfd.Bernoulli(logits=logits, dtype="float32"), 1)
    return Inference(tf.tile(x, [1, copies]), (Latent(posterior, prior, z),), likelihood, gate)


def built(make):
    objective = make()
    objective.build((None, 3))
    return objective


def example(num_samples=4, num_examples=4, copies=1, repeats=1):
    draw = lambda i, *shape: tf.random.stateless_normal(shape, (0, i))  # noqa: E731
    mean, raw, noise = draw(0, num_examples, 1), draw(1, num_examples, 1), draw(2, num_samples, num_examples, 1)
    x = tf.cast(draw(3, num_examples, 3) > 0, "float32")
    twice = lambda t, axis: tf.concat([t] * repeats, axis)  # noqa: E731
    return infer(twice(x, 0), twice(mean, 0), twice(tf.exp(raw), 0), twice(noise, 1), copies)


def r1_inference(x, q_mean, noise):
    return infer(tf.constant([x], "float32"), tf.constant([[q_mean]]), tf.constant([[0.6]]), noise)


@objectives
def test_terms_are_scalars_and_include_the_loss_and_the_reports(make):
    terms = built(make).terms(example(), STEP, training=True)
    assert {name: term.shape for name, term in terms.items()} == dict.fromkeys(("loss", *make().reports), ())


@objectives
@pytest.mark.parametrize("compiler", [{}, {"jit_compile": True}], ids=["graph", "XLA"])
def test_eager_equals_graph(make, compiler):
    objectives = [built(make) for _ in range(2)]  # two, for their variables move
    inference = example()  # drawn outside: XLA draws other numbers
    evaluate = [lambda o=o: o.terms(inference, STEP, training=True) for o in objectives]
    eager, graph = evaluate[0](), tf.function(evaluate[1], **compiler)()
    np.testing.assert_allclose([graph[k] for k in eager], [eager[k] for k in eager], rtol=1e-5, atol=1e-6)  # float32


@objectives
def test_every_parameter_of_the_distributions_has_a_gradient(make):
    mean, stddev, objective = tf.Variable([[0.8]]), tf.Variable([[0.6]]), built(make)
    noise = tf.constant([0.5, -0.3, 1.5, -1.2])[:, None, None]
    with tf.GradientTape() as tape:
        inference = infer(tf.constant([[1.0, 0, 1]]), mean, stddev, noise)
        loss = objective.terms(inference, STEP, training=True)["loss"]
    assert np.all(np.not_equal(tape.gradient(loss, [mean, stddev]), 0))


@objectives
def test_survives_a_keras_file(make, make_vae, reload, binary):
    model, x = make_vae(objective=make()), binary(4)
    loaded, num_samples = reload(model), model.objective.num_samples
    infer = lambda m: m.infer(x, num_samples, seed=(0, 1))  # noqa: E731
    terms = [m.objective.terms(infer(m), STEP, training=True)["loss"] for m in (model, loaded)]
    assert float(terms[0]) == float(terms[1])
    assert loaded.objective.get_config() == model.objective.get_config()


@objectives
def test_trains_every_weight_of_a_model(make, make_vae, binary, weights_without_gradient):
    model, seed = make_vae(objective=make()), tf.constant([0, 1])
    model.step.assign(5)
    assert not weights_without_gradient(model, lambda: model.terms({"x": binary(8)}, seed, training=True)["loss"])


@objectives
def test_terms_are_float32_and_finite_under_mixed_precision(make, make_vae, binary, mixed_precision):
    terms = make_vae(objective=make()).terms({"x": binary(8)}, tf.constant([0, 1]), training=True)
    assert all(term.dtype == "float32" and np.isfinite(term) for term in terms.values())


@objectives
def test_repeating_the_batch_leaves_the_terms_unchanged(make):
    once, twice = (built(make).terms(example(repeats=n), STEP, training=True) for n in (1, 2))
    np.testing.assert_allclose(
        [twice[k] for k in once], [once[k] for k in once], rtol=1e-6, atol=1e-7
    )  # float32 rounding


def test_distortion_has_samples_and_batch_and_closed_form_rate_has_batch_only():
    assert (distortion(example(3, 4)).shape, rate(example(3, 4)).shape) == ((3, 4), (4,))


def test_rate_is_the_sum_over_the_groups_of_latents():
    inference = example()
    doubled = inference._replace(latents=inference.latents * 2)
    np.testing.assert_allclose(rate(doubled), 2 * rate(inference))


@r1
def test_r1_by_quadrature(x, q_mean, log_px_given_z, kl, elbo):
    inference = r1_inference(x, q_mean, tf.constant(NODES[:, None, None], "float32"))
    d, r = np.dot(WEIGHTS, distortion(inference)[:, 0]), rate(inference)[0]
    np.testing.assert_allclose([d, r, d + r], [-log_px_given_z, kl, -elbo], atol=2e-6)  # float32 and six decimals


@r1
def test_r1_by_monte_carlo(x, q_mean, log_px_given_z, kl, elbo):
    inference = r1_inference(x, q_mean, tf.random.stateless_normal([200_000, 1, 1], (0, 1)))
    terms = ELBO().terms(inference, STEP, training=False)
    error = np.std(distortion(inference)) / np.sqrt(200_000)  # about 0.001 nats
    assert error < 0.003
    assert abs(terms["distortion"] + log_px_given_z) < 4 * error and abs(terms["negative_elbo"] + elbo) < 4 * error
    assert float(terms["rate"]) == pytest.approx(kl, abs=1e-6)  # float32 rounding


def test_r2_by_quadrature():
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)  # exact: the distortion is quadratic in z
    noise = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(9, 1, 2)
    posterior = tfd.MultivariateNormalDiag([[0.662906, 0.310296]], np.sqrt([[0.136612, 0.126263]]).astype("float32"))
    z = posterior.mean() + posterior.stddev() * noise.astype("float32")
    mean = z @ tf.constant([[1.0, 0.3, 0.7], [0.5, -1.2, 0.2]]) + [0.1, -0.2, 0.3]
    likelihood = tfd.Independent(tfd.Normal(mean, 0.5), 1)
    prior = tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))
    inference = Inference(tf.constant([[0.9, -0.4, 1.1]]), (Latent(posterior, prior, z),), likelihood)
    d = np.dot(np.outer(weights, weights).ravel() / (2 * np.pi), distortion(inference)[:, 0])
    assert float(d + rate(inference)[0]) == pytest.approx(3.127347, abs=3e-6)  # float32 and six decimals


def test_beta_one_is_negative_elbo():
    terms = ELBO(beta=1).terms(example(), STEP, training=True)
    assert terms["loss"] == terms["negative_elbo"] == terms["distortion"] + terms["rate"]


@pytest.mark.parametrize("beta", [0, 0.5, 4])
def test_reported_negative_elbo_does_not_depend_on_beta(beta):
    terms = ELBO(beta=beta).terms(example(), STEP, training=True)
    assert terms["negative_elbo"] == terms["distortion"] + terms["rate"]
    assert float(terms["loss"]) == pytest.approx(float(terms["distortion"] + beta * terms["rate"]))


class VariableBeta(keras.optimizers.schedules.LearningRateSchedule):
    """A beta to differentiate by."""

    def __init__(self):
        self.value = tf.Variable(2.0)

    def __call__(self, step):
        return self.value


def test_derivative_of_the_loss_by_beta_is_the_rate():
    beta = VariableBeta()
    with tf.GradientTape() as tape:
        terms = ELBO(beta=beta).terms(example(), STEP, training=True)
    assert float(tape.gradient(terms["loss"], beta.value)) == float(terms["rate"])


def test_a_function_is_no_schedule_for_it_could_not_be_saved():
    with pytest.raises(ValueError, match="or a schedule"):
        ELBO(beta=lambda step: 1.0)


def test_loss_rises_by_the_rate_when_beta_rises_by_one():
    low, high = (ELBO(beta=b).terms(example(), STEP, training=True) for b in (2, 3))
    assert float(high["loss"] - low["loss"]) == pytest.approx(float(low["rate"]), rel=1e-5)  # float32 rounding


def test_showing_every_pixel_twice_doubles_the_distortion_and_leaves_the_rate():
    once, twice = (ELBO().terms(example(copies=n), STEP, training=True) for n in (1, 2))
    ratios = [float(twice[k] / once[k]) for k in ("distortion", "rate")]
    assert ratios == pytest.approx([2, 1], rel=1e-6)  # float32 rounding


@pytest.mark.parametrize(("step", "beta"), [(0, 0.0), (5, 0.5), (10, 1.0), (99, 1.0)])
def test_beta_follows_its_schedule(step, beta):
    terms = ELBO(beta=LinearWarmup(10)).terms(example(), tf.constant(step, "int64"), training=True)
    assert float(terms["loss"]) == pytest.approx(float(terms["distortion"] + beta * terms["rate"]))


@pytest.mark.parametrize("wrong", [-1, -0.5, float("inf"), float("nan"), True, None, "4"], ids=repr)
def test_beta_must_be_a_number_from_zero_up_or_a_schedule(wrong):
    with pytest.raises(ValueError, match=r"`beta` must be a number from 0 up, or a schedule. Received: beta="):
        ELBO(beta=wrong)


def test_schedule_of_keras_survives_serialization():
    elbo = ELBO(beta=keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.0, 2.0]))
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(elbo))
    assert [float(loaded.beta(step)) for step in (0, 9)] == [0.0, 2.0]
