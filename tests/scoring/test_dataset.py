"""Datasets of TFDS, and drawn shapes, are streamed from any example on, in the order of their files."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae.data.builders import Digits
from tfvae.data.builders.shapes import ShapesSource
from tfvae.errors import ConfigError, DataError
from tfvae.scoring import Scoring, score
from tfvae.scoring.examples.dataset import DatasetExamples
from tfvae.scoring.examples.drawn import DrawnExamples
from tfvae.scoring.model import Interface, Tensor
from tfvae.scoring.parts import Cut


def interface(name="images", shape=(8, 8, 1)):
    dtype = "float32" if name == "images" else "string"
    return Interface(None, {name: Tensor(dtype, shape), "seed": Tensor("int64", ())}, {}, {})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Holds the digits in files of several examples each."""
    directory = tmp_path_factory.mktemp("tfds")
    builder = Digits(data_dir=str(directory))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=5))
    return str(directory)


@pytest.fixture(scope="module")
def expected(data_dir):
    """Images, labels and ids as TFDS itself gives them, file by file."""
    config = tfds.ReadConfig(interleave_cycle_length=1, add_tfds_id=True)
    examples = Digits(data_dir=data_dir).as_dataset(split="test", read_config=config)
    return list(examples.as_numpy_iterator())


def rows_of(examples, cut, parts):
    return list(examples.read(cut, parts))


@pytest.mark.parametrize("first", [0, 1, 3])
def test_examples_are_those_of_the_files_in_order(first, data_dir, expected):
    examples = DatasetExamples("digits", interface(), data_dir=data_dir)
    cut = Cut(examples.num_examples, 100, 30)
    rows = rows_of(examples, cut, range(first, cut.num_parts))
    assert [row.index.tolist() for row in rows] == [list(span) for span in cut.batches(range(first, cut.num_parts))]
    for row in rows:
        for place, index in enumerate(row.index):
            example = expected[index]
            image = example["image"].astype("float32") / np.float32(255)
            np.testing.assert_array_equal(row.inputs["images"][place], image)
            assert row.names[place] == example["tfds_id"].decode() and row.labels[place] == str(example["label"])


def test_the_files_of_images_are_those_that_tfds_keeps(data_dir, expected):
    examples = DatasetExamples("digits", interface("image_bytes", ()), data_dir=data_dir)
    (row, *_) = rows_of(examples, Cut(360, 100, 30), range(1))
    for content, example in zip(row.inputs["image_bytes"], expected, strict=False):
        np.testing.assert_array_equal(tf.io.decode_png(content).numpy(), example["image"])


def test_split_and_test_by_default(data_dir):
    sizes = [DatasetExamples("digits", interface(), split, data_dir).num_examples for split in (None, "test", "train")]
    assert sizes == [360, 360, 1437]


def test_a_dataset_is_scored_from_its_folder(image_export, data_dir, scored, expected):
    records = scored(image_export, data="digits", data_dir=data_dir, signature="score_bytes", part_size=100)
    assert [record["id"] for record in records] == [example["tfds_id"].decode() for example in expected]


def test_another_version_of_the_files_is_other_data(data_dir):
    def fingerprint(split):
        return DatasetExamples("digits", interface(), split, data_dir).fingerprint()

    assert fingerprint("test") == fingerprint(None) != fingerprint("train")


def test_what_a_dataset_cannot_give_is_said(image_export, data_dir, tmp_path):
    with pytest.raises(DataError, match="has no split `validation`"):
        DatasetExamples("digits", interface(), "validation", data_dir)
    with pytest.raises(DataError, match=r"of shape \[8, 8, 1\], and the model takes \[28, 28, 1\]"):
        DatasetExamples("digits", interface(shape=(28, 28, 1)), None, data_dir)
    with pytest.raises(ConfigError, match=r"asks for \['z'\]"):
        DatasetExamples("digits", interface("z"), None, data_dir)
    with pytest.raises(DataError, match="Unknown dataset `digitz`"):
        score(Scoring(image_export, data="digitz"), tmp_path)


def test_shapes_are_drawn_from_any_example_on():
    examples = DrawnExamples(interface(shape=(64, 64, 1)))
    cut = Cut(examples.num_examples, 100, 30)
    drawn = ShapesSource().fetch(tf.range(737_200, 737_280, dtype="int64"))
    rows = rows_of(examples, cut, range(7372, 7373))
    images = np.concatenate([row.inputs["images"] for row in rows])
    np.testing.assert_array_equal(images, drawn["x"].numpy() / np.float32(255))
    assert rows[0].labels == [examples.class_names[label] for label in drawn["label"][:30]]
