"""Datasets by name: disjoint splits that no run's seed moves, and every fault a sentence."""

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae.data import Data, load, open_splits
from tfvae.data.datasets import split_indices
from tfvae.data.description import describe
from tfvae.errors import ConfigError, DataError

SPLITS = ("train", "validation", "test")
MNIST = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser() / "mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason=f"mnist is not prepared: no folder {MNIST}")


@pytest.fixture
def grey(tmp_path):
    """An .npz of 203 grey images; the label of each is its number, and so are its first two pixels."""
    x = np.random.default_rng(0).integers(0, 256, (203, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "grey.npz", x=x, label=np.arange(203))
    return str(tmp_path / "grey.npz")


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


@pytest.fixture
def no_network(monkeypatch):
    """Any look at the network fails the test."""

    def refuse(*args, **kwargs):
        pytest.fail(f"the network was touched: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def read(dataset, name="label"):
    return np.concatenate([batch[name] for batch in dataset.as_numpy_iterator()])


def members(name, **options):
    """The labels of each split, in order."""
    splits = open_splits(Data(name, **options))
    return [source.fetch(tf.range(source.num_examples, dtype="int64"))["label"].numpy() for source in splits]


def digests(name, **options):
    return {split: source.digest() for split, source in open_splits(Data(name, **options))._asdict().items()}


# Splits.


def test_splits_are_disjoint_and_cover_everything(grey):
    assert sorted(np.concatenate(members(grey))) == list(range(203))


def test_splits_have_the_sizes_that_are_asked_for(grey):
    train, validation, test = map(len, members(grey, test_fraction=0.3, validation_fraction=0.5))
    assert (train, validation, test) == (71, 71, 61)  # 0.3 of 203, then half of 142


def test_splits_are_the_same_on_every_call_whatever_the_global_seed(grey):
    runs = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        runs.append(digests(grey))
    assert runs[0] == runs[1]


def test_splits_differ_for_another_split_seed(grey):
    runs = [digests(grey, split_seed=seed) for seed in (0, 1)]
    assert all(runs[0][split] != runs[1][split] for split in SPLITS)


def test_held_out_examples_do_not_depend_on_the_seed_of_a_run(grey):
    runs = [load(grey, seed=seed, binarize="dynamic") for seed in (0, 1)]
    for split in ("validation", "test"):
        np.testing.assert_array_equal(*[read(getattr(run, split), "x") for run in runs])


def test_num_examples_keeps_so_many(grey):
    kept = np.concatenate(members(grey, num_examples=50))
    assert len(set(kept)) == 50 and np.max(kept) > 50  # a draw, not the first ones


def test_own_test_split_is_kept_whole(tmp_path):
    arrays = {"x_train": np.zeros((90, 2, 2), np.uint8), "x_test": np.full((30, 2, 2), 255, np.uint8)}
    np.savez(tmp_path / "both.npz", **arrays)
    splits = open_splits(Data(str(tmp_path / "both.npz"), num_examples=50))
    assert [source.num_examples for source in splits] == [45, 5, 30]
    assert set(read(load(str(tmp_path / "both.npz")).test, "x").ravel()) == {1.0}


@pytest.mark.parametrize(("size", "enough"), [(1, False), (2, False), (3, True)])
def test_three_examples_are_the_least(size, enough):
    if enough:
        assert [len(rows) for _, rows in split_indices({"train": size}, Data("x")).values()] == [1, 1, 1]
        return
    with pytest.raises(DataError, match=f"`x` has {size} examples: too few to train, validate and test on"):
        split_indices({"train": size}, Data("x"))


# Pixels.


@pytest.mark.parametrize("binarize", ["none", "static", "dynamic"])
def test_sources_hold_uint8(binarize, grey):
    batches = [source.fetch(tf.constant([0, 1], "int64")) for source in open_splits(Data(grey, binarize=binarize))]
    assert {batch["x"].dtype for batch in batches} == {tf.uint8}


@pytest.mark.parametrize(("binarize", "are_binary"), [("none", 0), ("static", 3), ("dynamic", 2)])
def test_static_binarises_all_and_dynamic_what_is_held_out(binarize, are_binary, grey):
    splits = open_splits(Data(grey, binarize=binarize))
    assert [source.is_binary for source in reversed(splits)] == [i < are_binary for i in range(3)]


@pytest.mark.parametrize("binarize", ["static", "dynamic"])
def test_binarised_pixels_reach_the_model_as_0_or_1(binarize, grey):
    for dataset in load(grey, batch_size=7, binarize=binarize):
        assert set(np.unique(read(dataset, "x"))) == {0.0, 1.0}


def test_pixels_that_are_not_binarised_reach_the_model_between_0_and_1(grey):
    x = read(load(grey, batch_size=203).test, "x")
    assert (x.dtype, x.shape[1:], x.min(), x.max()) == (np.float32, (6, 6, 1), 0.0, 1.0)
    assert len(np.unique(x)) > 200


def test_static_draw_is_the_same_for_all_runs_splits_and_modes(grey):
    draws = [("static", 0), ("static", 1), ("dynamic", 0)]
    drawn = {}
    for binarize, split_seed in draws:
        test = load(grey, binarize=binarize, split_seed=split_seed).test
        for label, x in zip(read(test), read(test, "x"), strict=True):
            np.testing.assert_array_equal(drawn.setdefault(label, x), x)
    assert 41 < len(drawn) < 2 * 41  # some examples were in both test splits


# What `load` gives.


def test_train_is_shuffled_anew_each_time_it_is_read(grey):
    train = load(grey, batch_size=10).train
    first, second = read(train), read(train)
    assert not np.array_equal(first, second) and len(set(first)) == len(set(second)) == len(first)


def test_train_is_the_same_for_the_same_seed_whatever_the_global_seed(grey):
    runs = []
    for global_seed in (1, 2):
        keras.utils.set_random_seed(global_seed)
        train = load(grey, seed=5, batch_size=10, binarize="dynamic").train
        runs.append(np.concatenate([read(train, "x"), read(train, "x")]))
    np.testing.assert_array_equal(*runs)


def test_train_differs_for_another_seed(grey):
    assert not np.array_equal(*[read(load(grey, seed=seed, batch_size=10).train) for seed in (0, 1)])


def test_validation_and_test_are_the_same_on_every_reading_and_for_every_batch_size(grey):
    for split in ("validation", "test"):
        datasets = [getattr(load(grey, batch_size=size, binarize="dynamic"), split) for size in (1, 10, 500)]
        first, *others = [read(dataset, "x") for dataset in [*datasets, datasets[0]]]
        assert all(np.array_equal(first, other) for other in others)


def test_batch_larger_than_the_data_shrinks_to_it(grey):
    assert [len(read(dataset)) for dataset in load(grey, batch_size=1000)] == [146, 16, 41]


# By name.


def test_digits_are_there_without_a_network(no_network, tfds_dir):
    splits = load("digits", batch_size=64, data_dir=tfds_dir)
    x, label = (np.concatenate([read(dataset, name) for dataset in splits[1:]]) for name in ("x", "label"))
    assert (x.shape, set(label)) == ((144 + 360, 8, 8, 1), set(range(10)))
    assert splits.train.cardinality() == 1293 // 64


def test_shapes_are_binary_and_carry_their_factors(no_network):
    splits = load("shapes", num_examples=300, factors={"shape": [0, 2]})
    batch = next(iter(splits.test))
    assert set(np.unique(batch["x"])) == {0.0, 1.0} and set(np.unique(batch["label"])) == {0, 2}
    assert batch["factors"].shape == batch["factor_values"].shape == (60, 5)


def test_folder_of_images_is_found_by_its_path(tmp_path):
    for i in range(10):
        (tmp_path / f"{i % 2}").mkdir(exist_ok=True)
        (tmp_path / f"{i % 2}" / f"{i}.png").write_bytes(tf.io.encode_png(np.full((4, 4, 1), i, np.uint8)).numpy())
    splits = open_splits(Data(str(tmp_path)))
    assert [s.num_examples for s in splits] == [7, 1, 2] and splits.train.class_names == ("0", "1")


def test_embedded_name_means_the_embedded_data_beside_a_folder_of_that_name(tmp_path, tfds_dir, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_splits(Data("digits", data_dir=tfds_dir)).train.image_shape == (8, 8, 1)


@needs_mnist
def test_mnist_is_read_as_tfds_has_it(no_network):
    splits = open_splits(Data("mnist", validation_fraction=0.05))
    assert [source.num_examples for source in splits] == [57_000, 3_000, 10_000]
    assert splits.train.image_shape == (28, 28, 1) and splits.train.class_names == tuple("0123456789")
    counts = np.bincount(splits.test.fetch(tf.range(10_000, dtype="int64"))["label"])
    assert list(counts) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # of LeCun's test set


# Factors of variation.


class TwoFactors(tfds.core.GeneratorBasedBuilder):
    """Twelve images, each with two factors: as dSprites has them, only fewer."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        classes = {
            "label_b": tfds.features.ClassLabel(num_classes=4),
            "label_a": tfds.features.ClassLabel(num_classes=3),
        }
        values = {"value_a": tfds.features.Scalar(np.float32), "image": tfds.features.Image(shape=(2, 2, 1))}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({**classes, **values}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(12):
            image = np.full((2, 2, 1), i, np.uint8)
            yield i, {"image": image, "label_a": i // 4, "label_b": i % 4, "value_a": i / 2}


def test_factors_of_a_tfds_dataset_are_its_label_features(tmp_path):
    TwoFactors(data_dir=tmp_path).download_and_prepare()
    source = open_splits(Data("two_factors", data_dir=str(tmp_path))).train
    batch = source.fetch(tf.range(source.num_examples, dtype="int64"))
    pixels = batch["x"][:, 0, 0, 0].numpy().astype(int)
    np.testing.assert_array_equal(batch["factors"], np.stack([pixels // 4, pixels % 4], axis=1))
    assert source.factor_names == ("a", "b") and source.class_names == ()


def test_factors_reach_the_batches_of_every_split_with_their_names(tmp_path):
    factors = np.stack([np.arange(100), np.arange(100) % 7], axis=1)
    x = np.broadcast_to(np.arange(100, dtype="uint8")[:, None, None], (100, 2, 2))
    np.savez(tmp_path / "known.npz", x=x, factors=factors, factor_names=["place", "week"])
    for binarize in ("none", "dynamic", "static"):
        for source in open_splits(Data(str(tmp_path / "known.npz"), binarize=binarize)):
            assert source.factor_names == ("place", "week")
    test = load(str(tmp_path / "known.npz")).test
    place = np.rint(read(test, "x")[:, 0, 0, 0] * 255)
    np.testing.assert_array_equal(read(test, "factors"), np.stack([place, place % 7], axis=1))


def test_shapes_name_their_factors():
    names = ("shape", "scale", "orientation", "x_position", "y_position")
    assert {source.factor_names for source in open_splits(Data("shapes", num_examples=100))} == {names}


@pytest.mark.parametrize("options", [{"num_labels": 10}, {"conditional": True}])
def test_sources_with_changed_labels_keep_their_factors(options):
    source = open_splits(Data("shapes", num_examples=300, **options)).train
    assert len(source.factor_names) == source.fetch(tf.constant([0], "int64"))["factors"].shape[1] == 5


def test_data_without_factors_names_none(grey):
    assert {source.factor_names for source in open_splits(Data(grey))} == {()}


# Description.


def test_description_is_that_of_pixels_labels_splits_and_draw(grey):
    options = [{}, {"split_seed": 1}, {"num_examples": 200}, {"binarize": "static"}, {"binarize": "dynamic"}]
    datas = [Data(grey, **option) for option in options]
    fingerprints = [describe(data, open_splits(data))["fingerprint"] for data in [*datas, Data(grey, batch_size=9)]]
    assert len(set(fingerprints)) == len(options) and fingerprints[-1] == fingerprints[0]


# Faults.

FAULTS = [
    ("mnits", "Unknown dataset `mnits`: no folder, file or TFDS dataset of that name. Did you mean mnist or"),
    ("digit", "Did you mean digits"),
    ("zzz", r"Unknown dataset `zzz`: no folder, file or TFDS dataset of that name\.$"),
    ("zzz/y", "Unknown dataset `zzz/y`"),
    ("fashion_mnist", "`fashion_mnist` is not prepared in .*, and nothing is downloaded unless .*data.download=true"),
    ("./nowhere", "There is no folder `nowhere`"),
    ("/no/where.npz", "There is no file `/no/where.npz`"),
]


@pytest.mark.parametrize(("name", "message"), FAULTS, ids=[name for name, _ in FAULTS])
def test_what_is_not_there_is_named_without_a_look_at_the_network(name, message, tfds_dir, no_network):
    with pytest.raises(DataError, match=message):
        open_splits(Data(name, data_dir=tfds_dir))


def test_download_without_a_network_names_the_dataset(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no network")

    module = importlib.import_module("tensorflow_datasets.core.dataset_builder")
    monkeypatch.setattr(module.DatasetBuilder, "_make_download_manager", fail)
    with pytest.raises(DataError, match=r"`kmnist` could not be prepared in .*: no network"):
        open_splits(Data("kmnist", data_dir=str(tmp_path), download=True))


def test_tfds_dataset_without_images_is_refused(tmp_path):
    tfds.testing.DummyDataset(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(DataError, match="`dummy_dataset` is not a dataset of images: it has no feature `image`"):
        open_splits(Data("dummy_dataset", data_dir=str(tmp_path)))


def test_unknown_factor_is_named():
    with pytest.raises(DataError, match="`factors` has no `colour`"):
        open_splits(Data("shapes", factors={"colour": [1]}))


def test_wrong_option_is_refused():
    with pytest.raises(ConfigError, match="`binarize` must be one of"):
        load("digits", binarize="maybe")


def test_more_examples_than_there_are_cannot_be_kept(grey):
    with pytest.raises(DataError, match="to choose 100000 from"):
        open_splits(Data(grey, num_examples=100_000))


def test_a_folder_of_the_name_of_a_dataset_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "kmnist").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="not prepared"):
        open_splits(Data("kmnist", data_dir=str(tmp_path)))


@pytest.mark.slow
def test_processes_that_prepare_at_once_wait_for_each_other(tmp_path):
    code = f"import tfvae.data as d; print(d.open_splits(d.Data('digits', data_dir={str(tmp_path)!r})).train.digest())"
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    processes = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    digests = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0] and len(digests) == 1
