"""tfvae drift: new data held against a trained run; the same data passes, other data fails with its reason named."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from tfvae import drift, jobs, run_directory
from tfvae.data import Data, open_splits, pipeline
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import load_experiment
from tfvae.serving.standalone.served_model import ServedModel
from tfvae.training.train import train

PARTS = """
posterior = {{ name = "DiagonalNormal", latent_size = 8 }}
prior = {{ name = "StandardNormal" }}
objective = {{ name = "ELBO" }}
"""
DIGITS = """
[data]
name = "digits"
binarize = "dynamic"
[training]
epochs = 25
learning_rate = 3e-3
[model]
name = "VAE"
encoder = {{ name = "MLP", hidden_sizes = [64] }}
decoder = {{ name = "MLP", hidden_sizes = [64] }}
likelihood = {{ name = "Bernoulli" }}
"""
TABLE = """
[data]
name = "{table}"
label = "label"
schema = {{ id = "ignore" }}
[training]
epochs = 10
learning_rate = 0.01
[model]
name = "VAE"
encoder = {{ name = "TableFeatures", network = {{ name = "MLP", hidden_sizes = [16] }} }}
decoder = {{ name = "MLP", hidden_sizes = [16] }}
likelihood = {{ name = "Table" }}
"""


def run_of(text, folder):
    """A run that was trained and exported."""
    (folder / "my.toml").write_text(text)
    experiment = load_experiment(folder / "my.toml")
    with jobs.locked(folder / "run"), jobs.Interruption() as interruption:
        train(experiment, folder / "run", interruption)
    run_directory.export_run(folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of((DIGITS + PARTS).format(), tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def digits():
    """Grey levels [360, 8, 8, 1] and labels of the test split."""
    splits = open_splits(Data("digits"))
    batch = pipeline.batch_of(splits.test, tf.range(splits.test.num_examples, dtype="int64"))
    return batch["x"].numpy(), batch["label"].numpy()


def saved(path, images):
    np.savez(path, x=np.rint(np.clip(images, 0, 1) * 255).astype("uint8"))
    return path


def anomalies(folder):
    return text_format.Parse((folder / "anomalies.pbtxt").read_text(), anomalies_pb2.Anomalies())


@pytest.mark.parametrize("seed", range(4))
def test_images_of_the_same_distribution_pass(run, digits, seed, tmp_path):
    images, _ = digits
    chosen = np.random.default_rng(seed).choice(len(images), 150, replace=False)
    measured = drift.check_drift(run, saved(tmp_path / "new.npz", images[chosen]), tmp_path / "out")
    assert {"intensities", "model code component 1", "model code distance", "model score"} <= {
        m.feature for m in measured
    }
    assert not anomalies(tmp_path / "out").anomaly_info
    figures = json.loads((tmp_path / "out" / "drift.json").read_text())["distances"]
    assert figures["model score"]["distance"] < figures["model score"]["threshold"]


def blurred(images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(padded[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)) / 9


OTHERS = {
    "inverted": (lambda images, labels: 1 - images, "intensities"),
    "blurred": (lambda images, labels: blurred(images), "intensities"),
    "shifted": (lambda images, labels: np.roll(images, 1, axis=2), "model score"),
    "one class": (lambda images, labels: images[labels == 0], "model code component"),
}


@pytest.mark.parametrize(("change", "named"), OTHERS.values(), ids=OTHERS)
def test_other_images_fail_with_the_reason_named(run, digits, change, named, tmp_path):
    new = saved(tmp_path / "new.npz", change(*digits))
    with pytest.raises(DataError, match=rf"{named}.*: the distance from the training data is 0\.\d+|1\.000") as error:
        drift.check_drift(run, new, tmp_path / "out")
    assert error.value.exit_code == 4
    info = {name: info for name, info in anomalies(tmp_path / "out").anomaly_info.items() if name.startswith(named)}
    kinds = {reason.type for each in info.values() for reason in each.reason}
    assert kinds == {anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH}


def test_a_shift_is_seen_by_codes_and_scores_and_not_by_intensities(run, digits, tmp_path):
    with pytest.raises(DataError) as error:
        drift.check_drift(run, saved(tmp_path / "new.npz", np.roll(digits[0], 1, axis=2)), tmp_path / "out")
    assert "intensities" not in str(error.value) and "model score" in str(error.value)


def test_images_of_another_shape_are_an_anomaly_of_the_schema(run, tmp_path):
    with pytest.raises(DataError, match=r"image: images are \[9, 8, 1\], and were \[8, 8, 1\] in training"):
        drift.check_drift(run, saved(tmp_path / "new.npz", np.zeros((50, 9, 8, 1))), tmp_path / "out")
    (reason,) = anomalies(tmp_path / "out").anomaly_info["image"].reason
    assert reason.type == anomalies_pb2.AnomalyInfo.INVALID_FEATURE_SHAPE


def test_the_reference_is_never_written_over(run, digits, tmp_path, monkeypatch):
    known = (run / "drift" / "statistics.pbtxt").read_bytes()
    saved(tmp_path / "new.npz", digits[0])
    with pytest.raises(ConfigError, match="must stay: choose another --output"):
        drift.check_drift(run, tmp_path / "new.npz", run / "drift")
    folder = tmp_path / "photos"
    folder.mkdir()
    for place, image in enumerate(np.rint(digits[0] * 255).astype("uint8")):
        (folder / f"{place}.png").write_bytes(tf.io.encode_png(image).numpy())
    monkeypatch.chdir(folder)
    drift.check_drift(run, ".")
    assert (run / "drift" / "photos" / "drift.json").is_file()
    assert (run / "drift" / "statistics.pbtxt").read_bytes() == known


def test_a_reference_that_was_not_finished_is_none(run, tmp_path, monkeypatch):
    copy = shutil.copytree(run, tmp_path / "run")

    def killed(path, proto):
        raise SystemExit(137)

    monkeypatch.setattr(drift.statistics, "write_proto", killed)
    with pytest.raises(SystemExit):
        drift.write_reference(copy, run_directory.load_run(copy), copy / "export")
    with pytest.raises(ConfigError, match="run `tfvae export"):
        drift.check_drift(copy, "digits")


def test_what_cannot_be_held_against_anything_is_said(run, tmp_path):
    with pytest.raises(ConfigError, match="run `tfvae export"):
        drift.check_drift(tmp_path, "digits")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        drift.check_drift(run, "digits", tmp_path, smallest=1.5)
    with pytest.raises(DataError, match=r"is one of images, and .* holds a table"):
        drift.check_drift(run, tmp_path / "people.csv")


def test_percentiles_of_a_run_s_export_are_even_for_test_images_and_near_one_for_damaged_ones(run, digits):
    server, (images, _) = ServedModel(run / "export"), digits
    seed = np.arange(len(images))
    same, damaged = (
        server.call("score", {"images": given, "seed": seed})["percentile"] for given in (images, 1 - images)
    )
    # Uniform from 0 to 1, its mean of 360 test and 144 validation images: standard error 0.03.
    assert abs(np.mean(same) - 0.5) < 0.1 and abs(np.std(same) - 12**-0.5) < 0.05
    assert np.min(damaged) > 0.95 and np.mean(damaged) > 0.99


# Tables.


def people(seed, n):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=n)
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "height": np.where(rng.random(n) < 0.1, np.nan, 170 + 10 * u + rng.normal(size=n)),
            "member": (u + 0.3 * rng.normal(size=n) > 0).astype(int),
            "size": np.array(["S", "M", "L"])[np.digitize(u, [-0.5, 0.5])],
            "score": 3 * u + 0.3 * rng.normal(size=n),
            "label": np.where(u > 0, "high", "low"),
        }
    )


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    people(0, 1500).to_csv(folder / "people.csv", index=False)
    return run_of((TABLE + PARTS).format(table=folder / "people.csv"), folder)


def csv(path, frame):
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("seed", [1, 2])
def test_a_table_of_the_same_distribution_passes_with_or_without_labels(table_run, seed, tmp_path):
    new = people(seed, 300).drop(columns=["label", "id"] if seed == 2 else [])
    measured = drift.check_drift(table_run, csv(tmp_path / "new.csv", new), tmp_path / "out")
    assert {"height", "height, missing or not", "member", "size", "score", "model score"} <= {
        m.feature for m in measured
    }


CHANGES = {
    "new category": (lambda frame: frame.assign(size=frame["size"].replace("L", "XL")), "size: .* is none of its"),
    "missing column": (lambda frame: frame.drop(columns="score"), "score: the column is missing"),
    "new column": (lambda frame: frame.assign(weight=1.5), "weight: the column was not there"),
    "text for numbers": (lambda frame: frame.assign(score="much"), "score: .* is not a number"),
    "shifted numbers": (lambda frame: frame.assign(height=frame["height"] + 15), "height: the distance"),
    "gaps": (lambda frame: frame.assign(height=frame["height"].where(frame.index % 2 == 0)), "height, missing or not:"),
    "other shares": (lambda frame: frame[frame["size"] != "M"], "size: the distance"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_another_table_fails_with_the_reason_named(table_run, change, words, tmp_path):
    with pytest.raises(DataError, match=words):
        drift.check_drift(table_run, csv(tmp_path / "new.csv", change(people(3, 400))), tmp_path / "out")
    assert anomalies(tmp_path / "out").anomaly_info
