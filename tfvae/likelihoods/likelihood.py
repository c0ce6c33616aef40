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
        has_one_unit: Whether all elements of x have the same unit, so that squared errors may be averaged.
        columns: What the elements of x are if x is the row of a table; empty for images.
    """

    discrete = False
    binary = False
    has_one_unit = True
    columns = ()

    def __init__(self, **kwargs):
        # float32 under mixed precision too: Keras would else round the x that a likelihood asks for.
        super().__init__(**{**kwargs, "dtype": "float32"})

    @abstractmethod
    def call(self, features):
        """[S, B, ...] or [B, ...] -> a TFP distribution with batch_shape [S, B] or [B] and event_shape [*event].

        May ask for `training`, and for `x`, the batch [B, *event] of this inference; there is none in serving.
        """

    def check(self, x):
        """Refuses values that this likelihood gives no probability.

        Raises:
            DataError: If `binary` and some value of `x` is neither 0 nor 1, or as the likelihood says.
        """
        if self.binary and bool(tf.reduce_any((x != 0) & (x != 1))):
            raise DataError(
                f"`{type(self).__name__}` is a likelihood of binary images, and these have grey values: set `binarize` "
                'of the data to "dynamic" or "static", or take the likelihood `Normal`.'
            )


class Parameters(keras.Layer):
    """One linear map from features to parameters of each element of x: [..., B, *features] -> [..., B, *event].

    A grid of the image's height and width is mapped pixel by pixel (a 1x1 convolution), anything else as one vector.

    Args:
        per_element: Number P of parameters of an element, for a last axis of that length; None for one without an axis.
    """

    def __init__(self, per_element=None, **kwargs):
        super().__init__(**kwargs)
        self.last_axis = () if per_element is None else (per_element,)

    def build(self, features_shape, event_shape):
        event_shape, self.features_rank = tuple(event_shape), len(features_shape) - 1
        self.pixelwise = len(features_shape) == 4 and tuple(features_shape[1:3]) == event_shape[:2]
        self.parameters_shape = (*event_shape, *self.last_axis)
        elements = event_shape[-1:] if self.pixelwise else event_shape
        width = features_shape[-1] if self.pixelwise else math.prod(features_shape[1:])
        # float32 under mixed precision too: densities and their sums need it.
        self.linear = keras.layers.Dense(math.prod(elements + self.last_axis), dtype="float32")
        self.linear.build((None, width))

    def call(self, features):
        leading = tf.shape(features)[: -self.features_rank]
        rows = features if self.pixelwise else tf.reshape(features, [-1, self.linear.kernel.shape[0]])
        return tf.reshape(self.linear(rows), tf.concat([leading, self.parameters_shape], 0))
