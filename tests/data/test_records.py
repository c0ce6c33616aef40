"""Prepared data: what is read back, in which order, and by whom."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae.cli import main
from tfvae.data import mapped, open_splits, pipeline, records
from tfvae.data.options import Data
from tfvae.data.source import ArraySource
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import build_model, experiment_from
from tfvae.storage import sha256_of_tree
from tfvae.training.checks import check_files
from tfvae.training.distribution import Cluster

NUM = 60
ROOT = Path(__file__).parents[2]
# Reads for a fifth of a second at a time, and ends with a stream, in a cycle or held, that reads ahead.
READS_AHEAD = """
import gc, time
from tfvae.data import pipeline, records

class Holder:
    pass

gc.disable()
read = records.RecordSource._read
records.RecordSource._read = lambda *given: time.sleep(0.2) or read(*given)
holder = Holder()
source = records.RecordSource({directory!r}, "train")
holder.itself, holder.batches = holder, iter(pipeline.training_batches(source, 8, 0))
next(holder.batches)
{then}
error = {error}
if error:
    raise error
"""


@pytest.fixture(scope="module")
def source():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, (NUM, 2))
    return ArraySource(
        rng.integers(0, 256, (NUM, 4, 5, 2), np.uint8), np.arange(NUM), map(str, range(NUM)), factors, "ab"
    )


def prepared(source, directory, num_shards=4, lanes=1):
    splits = dict.fromkeys(("train", "validation", "test"), source)
    records.prepare(splits, directory, num_shards, lanes, lambda number: None)
    return records.RecordSource(directory, "train")


def rows_of(batches, number):
    return [batch["index"].numpy().tolist() for batch in batches.take(number)]


def test_every_example_comes_back_whole(source, tmp_path):
    found = prepared(source, tmp_path)
    index = tf.constant([59, 0, 7, 7], "int64")
    theirs = found.fetch(index)
    original = [shard + 4 * row for shard in range(4) for row in range(15)]
    ours = source.fetch(tf.constant([original[i] for i in index.numpy()], "int64"))
    assert {name: value.numpy().tolist() for name, value in theirs.items()} == {
        name: value.numpy().tolist() for name, value in ours.items()
    }
    assert found.image_shape == (4, 5, 2) and found.num_examples == NUM
    assert (found.class_names, found.factor_names, found.is_binary) == (source.class_names, ("a", "b"), False)


def test_one_shard_gives_the_batches_of_memory_bit_for_bit(source, tmp_path):
    found = prepared(source, tmp_path, num_shards=1)
    ours, theirs = (pipeline.training_batches(each, 8, 3, True, first_step=5) for each in (source, found))
    for one, two in zip(ours.take(9), theirs.take(9), strict=True):
        assert all(np.array_equal(one[name], two[name]) for name in one)


def test_each_batch_takes_as_many_rows_of_every_lane_and_an_epoch_each_example_once(source, tmp_path):
    found = prepared(source, tmp_path, lanes=2)
    assert found.lane_sizes == [30, 30] and pipeline.steps_per_epoch(found, 12) == 5
    rows = rows_of(pipeline.training_batches(found, 12, 0), 10)
    assert all(sum(index < 30 for index in batch) == 6 for batch in rows)
    for epoch in (rows[:5], rows[5:]):
        assert sorted(index for batch in epoch for index in batch) == list(range(NUM))
    assert rows[:5] != rows[5:]


def test_the_parts_of_machines_make_the_batch_and_need_their_own_files_alone(source, tmp_path):
    found = prepared(source, tmp_path, lanes=2)
    whole = list(pipeline.training_batches(found, 12, 0, True).take(5))
    for place in range(2):
        for shard in (0, 1) if place else (2, 3):  # what the other machine has
            (tmp_path / f"train-{shard:05d}-of-00004.array_record").rename(tmp_path / f"away-{shard}")
        own = records.RecordSource(tmp_path, "train")
        parts = pipeline.training_batches(own, 12, 0, True, parts=(place, 1, 2)).take(5)
        for ours, theirs in zip(parts, whole, strict=True):
            rows = slice(6 * place, 6 * place + 6)
            assert all(np.array_equal(ours[name], theirs[name][rows]) for name in ours)
        for path in tmp_path.glob("away-*"):
            path.rename(tmp_path / f"train-{int(path.name[-1]):05d}-of-00004.array_record")


@pytest.mark.parametrize("then", ["del holder", "pass"], ids=["in a cycle", "held"])
@pytest.mark.parametrize("error", [None, "SystemExit(3)", "ValueError"], ids=["well", "by a signal", "by an error"])
def test_a_process_ends_that_still_reads_ahead(error, then, source, tmp_path):
    prepared(source, tmp_path)
    (tmp_path / "script.py").write_text(READS_AHEAD.format(directory=str(tmp_path), error=error, then=then))
    command, environment = [sys.executable, str(tmp_path / "script.py")], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == {None: 0, "SystemExit(3)": 3, "ValueError": 1}[error], done.stderr


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_lost_file_is_told(split, config, tmp_path, capsys):
    folder = str(tmp_path / "records")
    assert main(["data", "prepare", config, "--output", folder, "--shards", "2"]) == 0
    (tmp_path / "records" / f"{split}-00001-of-00002.array_record").unlink()
    assert main(["train", config, "--output", str(tmp_path / "run"), "--set", f"data.name={folder}"]) == 4
    assert f"lacks {split}-00001-of-00002.array_record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prior", "is_needed"),
    [
        ({"name": "StandardNormal"}, False),
        ({"name": "VampPrior", "num_components": 3}, True),
        ({"name": "FittedAfterTraining", "prior": {"name": "MixtureOfNormals", "num_components": 2}}, True),
    ],
    ids=["StandardNormal", "VampPrior", "FittedAfterTraining"],
)
def test_a_machine_among_several_needs_all_files_only_for_what_looks_at_more_than_batches(
    prior, is_needed, config, source, tmp_path
):
    class OneOfTwo(Cluster):
        def __init__(self, is_missing_there):
            self.is_alone, self.is_missing_there = False, is_missing_there

        def any(self, *flags):
            return [flag or self.is_missing_there for flag in flags]

    prepared(source, tmp_path / "records", lanes=2)
    tree = json.loads(Path(config).read_text())
    if prior["name"] == "FittedAfterTraining":  # of which an ELBO knows nothing
        tree["model"] |= {
            "posterior": {"name": "Deterministic", "latent_size": 2},
            "objective": {"name": "Reconstruction"},
        }
    model = build_model(experiment_from({**tree, "model": {**tree["model"], "prior": prior}}))
    data = Data(str(tmp_path / "records"))
    check_files(model, data, OneOfTwo(False))
    with pytest.raises(DataError, match="on another machine") if is_needed else contextlib.nullcontext():
        check_files(model, data, OneOfTwo(True))
    (tmp_path / "records" / "train-00001-of-00004.array_record").unlink()
    with pytest.raises(DataError, match="lacks train-00001") if is_needed else contextlib.nullcontext():
        check_files(model, data, OneOfTwo(False))


def test_a_batch_that_lanes_cannot_share_is_refused(source, tmp_path):
    with pytest.raises(ConfigError, match=r"4 lanes, .* cannot share a batch of 10 evenly"):
        pipeline.training_batches(prepared(source, tmp_path, lanes=4), 10, 0)


def test_lanes_with_fewer_rows_than_a_batch_takes_are_refused(source, tmp_path):
    found = prepared(source, tmp_path, num_shards=8, lanes=4)
    with pytest.raises(ConfigError, match="of 14 examples or more, cannot share a batch of 60"):
        pipeline.training_batches(found, NUM, 0)


def test_every_example_of_an_uneven_lane_has_its_turn(source, tmp_path):
    found = prepared(source, tmp_path, num_shards=8, lanes=4)
    assert found.lane_sizes == [16, 16, 14, 14] and pipeline.steps_per_epoch(found, 8) == 7
    rows = rows_of(pipeline.training_batches(found, 8, 0), 60 * 7)
    epochs = np.reshape(rows, [60, 56])
    assert all(len(set(epoch.tolist())) == 56 for epoch in epochs)  # nothing twice
    assert set(epochs.ravel().tolist()) == set(range(NUM))


# The command.


@pytest.fixture
def config(tmp_path):
    network = {"name": "MLP", "hidden_sizes": [8]}
    model = {"name": "VAE", "encoder": network, "decoder": network, "objective": {"name": "ELBO"}}
    model |= {"posterior": {"name": "DiagonalNormal", "latent_size": 2}, "prior": {"name": "StandardNormal"}}
    data = {"name": "digits", "binarize": "dynamic", "batch_size": 32}
    tree = {"data": data, "training": {"epochs": 2}, "model": model | {"likelihood": {"name": "Bernoulli"}}}
    (tmp_path / "my.json").write_text(json.dumps(tree))
    return str(tmp_path / "my.json")


def test_a_training_on_prepared_data_is_the_one_on_the_data(config, tmp_path, capsys):
    folder, runs = str(tmp_path / "records"), [tmp_path / "one", tmp_path / "two"]
    assert main(["data", "prepare", config, "--output", folder, "--shards", "1"]) == 0
    assert main(["train", config, "--output", str(runs[0])]) == 0
    assert main(["train", config, "--output", str(runs[1]), "--set", f"data.name={folder}"]) == 0
    ours, theirs = ([json.loads(row)["train"] for row in (run / "history.jsonl").open()] for run in runs)
    assert ours == theirs
    whole = sha256_of_tree(tmp_path / "records")
    assert main(["data", "prepare", config, "--output", folder, "--shards", "1"]) == 0
    assert "nothing to do" in capsys.readouterr().out and sha256_of_tree(tmp_path / "records") == whole


def images_of(kind, tmp_path):
    """The name of data of three kinds, all of which hold the same images."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 6, 5, 1), np.uint8)
    if kind == "digits":
        return kind
    if kind == "images.npy":
        np.save(tmp_path / kind, pixels)
    else:
        (tmp_path / kind).mkdir()
        for number, image in enumerate(pixels):
            Image.fromarray(image[..., 0]).save(tmp_path / kind / f"{number:02d}.png")
    return str(tmp_path / kind)


