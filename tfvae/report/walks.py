"""Walks through the latent space, decoded to images in one call."""

import numpy as np
import tensorflow as tf

BATCH = 500  # images encoded at a time: bounds the memory of a convolutional encoder


def encode(model, x):
    """Means of q(z|x): [N, H, W, C] -> [N, L]."""
    batches = [x[i : i + BATCH] for i in range(0, len(x), BATCH)]
    return np.concatenate([model.encode(tf.constant(batch, "float32")).mean().numpy() for batch in batches])


def decode(model, z):
    """Means of p(x|z): [R, columns, L] -> [R, columns, H, W, C]."""
    images = model.decode(tf.constant(z.reshape(-1, z.shape[-1]), "float32")).mean().numpy()
    return images.reshape(*z.shape[:2], *images.shape[1:])


def interpolate(model, x, steps):
    """Between the codes of the images 0 and 1, 2 and 3, ... of x [N, H, W, C]: -> [N // 2, steps, H, W, C]."""
    codes = encode(model, x[: len(x) // 2 * 2])
    share = np.linspace(0, 1, steps, dtype="float32")[:, np.newaxis]
    return decode(model, codes[0::2, np.newaxis] * (1 - share) + codes[1::2, np.newaxis] * share)


def traverse(model, image, dimensions, values):
    """The code of `image` [H, W, C], each of the dimensions [D] set to each of the values [V]: -> [D, V, H, W, C]."""
    code = encode(model, image[np.newaxis])[0]
    z = np.tile(code, (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        z[row, :, dimension] = values
    return decode(model, z)


def values(steps):
    """[steps] from -3 to 3: all but 0.3 % of a standard normal prior."""
    return np.linspace(-3, 3, steps, dtype="float32")
