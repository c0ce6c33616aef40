"""What is added to an objective: weighted in the loss, and reported as the quantity that it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.models.latent_variable_model import PENALTIES
from tfvae.networks import MLP
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic
from tfvae.regularizers import CodeNorm, L1Sparsity
from tfvae.regularizers.regularizer import Regularizer
from tfvae.schedules import LinearWarmup

OWN_TERMS = {"loss", "distortion"}


@pytest.fixture
def make_autoencoder(make_vae):
    def make(*regularizers, **parts):
        parts = {"posterior": Deterministic(2), "prior": None, "objective": Reconstruction(), **parts}
        return make_vae(**parts, regularizers=regularizers)

    return make


def test_penalties_are_in_the_loss_with_their_weight_and_reported_without(make_autoencoder, binary):
    model, x = make_autoencoder(CodeNorm(0.5), L1Sparsity(3.0)), binary(4)
    terms, code = model.terms({"x": x}, (0, 1), training=True), model.code(x).numpy()
    # float32 rounding in all three.
    assert float(terms["code_norm"]) == pytest.approx(np.mean(np.sum(code**2, axis=1)) / 2, rel=1e-5)
    assert float(terms["code_l1_norm"]) == pytest.approx(np.mean(np.sum(np.abs(code), axis=1)), rel=1e-5)
    expected = terms["distortion"] + 0.5 * terms["code_norm"] + 3.0 * terms["code_l1_norm"]
    assert float(terms["loss"]) == pytest.approx(float(expected), rel=1e-5)


def test_weight_of_a_penalty_follows_its_schedule(make_autoencoder, binary, batches):
    model = make_autoencoder(CodeNorm(LinearWarmup(4)))
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(batches(binary(4)), epochs=6, verbose=0).history
    weights = (np.array(history["loss"]) - history["distortion"]) / history["code_norm"]
    np.testing.assert_allclose(weights, [0, 0.25, 0.5, 0.75, 1, 1], atol=1e-3)  # float32 rounding over a small norm


def test_a_heavy_penalty_moves_the_codes(make_autoencoder, binary, batches):
    norms = {}
    for weight in (0.0, 100.0):
        keras.utils.set_random_seed(0)
        model = make_autoencoder(CodeNorm(weight))
        model.compile(keras.optimizers.Adam(1e-2))
        norms[weight] = model.fit(batches(binary(16)), epochs=30, verbose=0).history["code_norm"][-1]
    assert norms[100.0] < 0.1 * norms[0.0]


def test_keras_regularizers_of_the_networks_are_in_the_loss_alone(make_autoencoder, binary):
    decoder = keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(0.3))
    model, x = make_autoencoder(CodeNorm(0.5), decoder=decoder), binary(4)
    terms = model.terms({"x": x}, (0, 1), training=True)
    decay = 0.3 * np.sum(decoder.kernel.numpy() ** 2)
    expected = float(terms["distortion"] + 0.5 * terms["code_norm"]) + decay
    assert float(terms["loss"]) == pytest.approx(expected, rel=1e-5)
    assert set(terms) == {*OWN_TERMS, "code_norm"}


def test_without_penalties_the_loss_is_the_objectives(make_autoencoder, binary):
    terms = make_autoencoder().terms({"x": binary(4)}, (0, 1), training=True)
    assert set(terms) == OWN_TERMS and float(terms["loss"]) == float(terms["distortion"])


@keras.saving.register_keras_serializable("tests")
class Draw(Regularizer):
    """A number between 0 and 1 that depends on the seed alone."""

    def __init__(self, weight, report, **kwargs):
        super().__init__(weight, **kwargs)
        self.report = report

    def penalty(self, inference, seed):
        return tf.random.stateless_uniform([], seed)


def test_each_penalty_draws_with_a_seed_of_its_own(make_autoencoder, binary):
    model, seed = make_autoencoder(Draw(1.0, "first"), Draw(1.0, "second")), tf.constant([0, 1])
    terms = model.terms({"x": binary(4)}, seed, training=False)
    drawn = [float(terms[name]) for name in ("first", "second")]
    expected = [float(tf.random.stateless_uniform([], tf.random.fold_in(seed, PENALTIES + i))) for i in (0, 1)]
    assert drawn == expected and drawn[0] != drawn[1]


def test_penalties_survive_a_keras_file(make_autoencoder, binary, reload):
    model, x = make_autoencoder(CodeNorm(LinearWarmup(4)), L1Sparsity(3.0), encoder=MLP([8])), binary(4)
    model.step.assign(2)
    ours, theirs = (m.terms({"x": x}, (0, 1), training=True) for m in (model, reload(model)))
    assert {name: float(value) for name, value in ours.items()} == {n: float(value) for n, value in theirs.items()}
