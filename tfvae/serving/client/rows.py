"""Rows of a request: from what a caller has at hand to the inputs of a signature, and a clear word if they differ."""

import re

import numpy as np

from tfvae.errors import ConfigError, DataError
from tfvae.serving.client.image_files import MODES, ImageFiles, are_files, decoded, encoded

LOWEST_SEED, HIGHEST_SEED = -(2**63), 2**63 - 1  # int64
TRUTH = {"true": 1.0, "false": 0.0}


def image_inputs(x, image_shape, takes_files):
    """The inputs for images.

    Args:
        x: Images, numbers from 0 to 1 or uint8, [B, H, W, C], without B for one of them and without C where C = 1; or
            a path, the bytes of a file, or a list of such.
        image_shape: (H, W, C) of the model.
        takes_files: Whether the server decodes files.
    """
    if not are_files(x):
        return {"images": images(x, image_shape)}
    if takes_files:
        return {"image_bytes": ImageFiles(x, image_shape, encoded)}
    if image_shape[-1] not in MODES:
        raise DataError(f"No file has {image_shape[-1]} channels as the model's images do: give arrays [B, H, W, C].")
    return {"images": ImageFiles(x, image_shape, decoded)}


def images(x, image_shape):
    """float32 [B, H, W, C] of arrays as `image_inputs` takes them."""
    x = _array(x)
    if x.dtype.kind in "ui" and x.dtype != np.uint8:
        raise DataError(f"Images must be uint8, from 0 to 255, or floats, from 0 to 1. Received: {x.dtype}.")
    x = x.astype("float32") / np.float32(255 if x.dtype == np.uint8 else 1)
    for reading in (x, x[np.newaxis], x[..., np.newaxis], x[np.newaxis, ..., np.newaxis]):
        if reading.ndim == 4 and reading.shape[1:] == image_shape:
            return reading
    size = " x ".join(map(str, image_shape))
    raise DataError(f"The model takes images of {size}, as [B, H, W, C]. Received: an array of shape {list(x.shape)}.")


def table_inputs(x, columns):
    """The inputs for the rows of a table.

    Args:
        x: {name: values}, a dict or a `pandas.DataFrame`; further columns are ignored. None, NaN and "" are missing.
        columns: {name: `Tensor`}. A server has `fixed_acidity` for a column called "fixed acidity".
    """
    try:
        x = dict(x)
    except (TypeError, ValueError):
        raise DataError(f"The model takes columns, {{name: values}}, with the names {list(columns)}.") from None
    keys = {name: _key(name, x, columns) for name in columns}
    missing = [name for name, key in keys.items() if key is None]
    if missing:
        raise DataError(f"These columns are missing: {missing}. The model takes {list(columns)}.")
    return {name: _column(name, x[keys[name]], tensor) for name, tensor in columns.items()}


def seeds(seed, count):
    """A seed for each row, int64 [B]: seed, seed + 1, ..."""
    if not LOWEST_SEED <= seed <= HIGHEST_SEED - max(count - 1, 0):
        raise ConfigError(f"`seed`, and the seeds of all rows after it, must fit into 64 bits. Received: seed={seed}")
    return np.arange(count, dtype="int64") + seed


def conditions(condition, size, count):
    """What each row is conditioned on, float32 [B, K].

    Args:
        condition: [B, K], or [K] for all rows alike.
        size: K.
        count: B.
    """
    if condition is None:
        raise ConfigError(f"The model is conditional: give `condition`, {size} numbers for each row or for all.")
    condition = _array(condition)
    if condition.shape == (size,):
        return np.tile(condition, (count, 1))
    if condition.shape != (count, size):
        shape = list(condition.shape)
        raise DataError(f"`condition` must be [{count}, {size}] or [{size}]. Received: an array of shape {shape}.")
    return condition


def codes(z, size):
    """float32 [B, L], also of a single code [L]."""
    z = _array(z)
    if z.ndim not in (1, 2) or z.shape[-1] != size:
        raise DataError(f"`z` must be [B, {size}]. Received: an array of shape {list(z.shape)}.")
    return z.reshape(-1, size)


def _array(values):
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError("The rows of an input have different shapes.") from None
    if array.dtype.kind not in "fbui":
        raise DataError(f"An input must be numbers. Received: an array of {array.dtype}.")
    return array


def _key(name, x, columns):
    """The key of x for an input: its name, or the one column that a server would give that name; None if neither."""
    if name in x:
        return name
    alike = [key for key in x if key not in columns and _served(str(key)) == name.rstrip("_")]
    return alike[0] if len(alike) == 1 else None


def _served(column):
    """What an export calls a column, but for the underscores that keep two of them apart."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_")
    return name if name[:1].isalpha() else f"column_{name}".rstrip("_")


def _column(name, values, tensor):
    # Not for a list: NumPy would make texts of all its values, the missing ones too, where one is a text.
    values = values if isinstance(values, list | tuple) else np.atleast_1d(values)
    read = _text if tensor.dtype == object else _number
    try:
        return np.array([read(value) for value in values], tensor.dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"Column `{name}`: {error}.") from None


def _number(value):
    return float("nan") if _is_missing(value) else float(TRUTH.get(str(value).lower(), value))


def _text(value):
    """A category; a whole number without a point, since a gap turns integers into others."""
    if _is_missing(value):
        return b""
    is_whole = isinstance(value, float | np.floating) and value.is_integer()
    return (f"{value:.0f}" if is_whole else str(value)).encode()


def _is_missing(value):
    try:
        return value is None or value == "" or bool(value != value)  # NaN alone differs from itself
    except TypeError:  # pandas.NA has no truth
        return True
