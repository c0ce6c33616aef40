"""Datasets by name: where the examples come from and how they are split."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.data import pipeline
from tfvae.data.builders.shapes import ShapesSource
from tfvae.data.files import array_sources, folder_source
from tfvae.data.labels import Conditional, PartlyLabelled, indices_without
from tfvae.data.options import Data
from tfvae.data.records import RecordSource, incomplete, is_prepared, missing_files
from tfvae.data.tables import standardized, table_source
from tfvae.data.tfds_images import is_dataset, tfds_sources
from tfvae.errors import DataError
from tfvae.storage import sha256_of_arrays, sha256_of_json

CHOSEN_BEFORE = ("num_examples", "num_labels", "held_out_class")  # what the splits of prepared data hold already


class Splits(NamedTuple):
    """Disjoint training, validation and test examples: tf.data from `load`, sources from `open_splits`."""

    train: Any
    validation: Any
    test: Any


def load(name, seed=0, **options):
    """The data of that name as tf.data of {"x": float32 [B, H, W, C] in [0, 1], "label": int64 [B], ...}.

    The x of a table is float32 [B, D], in the units of its columns, which are `open_splits(Data(name)).train.columns`.

    Args:
        name: "digits", "shapes", the name of a TFDS image dataset, a folder of images, an .npz or .npy file of images,
            or a .csv or .parquet file of a table.
        seed: Integer that keys the order of training batches and the dynamic binarisation.
        **options: The fields of `Data`: batch_size, binarize, validation_fraction, ...

    Returns:
        `Splits` of tf.data. `train` is shuffled anew each time it is read; the others keep their order.

    Raises:
        ConfigError: If an option is out of range.
        DataError: If the data is missing or unreadable.
    """
    data = Data(name, **options)
    splits = open_splits(data)
    return Splits(
        pipeline.epochs(splits.train, data.batch_size, seed, data.binarize == "dynamic"),
        pipeline.ordered_batches(splits.validation, data.batch_size),
        pipeline.ordered_batches(splits.test, data.batch_size),
    )


def open_splits(data):
    """The `Splits` of sources that a `Data` describes; grey images are drawn where `binarize` asks for it.

    Raises:
        DataError: If the data is missing or unreadable, or too small to be split.
    """
    splits = _prepared(data) if is_prepared(data.name) else _cut(data)
    return Splits(*map(Conditional, splits)) if data.conditional else splits


def _cut(data):
    """The splits of a whole set, by the seed of the data."""
    sources = sources_of(data)
    drawn = {split: pipeline.binarized(source) for split, source in sources.items()} if data.binarize != "none" else {}
    # Drawn before the split, so that an example keeps its draw whatever the split is.
    train = drawn if data.binarize == "static" else sources
    parts = split_indices({split: source.num_examples for split, source in sources.items()}, data)
    held_out = {**sources, **drawn}
    if data.held_out_class is not None:  # now, so that the statistics of columns know nothing of the class either
        known = ("train", "validation")
        parts |= {name: _without(sources, *parts[name], data.held_out_class) for name in known}
    columns = standardized(sources["train"], parts["train"][1]) if data.is_table else []
    splits = Splits(
        Subset(train["train"], parts["train"][1], columns),
        Subset(held_out["train"], parts["validation"][1], columns),
        Subset(held_out[parts["test"][0]], parts["test"][1], columns),
    )
    if data.num_labels is not None:
        splits = splits._replace(train=PartlyLabelled(splits.train, data.num_labels))
    return splits


def _prepared(data):
    """The splits of a prepared folder: those that it was prepared with."""
    if data.binarize == "static":
        raise DataError(f"`{data.name}` is prepared data, which is not kept in memory: set data.binarize to dynamic.")
    asked = [name for name in CHOSEN_BEFORE if getattr(data, name) is not None]
    if asked:
        raise DataError(f"`{data.name}` is prepared data: set data.{asked[0]} when it is prepared, not here.")
    missing = [name for split in Splits._fields[1:] for name in missing_files(data.name, split)]
    if missing:  # of training examples another machine may have some
        raise incomplete(data.name, missing[0])
    train, *held_out = (RecordSource(data.name, split) for split in Splits._fields)
    if data.binarize == "dynamic":
        held_out = map(pipeline.binarized, held_out)
    return Splits(train, *held_out)


def split_indices(sizes, data):
    """For each split the source it comes from, "train" or "test", and the indices in it: {name: (source, indices)}.

    Args:
        sizes: Number of examples of each source; "test" may be missing.
        data: A `Data`.
    """
    # RandomState and not default_rng: its streams are frozen for ever.
    order = np.random.RandomState(data.split_seed).permutation(sizes["train"])
    if data.num_examples is not None and data.num_examples > len(order):
        raise DataError(f"`{data.name}` has {len(order)} examples to choose {data.num_examples} from.")
    order = order[: data.num_examples]
    num_test = 0 if "test" in sizes else max(1, round(len(order) * data.test_fraction))
    num_validation = max(1, round((len(order) - num_test) * data.validation_fraction))
    if len(order) - num_test - num_validation < 1:
        raise DataError(f"`{data.name}` has {len(order)} examples: too few to train, validate and test on.")
    test, validation, train = np.split(order, [num_test, num_test + num_validation])
    own_test = ("test", np.arange(sizes["test"])) if "test" in sizes else ("train", test)
    return {"train": ("train", train), "validation": ("train", validation), "test": own_test}


class Subset:
    """The examples of a source at the given indices; of a table, with the columns as a model takes them."""

    def __init__(self, source, indices, columns=()):
        self.source, self.indices = source, tf.constant(indices, "int64")
        self.num_examples, self.image_shape = len(indices), source.image_shape
        self.class_names, self.columns = source.class_names, list(columns)
        self.factor_names = source.factor_names

    @property
    def is_binary(self):
        return self.source.is_binary

    def fetch(self, indices):
        return self.source.fetch(tf.gather(self.indices, indices))

    def digest(self):
        return sha256_of_json([self.source.digest(), sha256_of_arrays([self.indices.numpy()])])


def _without(sources, name, indices, held_out_class):
    """The source of a split and the indices in it, less those of a class."""
    return name, indices[indices_without(Subset(sources[name], indices), held_out_class)]


def sources_of(data):
    """{name of a split: source} of what `data.name` means."""
    path = Path(data.name).expanduser()
    if data.name == "shapes":
        return {"train": ShapesSource(factors=data.factors)}
    if data.is_table:
        return {"train": table_source(path, data.schema, data.label)}
    if path.suffix in (".npz", ".npy"):
        return array_sources(path)
    # A folder that happens to be called as a dataset is, its prepared files for one, is that dataset.
    if data.name.startswith((".", "/", "~")) or (path.is_dir() and not is_dataset(data.name)):
        return {"train": folder_source(path)}
    return tfds_sources(data.name, data.data_dir, data.download)
