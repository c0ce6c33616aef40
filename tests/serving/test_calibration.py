"""The percentile of a score: a rank among the validation examples, a function of the row alone."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import GateError
from tfvae.serving import export, validate
from tfvae.serving.calibration import MARGIN, MOST_SCORES, Calibration
from tfvae.serving.fingerprint import fingerprint
from tfvae.serving.standalone.served_model import ServedModel

N = 120


def percentiles(calibration, *scores):
    return calibration.percentile(tf.constant(scores, "float32")).numpy()


# The table.


def test_it_is_the_share_of_lower_scores():
    found = percentiles(Calibration([3.0, 1.0, 2.0, 4.0]), 0.0, 1.5, 2.5, 3.5, 9.0)
    np.testing.assert_array_equal(found, np.float32([0, 1, 2, 3, 4]) / 4)


def test_an_equal_score_counts_as_not_lower():
    found = percentiles(Calibration([1.0, 2.0, 2.0, 2.0, 3.0]), 1.0, 2.0, 3.0)
    np.testing.assert_array_equal(found, np.float32([0, 1, 4]) / 5)


def test_rounding_does_not_pass_an_equal_score_and_more_does():
    calibration = Calibration([-200.0, 100.0])
    for score in (-200.0, 100.0):
        below, above = score + np.array([0.1, 3]) * MARGIN * abs(score)
        found = percentiles(calibration, below, above)
        assert found[1] - found[0] == 0.5


def test_scores_beyond_the_largest_table_keep_their_quantiles():
    calibration = Calibration(np.random.default_rng(0).permutation(35_000))
    assert len(calibration.scores) == MOST_SCORES and calibration.num_examples == 35_000
    asked = np.arange(0, 35_000, 777)
    # Half a step of the table, and float32.
    np.testing.assert_allclose(percentiles(calibration, *asked), asked / 35_000, atol=0.5 / MOST_SCORES + 1e-6)


@pytest.mark.parametrize("scores", [[], [1.0, np.nan], [np.inf]])
def test_scores_that_are_no_numbers_refuse_the_model(scores):
    with pytest.raises(GateError, match="not all numbers"):
        Calibration(scores)


# In an export.


@pytest.fixture(scope="module")
def validation():
    x = (np.random.default_rng(5).random((N, 8, 8, 1)) < 0.3).astype("float32")
    index = np.arange(N)
    return [{"x": x[rows], "index": index[rows]} for rows in (slice(0, 50), slice(50, 100), slice(100, N))]


@pytest.fixture(scope="module")
def calibrated(binary_vae, validation, tmp_path_factory):
    directory = tmp_path_factory.mktemp("calibrated") / "export"
    export(binary_vae, directory, binarize="dynamic", validation=validation)
    return directory


@pytest.fixture(scope="module")
def server(calibrated):
    return ServedModel(calibrated)


def scored(server, x, index, signature="score"):
    return server.call(signature, {"images": x, "seed": np.asarray(index, "int64")})


def test_the_percentile_of_a_validation_example_is_its_rank(server, validation):
    x, index = (np.concatenate([batch[name] for batch in validation]) for name in ("x", "index"))
    found = scored(server, x, index)
    scores = found["negative_elbo"].astype("float64")
    ranks = np.argsort(np.argsort(scores))
    lower = np.sum(scores * (1 + MARGIN) < scores[:, np.newaxis], axis=1)
    assert np.mean(lower == ranks) > 0.9  # of 120 scores over some 10 nats a few lie within 5e-4 nats, and tie
    np.testing.assert_array_equal(found["percentile"], lower.astype("float32") / np.float32(N))


def test_a_row_gets_the_same_percentile_in_any_batch(server, validation):
    x, index = (np.concatenate([batch[name] for batch in validation]) for name in ("x", "index"))
    together = scored(server, x, index)["percentile"]
    for size in (1, 7):
        parts = [scored(server, x[i : i + size], index[i : i + size])["percentile"] for i in range(0, N, size)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


def test_files_are_scored_as_arrays_are(server):
    grey = np.random.default_rng(1).integers(0, 2, (3, 8, 8, 1)).astype("uint8") * 255
    files = np.array([tf.io.encode_png(image).numpy() for image in grey], object)
    seed = np.arange(3)
    by_file = server.call("score_bytes", {"image_bytes": files, "seed": seed})
    np.testing.assert_array_equal(by_file["percentile"], scored(server, grey / np.float32(255), seed)["percentile"])


def test_the_gate_lets_it_pass_and_the_manifest_says_of_what_it_is_the_percentile(calibrated):
    validate(calibrated)
    manifest = json.loads((calibrated / "assets.extra" / "tfvae_manifest.json").read_text())
    assert manifest["calibration"]["num_examples"] == N
    assert manifest["signatures"]["score"]["outputs"]["percentile"] == {"dtype": "float32", "shape": [None]}


def test_an_export_without_validation_examples_has_none_and_says_why(binary_export, binary_server):
    assert "percentile" not in binary_server.signatures["score"].outputs
    manifest = json.loads((binary_export / "assets.extra" / "tfvae_manifest.json").read_text())
    assert "no validation examples" in manifest["calibration"]["left_out"]


@pytest.mark.slow
def test_another_calibration_is_another_model_and_the_same_is_the_same(binary_vae, validation, calibrated, tmp_path):
    export(binary_vae, tmp_path / "same", binarize="dynamic", validation=validation)
    export(binary_vae, tmp_path / "other", binarize="dynamic", validation=validation[1:])
    assert fingerprint(tmp_path / "same") == fingerprint(calibrated) != fingerprint(tmp_path / "other")
