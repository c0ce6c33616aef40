"""Codes of a data set: those of the model, whatever the batches are."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation.codes import codes_of
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic

SIZE = 9


def cut(x, batch_size, **more):
    columns = {"x": x, "index": np.arange(len(x), dtype="int64"), **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


def test_codes_are_the_means_whatever_the_batches(make_vae, binary):
    model, x = make_vae(), binary(SIZE)
    one, many = codes_of(model, cut(x, SIZE)), codes_of(model, cut(x, 4))
    assert np.allclose(one.codes, model.encode(x).mean(), atol=1e-6)
    assert np.allclose(one.stddevs, model.encode(x).stddev(), atol=1e-6)
    assert np.allclose(one.codes, many.codes, atol=1e-6) and np.array_equal(many.index, np.arange(SIZE))


def test_what_is_known_of_examples_comes_along(make_vae, binary):
    labels, factors = np.arange(SIZE) % 3, np.arange(2 * SIZE).reshape(SIZE, 2)
    codes = codes_of(make_vae(), cut(binary(SIZE), 4, label=labels, factors=factors))
    assert np.array_equal(codes.labels, labels) and np.array_equal(codes.factors, factors)
    assert codes_of(make_vae(), cut(binary(SIZE), 4)).labels is None


def test_a_code_without_noise_has_no_standard_deviation(make_vae, binary):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    assert codes_of(model, cut(binary(SIZE), 4)).stddevs is None


def test_a_conditional_model_is_told_the_condition(make_vae, binary):
    networks = {name: Conditioned(MLP([16]), condition_size=3) for name in ("encoder", "decoder")}
    model, x = make_vae(**networks), np.tile(binary(1), (3, 1))
    codes = codes_of(model, cut(x, 2, condition=np.eye(3, dtype="float32"))).codes
    assert codes.shape == (3, 2) and len(np.unique(codes[:, 0])) == 3


@pytest.fixture(autouse=True)
def no_progress_bar(capsys):
    yield
    assert capsys.readouterr().err.count("batch") == 0
