"""Damage to images, noise or holes: a function of the image, its index and a seed, whatever batch it comes in."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

NOISE, HOLES, IMPULSES = range(3)  # streams of damage that never meet
ALGORITHM = "philox"  # left to choose, another device may take another one, and the same seed would give other noise


class Damage(NamedTuple):
    """A kind of damage.

    Attributes:
        name: What its figures are called.
        function: (x [B, H, W, C], index [B], level, seed) -> damaged images [B, H, W, C]; or, for holes, 1 where a
            pixel is seen and 0 where it is missing, [B, H, W, 1].
    """

    name: str
    function: Callable


def noisy(x, index, stddev, seed=0):
    """Images x [B, H, W, C] under Gaussian noise, cut off at 0 and 1; each has the noise of (seed, its index)."""
    return tf.clip_by_value(x + stddev * _draws(tf.random.stateless_normal, x, index, seed, NOISE), 0.0, 1.0)


def salt_and_pepper(x, index, share, seed=0):
    """Each element of x is 0 with probability share / 2 and 1 with probability share / 2; the others stay."""
    uniform = _draws(tf.random.stateless_uniform, x, index, seed, IMPULSES)
    return tf.where(uniform < share, tf.cast(uniform < share / 2, x.dtype), x)


def random_holes(x, index, share, seed=0):
    """Each pixel is missing with that probability, all its channels together: 1 where it is seen, [B, H, W, 1]."""
    return tf.cast(_draws(tf.random.stateless_uniform, x[..., :1], index, seed, HOLES) >= share, x.dtype)


def central_hole(x, index, share, seed=0):
    """A rectangle in the middle, of that share of the area and the image's own proportions, is missing in each image.

    Returns:
        1 where a pixel is seen, [B, H, W, 1]. `index` and `seed` change nothing.
    """
    rows, columns = (_middle(size, share) for size in x.shape[1:3])
    seen = 1 - rows[:, tf.newaxis] * columns
    return tf.tile(tf.cast(seen, x.dtype)[tf.newaxis, ..., tf.newaxis], [tf.shape(x)[0], 1, 1, 1])


GAUSSIAN, SALT_AND_PEPPER = Damage("denoising", noisy), Damage("salt_and_pepper", salt_and_pepper)
RANDOM_HOLES, CENTRAL_HOLE = Damage("imputation", random_holes), Damage("block_imputation", central_hole)


def _middle(size, share):
    """1 in the middle of `size` places, in sqrt(share) of them, and 0 elsewhere."""
    length = round(size * share**0.5)
    first = (size - length) // 2
    return tf.constant([float(first <= place < first + length) for place in range(size)])


def _draws(sample, x, index, seed, stream):
    """A draw for each element of x, keyed by seed, stream and the row's index: of the shape of x."""
    key = tf.constant([seed & 0x7FFFFFFF, stream], "int32")
    return _row_draws(sample, tuple(x.shape[1:]))(key, tf.cast(index, "int32"))


@functools.cache
def _row_draws(sample, shape):
    """(key, index [B]) -> a draw of that shape for each row, in a graph: outside it takes a hundred times longer."""
    spec = tf.TensorSpec(shape, "float32")

    def draw(key, index):
        def of_row(number):
            return sample(shape, tf.random.fold_in(key, number), alg=ALGORITHM)

        return tf.map_fn(of_row, index, fn_output_signature=spec)

    return tf.function(draw).get_concrete_function(tf.TensorSpec([2], "int32"), tf.TensorSpec([None], "int32"))
