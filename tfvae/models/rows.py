"""Rows: one operation for each row of [S, B, ...], whatever stands in front of it."""

import tensorflow as tf

from tfvae.normals import MultivariateNormalDiag
from tfvae.offers import accepted


def over_rows(network, z, size, training, condition=None):
    """Features of each row of z [S, B, L] or [B, L], given conditions [B, K]: [S, B, *features] or [B, *features]."""
    rows = tf.reshape(z, [-1, size])  # not z.shape[-1]: TFP forgets the length of an axis that is 1
    asked = accepted(network.call, condition=for_rows(condition, tf.shape(rows)[0]))
    features = network(rows, training=training, **asked)
    return tf.reshape(features, tf.concat([tf.shape(z)[:-1], tf.shape(features)[1:]], 0))


def for_rows(condition, num_rows):
    """The condition [B, K] for each of S * B rows, of which those of one sample stand together: [S * B, K]."""
    if condition is None:
        return None
    return tf.tile(condition, [num_rows // tf.maximum(tf.shape(condition)[0], 1), 1])


def sample_rows(draw, rows, seeds, num_samples, size):
    """Draws for each row with its own stateless seed, int32 [B, 2], so that a row's draws do not depend on the others.

    Args:
        draw: (row, seed) -> [num_samples, size].
        rows: Tensor [B, ...], or a dict of them.
        seeds: int32 [B, 2].
        num_samples: Number S of draws for each row.
        size: Length L of one draw.

    Returns:
        [S, B, L].
    """
    spec = tf.TensorSpec([tf.get_static_value(tf.convert_to_tensor(num_samples)), size], "float32")
    drawn = tf.map_fn(lambda pair: draw(*pair), (rows, seeds), fn_output_signature=spec)
    return tf.transpose(drawn, [1, 0, 2])


def sample_normal_rows(normal, seeds, num_samples, size):
    """Draws of a normal with batch_shape [S, B], by the seed of each row: [S, B, L]."""
    rows = tuple(tf.transpose(moment, [1, 0, 2]) for moment in (normal.mean(), normal.stddev()))
    draw = lambda row, seed: MultivariateNormalDiag(*row).sample(seed=seed)  # noqa: E731
    return sample_rows(draw, rows, seeds, num_samples, size)
