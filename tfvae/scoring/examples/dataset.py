"""TFDS datasets of images, streamed from their files in the order of these."""

import bisect
import itertools

import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae.data.pipeline import AHEAD, untuned
from tfvae.data.preprocessing import scale
from tfvae.data.tfds_images import EMBEDDED, prepared
from tfvae.errors import DataError
from tfvae.scoring.examples.inputs import check_shape, check_wanted, fingerprint_of_files
from tfvae.scoring.rows import Rows, indices_of
from tfvae.storage import sha256_of_json


class DatasetExamples:
    """A split of a prepared dataset; each example is called by its TFDS id, which names its file and place in it.

    Args:
        dataset: Name of the dataset.
        interface: The `Interface` of the model: it may ask for images, or for them as the files that TFDS keeps.
        split: Name of the split; None takes "test" where there is one, else "train".
        data_dir: Folder of prepared datasets; None takes TFDS's own.

    Raises:
        ConfigError: If the signature asks for something else.
        DataError: If the dataset is unknown, not prepared, not one of images, or has no such split.
    """

    name = "id"

    def __init__(self, dataset, interface, split=None, data_dir=None):
        self.builder, self.dataset = prepared(dataset, data_dir, dataset in EMBEDDED), dataset
        features = self.builder.info.features
        if not isinstance(features, tfds.features.FeaturesDict) or "image" not in features:
            raise DataError(f"`{dataset}` is not a dataset of images: it has no feature `image`.")
        check_wanted(interface.wanted, ["images", "image_bytes"], f"`{dataset}`")
        (self.input,) = interface.wanted
        if self.input == "images":
            check_shape(features["image"].shape, interface.wanted["images"].shape, f"`{dataset}`")
        self.split = self._split(split)
        info = self.builder.info.splits[self.split]
        self.num_examples, self.files = info.num_examples, sorted(info.filenames)
        self.firsts = [0, *itertools.accumulate(info.shard_lengths[:-1])]  # index of the first example of each file
        self.has_labels = "label" in features and isinstance(features["label"], tfds.features.ClassLabel)
        self.class_names = tuple(features["label"].names) if self.has_labels else ()

    def fingerprint(self):
        facts = fingerprint_of_files(self.builder.data_dir, self.files)
        return sha256_of_json([self.builder.info.full_name, self.split, facts])

    def read(self, cut, parts):
        batches = self._stream(cut.span(parts)).batch(cut.batch_size).rebatch(cut.batch_sizes)
        if self.input == "images":
            batches = batches.map(lambda x, label: (scale(x), label), tf.data.AUTOTUNE, deterministic=True)
        batches = untuned(batches.prefetch(AHEAD)).as_numpy_iterator()
        try:
            for span, batch in zip(cut.batches(parts), batches, strict=True):
                yield self._rows(span, *batch)
        except (tf.errors.InvalidArgumentError, tf.errors.DataLossError) as error:
            reason = error.message.splitlines()[0]
            raise DataError(f"`{self.dataset}`, split {self.split}, cannot be read to its end: {reason}") from error

    def _stream(self, span):
        """Examples one by one: (image or its file, label)."""
        decoders = {"image": tfds.decode.SkipDecoding()} if self.input == "image_bytes" else None
        # One file after the other: TFDS's interleaving of several would depend on where the reading begins.
        config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
        wanted = tfds.core.ReadInstruction(self.split, from_=span.start, to=span.stop, unit="abs")
        examples = self.builder.as_dataset(split=wanted, decoders=decoders, read_config=config, shuffle_files=False)

        def of(example):
            label = tf.cast(example["label"], "int64") if self.has_labels else tf.constant(0, "int64")
            return example["image"], label

        return examples.map(of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _rows(self, span, images, labels):
        labels = [self.class_names[label] if label >= 0 else None for label in labels] if self.has_labels else None
        return Rows(indices_of(span), {self.input: images}, [self._id(index) for index in span], labels)

    def _id(self, index):
        """The id that TFDS gives, which halves the speed of reading if TFDS is asked for it."""
        file = bisect.bisect_right(self.firsts, index) - 1
        return f"{self.files[file]}__{index - self.firsts[file]}"

    def _split(self, wanted):
        splits = self.builder.info.splits
        name = wanted or ("test" if "test" in splits else "train")
        if name not in splits:
            raise DataError(f"`{self.dataset}` has no split `{name}`. Its splits: {sorted(splits)}.")
        return name