@pytest.mark.parametrize("kind", ["digits", "folder", "images.npy"])
def test_images_left_on_disk_are_those_of_memory(kind, tmp_path):
    data, room = Data(images_of(kind, tmp_path)), tmp_path / "room"
    ours = open_splits(data)
    with mapped.on_disk(room):
        theirs = open_splits(data)
    assert isinstance(theirs.train.source.images, np.memmap) and not isinstance(ours.train.source.images, np.memmap)
    assert [split.digest() for split in theirs] == [split.digest() for split in ours]
    one, two = (next(iter(pipeline.training_batches(splits.train, 8, 0))) for splits in (ours, theirs))
    assert one["x"].shape == two["x"].shape and np.array_equal(one["x"], two["x"])
    assert not room.exists() or not list(room.iterdir())  # a kill must leave nothing


def test_a_disk_without_room_is_told(tmp_path):
    with mapped.on_disk(tmp_path), pytest.raises(DataError, match=r"has no room for the images: 1024\.0 GiB"):
        mapped.room((2**40,))


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--shards", "4", "--lanes", "3"], 2, "`lanes` must divide `shards`"),
        (["--set", "data.name=none-such"], 4, "none-such"),
        (["--shards", "2"], 2, "holds other data, or other shards"),
    ],
)
def test_what_cannot_be_prepared_is_told(options, code, words, config, tmp_path, capsys):
    folder = str(tmp_path / "records")
    if "--shards" in options and "--lanes" not in options:
        assert main(["data", "prepare", config, "--output", folder, "--shards", "1"]) == 0
    assert main(["data", "prepare", config, "--output", folder, *options]) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"binarize": "static"}, {"num_examples": 10}, {"num_labels": 5}])
def test_what_is_chosen_when_data_is_prepared_is_not_chosen_later(options, source, tmp_path):
    prepared(source, tmp_path)
    with pytest.raises(DataError, match="is prepared data"):
        open_splits(Data(str(tmp_path), **options))
