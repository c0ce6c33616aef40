"""Columns: what the columns of a table are, and where each stands in x, [..., D].

x is float32: numbers in their own units, 0 or 1, or the place of a category in its list; NaN where a value is missing.
"""

import math

import tensorflow as tf

TYPES = ("real", "binary", "categorical")


class Columns:
    """The columns of a table by type, with the statistics that real ones are standardised by.

    Args:
        columns: A dict of JSON values for each column, in the order of x: "name"; "type", "real", "binary" or
            "categorical"; for a real one "mean" and "stddev" of the training examples, in its own units; for a
            categorical one its "categories", a list of names.

    Raises:
        ValueError: If a column lacks a name or a known type, or what its type needs.
    """

    def __init__(self, columns):
        self._columns = [_checked(dict(column)) for column in columns]
        self.real, self.binary, self.categorical = (self._places(type_) for type_ in TYPES)
        self.num_categories = [len(self._columns[place]["categories"]) for place in self.categorical]
        self.mean = [self._columns[place]["mean"] for place in self.real]
        self.stddev = [self._columns[place]["stddev"] for place in self.real]

    def __iter__(self):
        return iter(self.as_dicts())

    def __len__(self):
        return len(self._columns)

    def as_dicts(self):
        """The columns as they were given, as plain values."""
        return [dict(column) for column in self._columns]

    def check(self, event_shape):
        """Refuses an x of another number of columns.

        Raises:
            ValueError: If `event_shape` is not (D,).
        """
        if tuple(event_shape) != (len(self),) or not self._columns:
            rule = "`columns` must describe every column of x, as the `columns` of a table's source do."
            raise ValueError(f"{rule} Received: {len(self)} columns for event_shape={tuple(event_shape)}")

    def standardized(self, x):
        """The real columns in units of their standard deviation: [..., D] -> [..., R]."""
        return (_at(self.real, x) - tf.constant(self.mean, "float32")) / self._stddev()

    def restored(self, standardized):
        """The inverse of `standardized`: [..., R] -> [..., R]."""
        return standardized * self._stddev() + tf.constant(self.mean, "float32")

    def bits(self, x):
        """The binary columns: [..., D] -> [..., P]."""
        return _at(self.binary, x)

    def joined(self, real, binary, categorical):
        """x in the order of the columns, from those of each type: [..., R], [..., P], [..., Q] -> [..., D]."""
        x = tf.concat([real, binary, categorical], axis=-1)
        order = [*self.real, *self.binary, *self.categorical]
        return _at([order.index(place) for place in range(len(order))], x)

    def _places(self, type_):
        return [place for place, column in enumerate(self._columns) if column["type"] == type_]

    def _stddev(self):
        return tf.constant(self.stddev, "float32")


def _at(places, x):
    return tf.gather(x, tf.constant(places, "int32"), axis=-1)  # an empty list alone would be of floats


def _checked(column):
    if column.get("type") not in TYPES or not isinstance(column.get("name"), str):
        raise ValueError(f"Each of `columns` must have a name and a type of {list(TYPES)}. Received: {column}")
    if column["type"] == "categorical" and not column.get("categories"):
        raise ValueError(f"A categorical column must have `categories`. Received: {column}")
    if column["type"] == "real" and not (math.isfinite(column.get("mean", math.nan)) and column.get("stddev", 0) > 0):
        raise ValueError(f"A real column must have a finite `mean` and a positive `stddev`. Received: {column}")
    return column
