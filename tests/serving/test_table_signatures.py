"""The signatures of a model of a table: an input and an output for each column, gaps filled, rows by their seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.typed_columns import to_columns
from tfvae.likelihoods import Table
from tfvae.models import VAE
from tfvae.networks import MLP, TableFeatures
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
from tfvae.serving import export
from tfvae.serving.standalone.served_model import ServedModel

COLUMNS = [
    {"name": "age", "type": "real", "mean": 40.0, "stddev": 12.0},
    {"name": "weight (g)", "type": "real", "mean": 7e4, "stddev": 9e3},
    {"name": "vip", "type": "binary"},
    {"name": "kind", "type": "categorical", "categories": ["ant", "bee", "cat"]},
    {"name": "seed", "type": "binary"},  # the name of another input
]
SERVED = ["age", "weight_g", "vip", "kind", "seed_"]
DTYPES = {"age": "float32", "weight_g": "float32", "vip": "int64", "kind": "object", "seed_": "int64"}
ROWS = {
    "age": np.array([31.5, np.nan, 44.0], "float32"),
    "weight_g": np.array([np.nan, 65000.0, 80000.0], "float32"),
    "vip": np.array([1.0, np.nan, 0.0], "float32"),
    "kind": np.array([b"bee", b"", b"ant"], object),
    "seed_": np.array([np.nan, 1.0, 0.0], "float32"),
}
SEED = np.array([5, 6, 2**40], "int64")
NOTHING = {name: np.array([b""] if values.dtype == object else [np.nan], values.dtype) for name, values in ROWS.items()}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    made = VAE(
        encoder=TableFeatures(MLP([16]), COLUMNS),
        posterior=DiagonalNormal(3),
        prior=StandardNormal(),
        decoder=MLP([16]),
        likelihood=Table(COLUMNS),
        objective=ELBO(),
    )
    made.build((None, len(COLUMNS)))
    return made


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("table") / "export"
    export(model, directory)
    return ServedModel(directory)


def x_of(rows):
    """x as the model takes it, [B, D]."""
    places = np.array([{b"": np.nan, b"ant": 0, b"bee": 1, b"cat": 2}[kind] for kind in rows["kind"]])
    return np.stack([places if name == "kind" else rows[name] for name in SERVED], axis=1).astype("float32")


def test_there_is_an_input_and_an_output_for_each_column(server):
    outputs = server.call("reconstruct", ROWS)
    assert set(server.signatures["reconstruct"].inputs) == set(SERVED)
    assert {name: value.dtype.name for name, value in outputs.items()} == DTYPES
    assert all(value.shape == (3,) for value in outputs.values())


def test_signatures_are_those_of_images_without_files(server):
    assert set(server.signatures) == {
        "serving_default", "reconstruct", "encode", "encode_sample", "decode", "sample", "score",
    }  # fmt: skip


def test_what_was_observed_comes_back_unchanged_and_gaps_are_filled(server, model):
    found = server.call("reconstruct", ROWS)
    imputed = to_columns(COLUMNS, model.reconstruct(x_of(ROWS))).values()
    for name, expected in zip(SERVED, imputed, strict=True):
        given, filled = ROWS[name], np.array([v == b"" for v in ROWS[name]]) if name == "kind" else np.isnan(ROWS[name])
        assert filled.sum() == 1
        np.testing.assert_array_equal(found[name][~filled], given[~filled])
        if name == "kind":
            assert found[name][filled] == expected.numpy()[filled]
        else:
            np.testing.assert_allclose(found[name][filled], expected.numpy()[filled], rtol=1e-5)  # float32 rounding


def test_a_row_of_gaps_is_answered(server):
    found = server.call("reconstruct", NOTHING)
    assert np.isfinite(found["age"]) and found["kind"][0] in (b"ant", b"bee", b"cat") and found["vip"][0] in (0, 1)


def test_a_row_of_gaps_costs_its_rate(server):
    found = server.call("score", {**NOTHING, "seed": SEED[:1]})
    assert found["distortion"] == [0.0] and found["negative_elbo"] == found["rate"]


def test_samples_are_typed_rows_in_the_categories(server):
    found = server.call("sample", {"seed": np.arange(500)})
    assert {name: value.dtype.name for name, value in found.items()} == {**DTYPES, "z": "float32"}
    assert set(found["kind"]) == {b"ant", b"bee", b"cat"} and set(found["vip"]) == set(found["seed_"]) == {0, 1}
    assert np.all(np.isfinite(found["age"])) and len(np.unique(found["age"])) == 500


def test_samples_are_keyed_by_the_seed_of_their_row_in_any_place(server):
    together = server.call("sample", {"seed": SEED})
    for row in range(3):
        alone = server.call("sample", {"seed": np.roll(SEED, -row)})
        for name in ("age", "weight_g", "z"):
            np.testing.assert_allclose(alone[name][0], together[name][row], rtol=1e-5)  # float32 rounding
        assert all(alone[name][0] == together[name][row] for name in ("vip", "kind", "seed_"))
    assert len(np.unique(together["age"])) == 3


def test_samples_have_the_noise_of_the_likelihood_and_decode_has_not(server, model):
    found = server.call("sample", {"seed": np.arange(400)})
    mean = server.call("decode", {"z": found["z"]})
    residuals = (found["age"] - mean["age"]) / 12.0  # in standard deviations of the column
    sigma = float(model.decode(tf.zeros([1, 3])).real.stddev()[0, 0])  # the same for every z
    # Mean 0 and standard deviation sigma, each to 4 standard errors of 400 draws.
    assert abs(residuals.mean()) < 4 * sigma / 20 and abs(residuals.std() / sigma - 1) < 4 / np.sqrt(800)


def test_encode_and_score_are_those_of_the_model(server, model):
    posterior = model.encode(x_of(ROWS))
    found = server.call("encode", ROWS)
    np.testing.assert_allclose(found["z_mean"], posterior.mean(), atol=1e-5)  # float32 rounding
    np.testing.assert_allclose(found["z_stddev"], posterior.stddev(), atol=1e-5)
    z = server.call("encode_sample", {**ROWS, "seed": SEED})["z"]
    score = server.call("score", {**ROWS, "seed": SEED})
    np.testing.assert_allclose(score["distortion"], -model.decode(z).log_prob(x_of(ROWS)), rtol=1e-4)  # sums of logs


@pytest.mark.parametrize("name", ["reconstruct", "encode", "encode_sample", "score", "sample", "decode"])
def test_an_empty_batch_has_an_empty_answer(name, server):
    everything = {**ROWS, "seed": SEED, "z": np.zeros((3, 3), "float32")}
    rows = {key: everything[key][:0] for key in server.signatures[name].inputs}
    assert all(len(value) == 0 for value in server.call(name, rows).values())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kind", b"dog", "one of"),
        ("vip", 0.5, "must be 0 or 1"),
        ("age", np.inf, "must be finite numbers"),
    ],
)
def test_a_value_that_a_column_cannot_have_is_an_invalid_argument(name, value, message, server):
    rows = {key: values.copy() for key, values in ROWS.items()}
    rows[name][1] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        server.call("encode", rows)
