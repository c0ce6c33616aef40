"""Walks through the latent space, decoded to images in one call."""

import numpy as np
import tensorflow as tf

BATCH = 500  # images encoded at a time: bounds the memory of a convolutional encoder


def at(model, condition):
    """The model for conditions [N, K], or itself where there are none."""
    return model if condition is None else model.given({"condition": tf.constant(condition)})


def encode(model, x, condition=None):
    """Codes: x [N, *event] -> [N, L]."""
    parts = [slice(i, i + BATCH) for i in range(0, len(x), BATCH)]
    codes = [at(model, _rows(condition, part)).code(tf.constant(x[part], "float32")).numpy() for part in parts]
    return np.concatenate(codes)


def decode(model, z, condition=None):
    """Means of p(x|z): z [R, columns, L], for the conditions [R, K] of its rows -> [R, columns, H, W, C]."""
    conditions = None if condition is None else np.repeat(condition, z.shape[1], axis=0)
    rows = tf.constant(z.reshape(-1, z.shape[-1]), "float32")
    images = at(model, conditions).decode(rows).mean().numpy()
    return images.reshape(*z.shape[:2], *images.shape[1:])


def interpolate(model, x, steps, condition=None):
    """Between the codes of the images 0 and 1, 2 and 3, ... of x [N, H, W, C]: -> [N // 2, steps, H, W, C]."""
    pairs = slice(0, len(x) // 2 * 2)
    codes = encode(model, x[pairs], _rows(condition, pairs))
    share = np.linspace(0, 1, steps, dtype="float32")[:, np.newaxis]
    z = codes[0::2, np.newaxis] * (1 - share) + codes[1::2, np.newaxis] * share
    return decode(model, z, _rows(condition, slice(0, pairs.stop, 2)))


def traverse(model, image, dimensions, values, condition=None):
    """The code of `image` [1, H, W, C], each of D dimensions set to each of V values in turn: -> [D, V, H, W, C]."""
    z = np.tile(encode(model, image, condition)[0], (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        z[row, :, dimension] = values
    return decode(model, z, None if condition is None else np.repeat(condition, len(dimensions), axis=0))


def _rows(condition, part):
    return None if condition is None else condition[part]


def values(steps):
    """[steps] from -3 to 3: all but 0.3 % of a standard normal prior."""
    return np.linspace(-3, 3, steps, dtype="float32")
