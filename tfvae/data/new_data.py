"""New data: examples that are no part of a run's splits, held against its schema."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.data import datasets, pipeline
from tfvae.data.distributions import MOST_QUANTILES, Frequencies, Numbers
from tfvae.data.options import Data
from tfvae.data.schema import LABEL, image_anomalies, table_anomalies
from tfvae.data.table_files import read_table
from tfvae.data.tables import IGNORE, TableSource
from tfvae.data.typed_columns import to_columns
from tfvae.errors import DataError

MOST_EXAMPLES = 10_000  # so many tell a distribution to one part in a hundred
BATCH_SIZE = 256
LEVELS = 256


class NewData:
    """Examples of some data, a draw of them if there are many.

    Args:
        data: The `Data` that the run was trained on.
        name: The new data, as a configuration names it.
        schema: What the run expects, a proto of `schema`.
        columns: The columns of the run's table, see `Columns`; empty for images.

    Attributes:
        anomalies: {feature: (type, sentence)} of what does not fit the schema.
        batches: The examples, a list of {"x", "index", maybe "condition"}; None if there are anomalies.

    Raises:
        DataError: If the data cannot be read, or is a table where images are needed, or the reverse.
    """

    def __init__(self, data, name, schema, columns=()):
        self.columns, self.batches = list(columns), None
        new = Data(name, data_dir=data.data_dir, factors=data.factors if name == data.name else None)
        if new.is_table != bool(columns):
            kinds = ("a table", "images") if columns else ("images", "a table")
            raise DataError(f"The model is one of {kinds[0]}, and {name} holds {kinds[1]}.")
        self.anomalies = self._open_table(data, name) if columns else self._open_images(new, schema)

    def values(self):
        """{feature: `Numbers` or `Frequencies`} of the examples themselves."""
        return values_of(self.batches, self.columns)

    def _open_table(self, data, name):
        ignored = [column for column, kind in (data.schema or {}).items() if kind == IGNORE]
        values, anomalies = table_anomalies(read_table(Path(name).expanduser()), self.columns, [*ignored, data.label])
        if not anomalies:
            values = np.stack(values, axis=1)
            self.batches = _drawn([TableSource(values, self.columns, np.zeros(len(values)))])
        return anomalies

    def _open_images(self, new, schema):
        sources = list(datasets.sources_of(new).values())
        anomalies = image_anomalies(schema, sources[0].image_shape, sources[0].class_names)
        if not anomalies:
            batches = _drawn(sources)
            known = [list(f.string_domain.value) for f in schema.feature if f.name == LABEL]
            self.batches = [_conditioned(batch, sources[0].class_names, *known) for batch in batches]
        return anomalies


def first_batches(source):
    """The first `MOST_EXAMPLES` examples of a split, whose order was drawn, as a list of batches."""
    return _batches(source, np.arange(min(MOST_EXAMPLES, source.num_examples)))


def values_of(batches, columns=()):
    """{feature: `Numbers` or `Frequencies`}: the intensities of images, or each column of a table."""
    if not columns:
        return {"intensities": _intensities(batches)}
    x = np.concatenate([batch["x"] for batch in batches])
    typed, found = to_columns(columns, x), {}
    for place, column in enumerate(columns):
        name, is_missing = column["name"], np.isnan(x[:, place])
        if column["type"] != "real":
            found[name] = Frequencies.of([_text(value) for value in typed[name].numpy()])
            continue
        found[f"{name}, missing or not"] = Frequencies.of(np.where(is_missing, "missing", "there"))
        if not np.all(is_missing):
            found[name] = Numbers.of(x[~is_missing, place])
    return found


def _intensities(batches):
    """The quantiles of all pixels; an image is one example, for its pixels depend on each other."""
    levels = [np.rint(np.asarray(batch["x"]) * (LEVELS - 1)).astype(int).ravel() for batch in batches]
    cumulative = np.cumsum(sum(np.bincount(values, minlength=LEVELS) for values in levels))
    ranks = (np.arange(MOST_QUANTILES) + 0.5) * cumulative[-1] / MOST_QUANTILES
    quantiles = np.searchsorted(cumulative, ranks, side="right") / (LEVELS - 1)
    return Numbers(quantiles, sum(len(batch["index"]) for batch in batches))


def _text(value):
    """A category; of a binary column 0 or 1, or nothing where missing."""
    if isinstance(value, bytes):
        return value.decode()
    return "" if value < 0 else str(value)


def _drawn(sources):
    """Batches of a draw from sources, numbered from 0 on."""
    sizes = [source.num_examples for source in sources]
    order = np.random.RandomState(0).permutation(sum(sizes))[:MOST_EXAMPLES]
    batches, first = [], 0
    for source, size in zip(sources, sizes, strict=True):
        batches += _batches(source, np.sort(order[(order >= first) & (order < first + size)]) - first)
        first += size
    starts = np.cumsum([0, *(len(batch["index"]) for batch in batches)])
    return [{**b, "index": s + np.arange(len(b["index"]))} for b, s in zip(batches, starts[:-1], strict=True)]


def _batches(source, indices):
    parts = [indices[first : first + BATCH_SIZE] for first in range(0, len(indices), BATCH_SIZE)]
    batches = [pipeline.batch_of(source, tf.constant(part, "int64")) for part in parts]
    return [{name: np.asarray(value) for name, value in batch.items()} for batch in batches]


def _conditioned(batch, class_names, known=()):
    """The batch with the class as the model knows it, one-hot, if it depends on one."""
    if not known:
        return batch
    places = np.array([known.index(name) for name in class_names])
    return {**batch, "condition": np.eye(len(known), dtype="float32")[places[batch["label"]]]}
