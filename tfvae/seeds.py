"""Stateless seeds of rows: a row draws the same whatever other rows are in its batch."""

import tensorflow as tf


def row_seeds(seed, index):
    """Stateless seeds, int32 [B, 2], of the examples with these indices, int [B]: the same in whatever batch."""
    index = tf.cast(index, "int32")
    return tf.stack([tf.fill(tf.shape(index), seed), index], axis=1)


def fold_rows(seeds, number):
    """Stateless seeds, int32 [B, 2], for the number-th of several draws of each row."""
    return tf.map_fn(lambda seed: tf.random.fold_in(seed, number), seeds)
