"""Image datasets of TFDS, our own builders among them, read into memory as uint8."""

import contextlib
import difflib
import io
from pathlib import Path

import numpy as np
import requests
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from tfvae.data.builders import Digits
from tfvae.data.mapped import room
from tfvae.data.pipeline import untuned
from tfvae.data.source import ArraySource
from tfvae.errors import DataError
from tfvae.storage import alone

EMBEDDED = {"digits": Digits}
READ_BATCH = 1000  # examples
FACTOR = "label_"  # what the names of features begin with that hold a factor of variation, as those of dSprites do


def tfds_sources(name, data_dir=None, download=False):
    """Sources of the splits "train" and, where there is one, "test".

    Args:
        name: "digits", or the name of a TFDS dataset, with its configuration if need be ("emnist/letters").
        data_dir: Folder of prepared datasets; None takes TFDS's own.
        download: Whether a dataset that is not prepared may be fetched from the network.

    Raises:
        DataError: If the dataset is unknown, not prepared, cannot be fetched, or is not one of images of one size.
    """
    builder = prepared(name, data_dir, download or name in EMBEDDED)
    splits = [split for split in ("train", "test") if split in builder.info.splits]
    if "train" not in splits:
        raise DataError(f"`{name}` has no split `train`. Its splits: {sorted(builder.info.splits)}.")
    return {split: _read(builder, name, split) for split in splits}


def is_dataset(name):
    """Whether `name` is that of a dataset, and not of a folder or a file."""
    return name in EMBEDDED or name.split("/")[0].split(":")[0] in tfds.list_builders(with_community_datasets=False)


def _builder(name, data_dir):
    if name in EMBEDDED:
        return EMBEDDED[name](data_dir=data_dir)
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (ValueError, ImportError, tfds.core.registered.DatasetNotFoundError) as error:
        known = ["digits", "shapes", *tfds.list_builders(with_community_datasets=False)]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise DataError(f"Unknown dataset `{name}`: no folder, file or TFDS dataset of that name.{hint}") from error


def prepared(name, data_dir, allowed):
    """The builder of a dataset that is prepared: by now, or here if that is allowed."""
    builder = _builder(name, data_dir)
    if builder.is_prepared():
        return builder
    if not allowed:
        raise DataError(
            f"`{name}` is not prepared in {builder.data_dir}, and nothing is downloaded unless you ask for it: "
            "set data.download=true, or point data.data_dir or TFDS_DATA_DIR to where it is."
        )
    # Its ten retries with growing pauses take three minutes to say that there is no network.
    downloader.MAX_RETRIES = 3
    try:
        with _alone(Path(builder.data_dir)), _silence() if name in EMBEDDED else contextlib.nullcontext():
            builder = _builder(name, data_dir)  # another process may have prepared it while this one waited
            builder.download_and_prepare()  # does nothing then
    except (OSError, RuntimeError, tfds.download.DownloadError, tf.errors.OpError, AssertionError) as error:
        no_network = "the network is out of reach: " if isinstance(error, requests.ConnectionError) else ""
        reason = no_network + str(error).strip().split("\n")[0]
        raise DataError(f"`{name}` could not be prepared in {builder.data_dir}: {reason}") from error
    return builder


@contextlib.contextmanager
def _alone(data_dir):
    """Waits for other processes that prepare the same dataset: TFDS lets them write into one another's files."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with alone(data_dir.parent / f".{data_dir.name}.lock"):
        yield


@contextlib.contextmanager
def _silence():
    """TFDS speaks of a download, and shows bars, even where there is nothing to fetch."""
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()


def _read(builder, name, split):
    features, info = builder.info.features, builder.info.splits[split]
    if not isinstance(features, tfds.features.FeaturesDict) or "image" not in features:
        raise DataError(f"`{name}` is not a dataset of images: it has no feature `image`.")
    classes = sorted(key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel))
    is_class, factors = "label" in classes, [key for key in classes if key.startswith(FACTOR)]
    class_names = tuple(features["label"].names) if is_class else ()

    def parts_of(example):
        label = tf.cast(example["label"], "int64") if is_class else tf.constant(0, "int64")
        known = [tf.cast(example[key], "int64") for key in factors]
        return example["image"], label, tf.stack(known) if known else tf.zeros([0], "int64")

    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=tfds.ReadConfig(try_autocache=False))
    batches = dataset.map(parts_of, num_parallel_calls=tf.data.AUTOTUNE).batch(READ_BATCH)
    images, labels, known = _concatenate(untuned(batches.prefetch(1)), info.num_examples, len(factors), name)
    factor_names = tuple(key.removeprefix(FACTOR) for key in factors)
    return ArraySource(images, labels, class_names, known if factors else None, factor_names)


def _concatenate(batches, num_examples, num_factors, name):
    images, labels, factors = None, np.empty(num_examples, np.int64), np.empty((num_examples, num_factors), np.int64)
    done = 0
    try:
        for batch, label, known in batches.as_numpy_iterator():
            if images is None:
                images = room((num_examples, *batch.shape[1:]))
            rows = slice(done, done + len(batch))
            images[rows], labels[rows], factors[rows] = batch, label, known
            done += len(batch)
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        raise DataError(f"`{name}` has images of different sizes: resize them first, to a folder of images.") from error
    except tf.errors.DataLossError as error:
        raise DataError(f"`{name}` is damaged on disk: prepare it again. {error.message}") from error
    return images, labels, factors
