"""Likelihood: the contract of every p(x|z), and the layer that turns features into its parameters."""

import math
from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae.errors import DataError


class Likelihood(keras.Layer):
    """A layer that turns features of z into the distribution p(x|z).

    Its `build` receives the shape [B, ...] of the decoder's features and the event shape of x.

    Attributes:
        discrete: Whether `log_prob` is the logarithm of a probability (else of a density on [0, 1]).
        binary: Whether x must be 0 or 1.
    """

    discrete = False
    binary = False

    @abstractmethod
    def call(self, features):
        """[S, B, ...] or [B, ...] -> a TFP distribution with batch_shape [S, B] or [B] and event_shape [*event]."""

    def check(self, x):
        """Refuses values that this likelihood gives no probability.

        Raises:
            DataError: If `binary` and some value of `x` is neither 0 nor 1.
        """
        if self.binary and bool(tf.reduce_any((x != 0) & (x != 1))):
            raise DataError(
                f"`{type(self).__name__}` is a likelihood of binary images, and these have grey values: set `binarize` "
                'of the data to "dynamic" or "static", or take the likelihood `Normal`.'
            )


class Parameters(keras.Layer):
    """One linear map from features to a parameter per element of x: [..., B, *features] -> [..., B, *event].

    A grid of the image's height and width is mapped pixel by pixel (a 1x1 convolution), anything else as one vector.
    """

    def build(self, features_shape, event_shape):
        self.event_shape, self.features_rank = tuple(event_shape), len(features_shape) - 1
        self.pixelwise = len(features_shape) == 4 and tuple(features_shape[1:3]) == self.event_shape[:2]
        units = self.event_shape[-1] if self.pixelwise else math.prod(self.event_shape)
        width = features_shape[-1] if self.pixelwise else math.prod(features_shape[1:])
        # float32 under mixed precision too: densities and their sums need it.
        self.linear = keras.layers.Dense(units, dtype="float32")
        self.linear.build((None, width))

    def call(self, features):
        if self.pixelwise:
            return self.linear(features)
        leading = tf.shape(features)[: -self.features_rank]
        flat = tf.reshape(features, [-1, self.linear.kernel.shape[0]])
        return tf.reshape(self.linear(flat), tf.concat([leading, self.event_shape], 0))
