"""Tables as sources: a CSV or Parquet file, its columns typed by the schema, missing values as NaN."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.data.column_types import numbers_of
from tfvae.data.labels import UNKNOWN
from tfvae.data.table_files import read_table
from tfvae.errors import DataError
from tfvae.storage import sha256_of_arrays, sha256_of_json

IGNORE = "ignore"


class TableSource:
    """The rows of a table, held in memory.

    Args:
        values: float32 [N, D]: numbers in their own units, 0 or 1, or the place of a category; NaN where missing.
        columns: A dict for each column: "name", "type", and "categories" if it is categorical.
        labels: Class of each row, integers [N], -1 where it is not known.
        class_names: Name of each class; empty where there are none.
    """

    is_binary = False
    factor_names = ()

    def __init__(self, values, columns, labels, class_names=()):
        self.num_examples, self.image_shape = len(values), (len(columns),)
        self.columns, self.class_names = list(columns), tuple(class_names)
        with tf.device("CPU:0"):  # where tf.data runs
            self.values, self.labels = tf.constant(values, "float32"), tf.constant(labels, "int64")

    def fetch(self, indices):
        return {"x": tf.gather(self.values, indices), "label": tf.gather(self.labels, indices)}

    def digest(self):
        arrays = sha256_of_arrays([self.values.numpy(), self.labels.numpy()])
        return sha256_of_json([arrays, self.columns, self.class_names])


def table_source(path, schema=None, label=None):
    """The table of a CSV file, with a header, or a Parquet file.

    A column whose type the schema does not tell is categorical if it holds text, binary if it holds truth values or
    only the numbers 0 and 1, both of them, and real if it holds other numbers.

    Args:
        path: The file.
        schema: {column: "real", "binary", "categorical", "ignore", or a list of its categories}.
        label: The column that is the class of a row, and no part of x; None if there is none.

    Returns:
        A `TableSource`.

    Raises:
        DataError: If the file is missing or damaged, has no column of a name, or a column holds what its type cannot.
    """
    path, schema = Path(path), dict(schema or {})
    frame = read_table(path)
    _check_names(path, list(frame.columns), [*schema, *([label] if label else [])])
    labels, class_names = np.zeros(len(frame)), ()
    if label:
        labels, class_names = _labels(frame.pop(label), schema.pop(label, "categorical"), f"`{path}`, column `{label}`")
    columns, values = [], []
    for name in [name for name in frame.columns if schema.get(name) != IGNORE]:
        column, numbers = numbers_of(frame[name], schema.get(name), f"`{path}`, column `{name}`")
        columns.append({"name": name, **column})
        values.append(numbers)
    if not columns:
        raise DataError(f"`{path}` has no column left to model.")
    return TableSource(np.stack(values, axis=1), columns, labels, class_names)


def standardized(source, indices):
    """The columns of a table, with the mean and standard deviation of the rows at `indices` for those that are real.

    A column that is constant, or missing, in these rows gets the standard deviation 1.
    """
    values = source.values.numpy()[indices].astype("float64")
    return [_with_statistics(column, values[:, place]) for place, column in enumerate(source.columns)]


def _with_statistics(column, values):
    if column["type"] != "real":
        return column
    observed = values[~np.isnan(values)]
    varies = len(observed) and np.ptp(observed) > 0  # by rounding, the deviation of equal numbers may not be 0
    mean, stddev = observed.mean() if len(observed) else 0.0, observed.std() if varies else 1.0
    return {**column, "mean": float(mean), "stddev": float(stddev)}


def _labels(series, wanted, place):
    """Classes and their names; any type that the schema tells means categorical."""
    column, numbers = numbers_of(series, wanted if isinstance(wanted, list) else "categorical", place)
    return np.where(np.isnan(numbers), UNKNOWN, numbers), column["categories"]


def _check_names(path, names, told):
    unknown = [name for name in told if name not in names]
    if unknown:
        raise DataError(f"`{path}` has no column `{unknown[0]}`. Its columns: {names}.")
