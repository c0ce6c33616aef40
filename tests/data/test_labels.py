"""Labels that become a condition, and labels of which few are known."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import Data, open_splits, pipeline
from tfvae.data.labels import CHUNK, Conditional, PartlyLabelled
from tfvae.data.source import ArraySource
from tfvae.errors import ConfigError, DataError

NAMES = ("ant", "bee", "cat")


def source_of(labels, class_names=NAMES):
    """One grey pixel an example: its place, modulo 256."""
    images = (np.arange(len(labels)) % 256).astype("uint8").reshape(-1, 1, 1, 1)
    return ArraySource(images, np.array(labels), class_names)


def everything(source):
    return {name: value.numpy() for name, value in source.fetch(tf.range(source.num_examples, dtype="int64")).items()}


@pytest.fixture
def npz(tmp_path):
    """An .npz of 60 images of three classes, one of them rare."""
    label = np.array([0] * 40 + [1] * 15 + [2] * 5)
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).integers(0, 256, (60, 4, 4), "uint8"), label=label)
    return str(tmp_path / "data.npz")


# The condition.


def test_condition_is_the_class_one_hot_and_zeros_where_it_is_not_known():
    batch = everything(Conditional(source_of([2, 0, -1, 1])))
    np.testing.assert_array_equal(batch["condition"], [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert batch["condition"].dtype == np.float32
    np.testing.assert_array_equal(batch["label"], [2, 0, -1, 1])


def test_a_source_with_condition_is_the_source_in_all_else():
    source = source_of([0, 1])
    conditional = Conditional(source)
    for name in ("num_examples", "image_shape", "class_names", "is_binary"):
        assert getattr(conditional, name) == getattr(source, name)
    assert conditional.digest() == source.digest()


def test_data_without_classes_has_no_condition():
    with pytest.raises(DataError, match=r"^`conditional` needs classes, and this data has none: no labels, or no sub-"):
        Conditional(source_of([0, 0], class_names=()))


@pytest.mark.parametrize("binarize", ["none", "static", "dynamic"])
def test_every_batch_of_every_split_carries_the_condition_of_its_rows(binarize, npz):
    data = Data(npz, conditional=True, binarize=binarize, batch_size=8)
    splits = open_splits(data)
    streams = [pipeline.ordered_batches(source, 8) for source in splits]
    streams.append(pipeline.training_batches(splits.train, 8, seed=0, dynamic=binarize == "dynamic").take(7))
    for batch in (batch for stream in streams for batch in stream):
        np.testing.assert_array_equal(batch["condition"], np.eye(3)[batch["label"]])


def test_data_without_option_has_no_condition(npz):
    assert set(pipeline.batch_of(open_splits(Data(npz)).train, tf.range(3, dtype="int64"))) == {"x", "label", "index"}


def test_index_is_the_place_of_each_row_in_its_split(npz):
    source = open_splits(Data(npz)).train
    whole = everything(source)
    for batch in pipeline.training_batches(source, 8, seed=0).take(7):
        np.testing.assert_array_equal(batch["x"], whole["x"][batch["index"].numpy()] / np.float32(255))
        np.testing.assert_array_equal(batch["label"], whole["label"][batch["index"].numpy()])


# Few labels.


@pytest.mark.parametrize(
    ("num_labels", "kept"),
    [(1, [1, 0, 0]), (3, [1, 1, 1]), (6, [2, 2, 2]), (8, [3, 3, 2]), (10, [4, 4, 2]), (14, [6, 6, 2])],
)
def test_as_many_of_each_class_keep_their_label_as_can_be(num_labels, kept):
    labels = np.array([0] * 10 + [1] * 6 + [2] * 2)
    labels = np.random.default_rng(0).permutation(labels)
    found = everything(PartlyLabelled(source_of(labels), num_labels))["label"]
    assert [int(np.sum(found == label)) for label in (0, 1, 2)] == kept
    assert np.sum(found == -1) == len(labels) - num_labels
    np.testing.assert_array_equal(found[found >= 0], labels[found >= 0])


def test_the_first_of_each_class_are_those_that_keep_it():
    found = everything(PartlyLabelled(source_of([1, 1, 0, 2, 0, 2]), 3))["label"]
    np.testing.assert_array_equal(found, [1, -1, 0, 2, -1, -1])


def test_what_was_unknown_before_takes_no_place_of_a_label():
    found = everything(PartlyLabelled(source_of([-1, 0, -1, 1, 0]), 2))["label"]
    np.testing.assert_array_equal(found, [-1, 0, -1, 1, -1])


def test_all_labels_may_be_kept():
    np.testing.assert_array_equal(everything(PartlyLabelled(source_of([2, 0, 1]), 3))["label"], [2, 0, 1])


@pytest.mark.parametrize(("labels", "known"), [([0, 1, 2], 3), ([0, -1, -1], 1)])
def test_more_labels_than_there_are_is_refused(labels, known):
    message = f"^`num_labels` is {known + 1}, and there are {known} training examples with a label.$"
    with pytest.raises(DataError, match=message):
        PartlyLabelled(source_of(labels), known + 1)


def test_data_of_any_size_is_looked_at_whole():
    labels = np.arange(CHUNK + 5) % 3
    found = everything(PartlyLabelled(source_of(labels), CHUNK + 5))["label"]
    np.testing.assert_array_equal(found, labels)


def test_images_stay_and_the_digest_tells_how_many_labels_were_kept():
    source = source_of([0, 1, 0, 1])
    two, again, three = (PartlyLabelled(source, number) for number in (2, 2, 3))
    np.testing.assert_array_equal(everything(two)["x"], everything(source)["x"])
    assert two.digest() == again.digest()
    assert len({source.digest(), two.digest(), three.digest()}) == 3


def test_option_takes_labels_from_training_alone(npz):
    whole, few = (open_splits(Data(npz, num_labels=number)) for number in (None, 6))
    assert np.sum(everything(few.train)["label"] >= 0) == 6
    for split in ("validation", "test"):
        np.testing.assert_array_equal(
            everything(getattr(few, split))["label"], everything(getattr(whole, split))["label"]
        )
        assert getattr(few, split).digest() == getattr(whole, split).digest()


def test_the_same_labels_are_kept_every_time(npz):
    first, again = (everything(open_splits(Data(npz, num_labels=6)).train)["label"] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_both_options_together_give_zeros_where_the_label_was_taken(npz):
    batch = everything(open_splits(Data(npz, num_labels=6, conditional=True)).train)
    np.testing.assert_array_equal(batch["condition"].sum(axis=1), batch["label"] >= 0)


def test_number_of_labels_must_be_positive(npz):
    with pytest.raises(ConfigError, match=r"`num_labels` must be at least 1\. Received: num_labels=0"):
        Data(npz, num_labels=0)
