"""Typed columns: from x to a tensor for each column and back, in pure TensorFlow, and so in a served graph as well."""

import re

import tensorflow as tf

RESERVED = ("seed", "z", "condition")  # what a served table is asked for, and answers, beside its columns


def to_columns(columns, x):
    """A tensor for each column of x.

    Args:
        columns: A dict for each column, see `Columns`.
        x: float32 [B, D]; for a binary column the probability of 1 serves as well.

    Returns:
        {name: [B]}: float32 for a real column, NaN where missing; int64 for a binary one, 0 or 1, or -1 where missing;
        string for a categorical one, the category, or "" where missing.
    """
    return {column["name"]: TO[column["type"]](column, x[:, place]) for place, column in enumerate(columns)}


def from_columns(columns, values):
    """x, float32 [B, D], from a tensor for each column.

    Args:
        columns: A dict for each column, see `Columns`.
        values: {name: [B]}: float32 for a real or a binary column, NaN where missing; string for a categorical one,
            "" where missing. Further names are ignored.

    Raises:
        tf.errors.InvalidArgumentError: If a number is infinite, a binary value neither 0 nor 1, or a category unknown.
    """
    return tf.stack([FROM[column["type"]](column, values[column["name"]]) for column in columns], axis=1)


def impute(x, reconstruction):
    """x with its missing values, NaN, taken from a reconstruction of the same shape; what was observed stays."""
    return tf.where(tf.math.is_nan(x), reconstruction, x)


def specs(columns):
    """What `from_columns` takes, in order, as specs with names that a served function can have."""
    dtypes = ["string" if column["type"] == "categorical" else "float32" for column in columns]
    return [tf.TensorSpec([None], dtype, name) for dtype, name in zip(dtypes, served_names(columns), strict=True)]


def served_names(columns):
    """Names of the columns of letters, digits and underscores, a letter first, all different.

    TensorFlow rewrites others by itself, and then fails to export.
    """
    names = list(RESERVED)
    for column in columns:
        name = re.sub(r"[^A-Za-z0-9]+", "_", column["name"]).strip("_")
        name = name if name[:1].isalpha() else f"column_{name}"
        while name in names:
            name += "_"
        names.append(name)
    return names[len(RESERVED) :]


def _category_of(column, places):
    names = tf.constant(["", *column["categories"]])
    return tf.gather(names, tf.cast(tf.where(tf.math.is_nan(places), -1.0, places), "int32") + 1)


def _bit_of(column, values):
    return tf.where(tf.math.is_nan(values), tf.constant(-1, "int64"), tf.cast(values > 0.5, "int64"))


def _number_from(column, values):
    message = f"Column `{column['name']}` must be finite numbers, or NaN where missing."
    _require(~tf.math.is_inf(values), message)
    return values


def _bit_from(column, values):
    message = f"Column `{column['name']}` must be 0 or 1, or NaN where missing."
    _require((values == 0) | (values == 1) | tf.math.is_nan(values), message)
    return values


def _place_from(column, texts):
    # Compared and not looked up: a table would be a resource that an export has to find and initialise.
    matches = tf.cast(tf.equal(texts[:, tf.newaxis], tf.constant(column["categories"])), "float32")
    is_known = tf.reduce_any(matches > 0, axis=1)
    message = f"Column `{column['name']}` must be one of {column['categories']}, or empty where missing."
    _require(is_known | (texts == ""), message)
    return tf.where(is_known, tf.cast(tf.argmax(matches, axis=1), "float32"), float("nan"))


def _require(condition, message):
    tf.debugging.Assert(tf.reduce_all(condition), [message])


TO = {"real": lambda column, values: values, "binary": _bit_of, "categorical": _category_of}
FROM = {"real": _number_from, "binary": _bit_from, "categorical": _place_from}
