"""Levels: the grid 0, 1/(n - 1), ..., 1 of grey values that discrete likelihoods give probabilities to."""

import numpy as np
import tensorflow as tf

from tfvae.errors import DataError

TOLERANCE = 0.01  # of a step: float32 rounds k / (n - 1) by less, up to 16-bit images


def number_of_levels(name, value):
    """`value`, if it can be a number of levels.

    Raises:
        ValueError: If it is not an integer from 2 up; `name` is that of the argument.
    """
    if type(value) is not int or value < 2:
        raise ValueError(f"`{name}` must be an integer of at least 2. Received: {name}={value!r}")
    return value


def grid(num_levels):
    """The levels as values of x, float32 [num_levels]."""
    return np.arange(num_levels, dtype="float32") / np.float32(num_levels - 1)


def check_levels(likelihood, x, num_levels):
    """Refuses values that are not levels.

    Raises:
        DataError: If some value of `x` is not a multiple of 1 / (num_levels - 1) from 0 to 1.
    """
    steps = tf.cast(x, "float32") * (num_levels - 1)
    is_level = (steps >= -TOLERANCE) & (steps <= num_levels - 1 + TOLERANCE)
    if not bool(tf.reduce_all(is_level & (tf.abs(steps - tf.round(steps)) <= TOLERANCE))):
        raise DataError(
            f"`{type(likelihood).__name__}` is a likelihood of the {num_levels} grey levels 0, 1/{num_levels - 1}, "
            "..., 1, and these are other values."
        )
