"""The embedded digits are scikit-learn's, each once, in a fixed split and order."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from tfvae.data.builders import Digits
from tfvae.data.builders.digits import NUM_TEST, SPLIT_SEED


def read(builder):
    return {split: tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1)) for split in ("train", "test")}


def grey_levels(digits):
    return np.rint(digits.images * 255 / 16)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    builder = Digits(data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return read(builder)


def rows(split):
    order = np.random.RandomState(SPLIT_SEED).permutation(1797)
    return np.sort(order[:NUM_TEST] if split == "test" else order[NUM_TEST:])


def test_test_split_is_a_fifth(splits):
    assert [len(splits[split]["label"]) for split in ("train", "test")] == [1437, 360]


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_are_scikit_learns_in_order(splits, split):
    digits = load_digits()
    np.testing.assert_array_equal(splits[split]["image"][..., 0], grey_levels(digits)[rows(split)])
    np.testing.assert_array_equal(splits[split]["label"], digits.target[rows(split)])


def test_every_digit_occurs_once_over_the_splits(splits):
    images = np.concatenate([split["image"].reshape(-1, 64) for split in splits.values()])
    expected = grey_levels(load_digits()).reshape(-1, 64).astype("uint8")
    assert sorted(map(bytes, images)) == sorted(map(bytes, expected))


def test_darkest_ink_is_255(splits):
    assert (splits["train"]["image"].min(), splits["train"]["image"].max()) == (0, 255)


def test_preparing_again_gives_the_same_examples(splits, tmp_path):
    builder = Digits(data_dir=tmp_path)
    builder.download_and_prepare()
    again = read(builder)
    np.testing.assert_array_equal(again["test"]["image"], splits["test"]["image"])


@pytest.mark.parametrize("name", ["digits", "shapes"])
def test_tfds_finds_our_builder(name):
    assert tfds.builder_cls(name).__module__ == f"tfvae.data.builders.{name}"
