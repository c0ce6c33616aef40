"""Conditioned: any network, given a condition beside its input."""

import keras
import tensorflow as tf

from tfvae.networks.sizes import positive_integer
from tfvae.offers import accepted


@keras.saving.register_keras_serializable("tfvae")
class Conditioned(keras.Layer):
    """A network that sees a condition beside its input.

    The condition is joined to the last axis: of vectors [B, F] as further entries, of images [B, H, W, C] as further
    channels, constant over the image.

    Args:
        network: Keras layer, encoder or decoder.
        condition_size: Length K of the condition: the number of classes for one-hot classes.

    Call arguments:
        inputs: [B, ..., F].
        condition: float32 [B, K], a one-hot class or any other vector.

    Raises:
        ValueError: If `network` is not a Keras layer, `condition_size` is not a positive integer, or the condition is
            missing or of another size.

    Reference:
        Sohn et al., 2015. Learning Structured Output Representation using Deep Conditional Generative Models.
        https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html
    """

    def __init__(self, network, condition_size, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(network, keras.Layer):
            raise ValueError(f"`network` must be a Keras layer. Received: network={network!r}")
        self.network = network
        self.condition_size = positive_integer("condition_size", condition_size)

    def build(self, input_shape, event_shape=None):
        if not self.network.built:
            asked = accepted(self.network.build, event_shape=event_shape)
            self.network.build(self.joined_shape(input_shape), **asked)

    def call(self, inputs, condition=None, training=False, seed=None):
        self.check(condition)
        condition = tf.ensure_shape(tf.cast(condition, inputs.dtype), [None, self.condition_size])
        return self.network(join(inputs, condition), training=training, **accepted(self.network.call, seed=seed))

    def check(self, condition):
        """Refuses a call without condition or with a wrong one: nobody could know it before the data are there."""
        expected = f"This network is conditional: pass `condition`, float32 [B, {self.condition_size}]"
        if condition is None:
            raise ValueError(f"{expected}, a one-hot class or any other vector. Received: condition=None")
        if not condition.shape.is_compatible_with([None, self.condition_size]):
            raise ValueError(f"{expected}. Received: a condition of shape {tuple(condition.shape)}")

    def joined_shape(self, input_shape):
        *others, last = input_shape
        return (*others, last + self.condition_size)

    def compute_output_shape(self, input_shape):
        return self.network.compute_output_shape(self.joined_shape(input_shape))

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "condition_size": self.condition_size}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


def join(inputs, condition):
    """inputs [B, ..., F] and condition [B, K] -> [B, ..., F + K], the condition the same along the axes between."""
    size, axes_between = condition.shape[-1], inputs.shape.rank - 2
    condition = tf.reshape(condition, [-1, *[1] * axes_between, size])
    repeated = tf.broadcast_to(condition, tf.concat([tf.shape(inputs)[:-1], [size]], 0))
    return tf.concat([inputs, repeated], axis=-1)
