"""A class that is held out: not trained on, still in the test split, and nothing else changed."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import open_splits
from tfvae.data.description import describe
from tfvae.data.options import Data
from tfvae.errors import ConfigError, DataError


@pytest.fixture
def file(tmp_path):
    """120 images of 4 classes, each of which knows its number."""
    images = np.zeros((120, 2, 2, 1), "uint8")
    images[:, 0, 0, 0], images[:, 1, 1, 0] = np.arange(120), 255
    np.savez(tmp_path / "images.npz", x=images, label=np.arange(120) % 4)
    return str(tmp_path / "images.npz")


def examples(source):
    return source.fetch(tf.range(source.num_examples, dtype="int64"))


def numbers(source):
    return examples(source)["x"][:, 0, 0, 0].numpy()


def test_the_class_is_in_the_test_split_alone(file):
    splits = open_splits(Data(file, held_out_class=2))
    assert all(2 not in examples(source)["label"] for source in (splits.train, splits.validation))
    assert 2 in examples(splits.test)["label"]


def test_the_splits_are_those_of_the_same_data_less_the_class(file):
    whole, held_out = open_splits(Data(file)), open_splits(Data(file, held_out_class=1))
    assert np.array_equal(numbers(held_out.test), numbers(whole.test))
    for name in ("train", "validation"):
        kept = [number for number in numbers(getattr(whole, name)) if number % 4 != 1]
        assert np.array_equal(numbers(getattr(held_out, name)), kept)


def test_classes_keep_their_numbers_and_names(file):
    assert open_splits(Data(file, held_out_class=0)).train.class_names == open_splits(Data(file)).train.class_names


def test_the_fingerprint_knows_of_it(file):
    datas = [Data(file, held_out_class=held_out_class) for held_out_class in (None, 0, 3)]
    assert len({describe(data, open_splits(data))["fingerprint"] for data in datas}) == 3


@pytest.mark.parametrize("options", [{"conditional": True}, {"num_labels": 9}, {"binarize": "dynamic"}])
def test_it_goes_together_with_other_options(file, options):
    splits = open_splits(Data(file, held_out_class=3, **options))
    assert splits.train.num_examples == pytest.approx(86 * 3 / 4, abs=8)
    assert 3 not in examples(splits.train)["label"]


def test_columns_of_a_table_are_standardised_without_the_class(tmp_path):
    # The class "z" lies at 1000: with it the mean would be some 333.
    rows = [f"{1000 * (i % 3 == 2) + i % 2},{'xyz'[i % 3]}" for i in range(300)]
    (tmp_path / "table.csv").write_text("\n".join(["a,kind", *rows]))
    splits = open_splits(Data(str(tmp_path / "table.csv"), label="kind", held_out_class=2))
    values = examples(splits.train)["x"].numpy()
    for source in splits:
        column = source.columns[0]
        assert column["mean"] == pytest.approx(values.mean()) and column["stddev"] == pytest.approx(values.std())


@pytest.mark.parametrize("held_out_class", [4, 100])
def test_a_class_that_is_not_there_is_refused(file, held_out_class):
    with pytest.raises(DataError, match=f"`held_out_class` is {held_out_class}, and the data has 4 classes"):
        open_splits(Data(file, held_out_class=held_out_class))


def test_the_only_class_cannot_be_held_out(tmp_path):
    np.savez(tmp_path / "one.npz", x=np.zeros((30, 2, 2, 1), "uint8"), label=np.zeros(30, int))
    with pytest.raises(DataError, match="no examples of other classes"):
        open_splits(Data(str(tmp_path / "one.npz"), held_out_class=0))


def test_a_negative_class_is_refused(file):
    with pytest.raises(ConfigError, match="`held_out_class` must be at least 0"):
        Data(file, held_out_class=-1)
