"""Conformance of the regularizers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.regularizers import (
    RBF,
    CodeNorm,
    Contractive,
    CovarianceOfMeans,
    CovarianceOfSamples,
    InverseMultiquadratic,
    L1Sparsity,
    LatentCovariance,
    MaximumMeanDiscrepancy,
    TargetRateSparsity,
    TotalCorrelation,
)
from tfvae.schedules import LinearWarmup

tfd = tfp.distributions

REGULARIZERS = [
    pytest.param(lambda weight: TotalCorrelation(weight, dataset_size=100), id="TotalCorrelation"),
    pytest.param(lambda weight: LatentCovariance(weight, CovarianceOfMeans(), 10.0), id="DIP-VAE-I"),
    pytest.param(lambda weight: LatentCovariance(weight, CovarianceOfSamples()), id="DIP-VAE-II"),
    pytest.param(lambda weight: MaximumMeanDiscrepancy(weight, RBF(2.0)), id="MMD-RBF"),
    pytest.param(lambda weight: MaximumMeanDiscrepancy(weight, InverseMultiquadratic()), id="MMD-IMQ"),
    CodeNorm,
    L1Sparsity,
    pytest.param(lambda weight: TargetRateSparsity(weight, 0.1), id="TargetRateSparsity"),
    Contractive,
]
SEED = tf.constant([3, 4])

regularizers = pytest.mark.parametrize("make", REGULARIZERS)


def infer(parameters, num_samples=2):
    """An encoder of one linear layer on 4 examples, and 3 latents; parameters are weights [5, 3] and stddevs [4, 3]."""
    weights, stddev = parameters
    x = tf.random.stateless_normal([4, 5], (0, 1))
    encode = lambda x: tfd.MultivariateNormalDiag(x @ weights, stddev)  # noqa: E731
    q, p = encode(x), tfd.MultivariateNormalDiag(tf.zeros(3), tf.ones(3))
    z = q.mean() + stddev * tf.random.stateless_normal([num_samples, 4, 3], (0, 2))
    likelihood = tfd.Independent(tfd.Normal(tf.zeros([num_samples, 4, 5]), 1.0), 1)
    return Inference(x, (Latent(q, p, z),), likelihood, None, lambda x: encode(x).mean())


def parameters():
    return tf.random.stateless_normal([5, 3], (0, 3)), 0.5 + tf.random.stateless_uniform([4, 3], (0, 4))


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@regularizers
def test_penalty_is_a_finite_float32_scalar(make):
    penalty = make(1.0).penalty(infer(parameters()), SEED)
    assert penalty.shape == () and penalty.dtype == "float32" and np.isfinite(penalty)


@regularizers
def test_one_example_has_a_finite_penalty_and_gradient(make, make_vae, binary):
    model = make_vae(regularizers=[make(1.0)])
    with tf.GradientTape() as tape:
        penalty = model.regularizers[0].penalty(model.infer(binary(1), seed=(0, 1)), SEED)
    gradients = tape.gradient(penalty, model.encoder.trainable_weights)
    assert np.isfinite(penalty) and all(np.all(np.isfinite(g)) for g in gradients if g is not None)


@regularizers
def test_reaches_every_weight_of_the_encoder(make):
    weights, stddev = parameters()
    with tf.GradientTape() as tape:
        tape.watch(weights)
        penalty = make(1.0).penalty(infer((weights, stddev)), SEED)
    assert np.all(np.not_equal(tape.gradient(penalty, weights), 0))


@regularizers
def test_eager_equals_graph(make):
    inference, regularizer = infer(parameters()), make(1.0)
    graph = tf.function(lambda: regularizer.penalty(inference, SEED))
    np.testing.assert_allclose(graph(), regularizer.penalty(inference, SEED), rtol=1e-5)  # float32 rounding


@regularizers
def test_a_model_reports_it_in_training_and_validation_with_a_ragged_batch(make, make_vae, binary, batches):
    model = make_vae(regularizers=[make(0.5)])
    model.compile()
    report = model.regularizers[0].report
    history = model.fit(batches(binary(8)), validation_data=batches(binary(5)), verbose=0).history
    assert np.isfinite([history[report], history[f"val_{report}"]]).all()
    added = history["loss"][0] - history["negative_elbo"][0]
    assert added == pytest.approx(0.5 * history[report][0], abs=1e-5)  # float32 rounding


@regularizers
def test_a_model_trains_with_xla(make, make_vae, binary, batches):
    model = make_vae(regularizers=[make(0.5)])
    model.compile(jit_compile=True)
    assert np.isfinite(model.fit(batches(binary(4)), verbose=0).history["loss"])


@regularizers
def test_a_weight_of_zero_leaves_the_loss(make, make_vae, binary):
    terms = make_vae(regularizers=[make(0)]).terms({"x": binary(4)}, SEED, training=True)
    assert terms["loss"] == terms["negative_elbo"]


@regularizers
def test_weight_may_be_a_schedule(make):
    regularizer = make(LinearWarmup(10, final=4.0))
    assert [float(regularizer.weighted(3.0, tf.constant(step, "int64"))) for step in (0, 5, 99)] == [0.0, 6.0, 12.0]


@regularizers
def test_survives_a_keras_file(make, make_vae, reload, binary):
    model, batch = make_vae(regularizers=[make(LinearWarmup(10))]), {"x": binary(4)}
    loaded = reload(model)
    for name, term in model.terms(batch, SEED, training=True).items():
        assert float(loaded.terms(batch, SEED, training=True)[name]) == float(term)
    assert loaded.regularizers[0].get_config() == model.regularizers[0].get_config()


@regularizers
def test_is_float32_under_mixed_precision(make, make_vae, binary, mixed_precision):
    model = make_vae(regularizers=[make(1.0)])
    terms = model.terms({"x": binary(4)}, SEED, training=True)
    assert all(term.dtype == "float32" and np.isfinite(term) for term in terms.values())


@regularizers
@pytest.mark.parametrize("wrong", [-1, float("nan"), True, None, "4"], ids=repr)
def test_weight_must_be_a_number_from_zero_up_or_a_schedule(make, wrong):
    with pytest.raises(ValueError, match=r"`weight` must be a number from 0 up, or a schedule. Received: weight="):
        make(wrong)


@pytest.mark.parametrize("make", [p for p in REGULARIZERS if p is not Contractive])
def test_groups_of_latents_are_added(make):
    inference = infer(parameters())
    once = make(1.0).penalty(inference, SEED)
    twice = make(1.0).penalty(inference._replace(latents=inference.latents * 2), SEED)
    if make(1.0).report == "maximum_mean_discrepancy":  # each group is compared with other draws of its prior
        assert float(twice) != float(once)
    else:
        assert float(twice) == pytest.approx(2 * float(once), rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TotalCorrelation(1.0, 1), "`dataset_size` must be an integer of at least 2. Received: dataset_size=1"),
        (lambda: LatentCovariance(1.0, "mean"), "`of` must be CovarianceOfMeans or CovarianceOfSamples. Received: of="),
        (lambda: LatentCovariance(1.0, CovarianceOfMeans(), -1), "`diagonal` must be a number from 0 up. Received: "),
        (
            lambda: MaximumMeanDiscrepancy(1.0, "rbf"),
            "`kernel` must be RBF or InverseMultiquadratic. Received: kernel=",
        ),
        (lambda: RBF(0), "`variance` must be a positive number. Received: variance=0"),
        (lambda: InverseMultiquadratic(-1), "`prior_variance` must be a positive number. Received: prior_variance=-1"),
        (lambda: InverseMultiquadratic(1, [0]), r"`scales` must be a list of positive numbers. Received: scales=\[0\]"),
        (lambda: TargetRateSparsity(1.0, 1.0), "`rate` must be between 0 and 1. Received: rate=1.0"),
    ],
)
def test_faults(make, message):
    with pytest.raises(ValueError, match=message):
        make()
