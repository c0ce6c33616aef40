"""Factors of variation in a file of arrays: their classes and names, and what the file of dSprites has its own way."""

import numpy as np

from tfvae.errors import DataError

FACTOR_KEYS = ("factors", "latents_classes")
NAMES_KEY = "factor_names"
DSPRITES = ("colour", "shape", "scale", "orientation", "x_position", "y_position")  # its names are in a pickle
PICKLED = "metadata"  # of dSprites


def read_factors(arrays, key, num_examples, place):
    """Classes of the factors, int64 [N, F], and their names; (None, ()) where there are none.

    Args:
        arrays: Arrays by name.
        key: Name of the array of classes, or None.
        num_examples: Number N of images.
        place: What an error calls the array.

    Raises:
        DataError: If the classes are not integers [N, F], or there are not F names.
    """
    if key is None:
        return None, ()
    factors = arrays[key]
    if factors.dtype.kind not in "bui" or factors.ndim != 2 or len(factors) != num_examples:
        received = f"dtype {factors.dtype}, shape {list(factors.shape)}"
        raise DataError(
            f"{place}: factors must be integers [{num_examples}, F], a row for each image. Received: {received}"
        )
    number = factors.shape[1]
    default = DSPRITES if key == "latents_classes" and number == len(DSPRITES) else _numbered(number)
    names = tuple(str(name) for name in np.ravel(arrays.get(NAMES_KEY, default)))
    if len(set(names)) != number or len(names) != number:
        raise DataError(f"{place}: `{NAMES_KEY}` must be {number} different names. Received: {list(names)}")
    return factors.astype(np.int64), names


def pixels(arrays, key, factors_key):
    """The images; dSprites' own file has 0 and 1 where others have 0 and 255, and they are given as booleans."""
    images = arrays[key]
    is_unscaled = factors_key == "latents_classes" and images.dtype == np.uint8 and images.size and images.max() <= 1
    return images.view(bool) if is_unscaled else images


def _numbered(number):
    return tuple(f"factor_{i}" for i in range(number))
