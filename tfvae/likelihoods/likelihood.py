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
        is_additive: Whether p(x|z) of an example does not depend on the others of its batch.
        columns: What the elements of x are if x is the row of a table; empty for images.
    """

    discrete = False
    binary = False
    has_one_unit = True
    is_additive = True
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

    A grid of the image's height and width is mapped pixel by pixel (a 1x1 convolution), one of half of them by a
    transposed convolution that doubles it, anything else as one vector.

    Args:
        per_element: Number P of parameters of an element, for a last axis of that length; None for one without an axis.
    """

    def __init__(self, per_element=None, **kwargs):
        super().__init__(**kwargs)
        self.last_axis = () if per_element is None else (per_element,)

    def build(self, features_shape, event_shape):
        self.event_shape, self.features_shape = tuple(event_shape), tuple(features_shape)[1:]
        self.is_half = is_half(self.features_shape, self.event_shape)
        is_grid = self.is_half or (len(self.features_shape) == 3 and self.features_shape[:2] == self.event_shape[:2])
        number = math.prod(self.event_shape[-1:] if is_grid else self.event_shape) * math.prod(self.last_axis)
        self.rows_shape = self.features_shape if is_grid else (math.prod(self.features_shape),)
        # float32 under mixed precision too: densities and their sums need it.
        self.linear = last_doubling(number) if self.is_half else keras.layers.Dense(number, dtype="float32")
        self.linear.build((None, *self.rows_shape))

    def call(self, features):
        leading = tf.shape(features)[: -len(self.features_shape)]
        parameters = self.linear(tf.reshape(features, [-1, *self.rows_shape]))
        if self.is_half:  # doubled it may be one pixel too large
            parameters = parameters[:, : self.event_shape[0], : self.event_shape[1]]
        return tf.reshape(parameters, tf.concat([leading, self.event_shape, self.last_axis], 0))


def is_half(features_shape, event_shape):
    """Whether features [h, w, F] are a grid of half the height and width, rounded up, of an image [H, W, C]."""
    is_image = len(features_shape) == len(event_shape) == 3
    halves = tuple(math.ceil(size / 2) for size in event_shape[:2])
    return is_image and features_shape[:2] == halves != event_shape[:2]


def last_doubling(number):
    """The transposed convolution at the end of a convolutional decoder; 4x4 kernels leave no checkerboard."""
    return keras.layers.Conv2DTranspose(number, 4, 2, padding="same", dtype="float32")
