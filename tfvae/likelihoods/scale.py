"""Scales: where the sigma of a normal likelihood, or the b of a Laplace likelihood, comes from."""

import math
from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae.likelihoods.likelihood import Parameters

# One grey level: below it a density only rewards knowing that pixels are multiples of 1/255, without bound.
MINIMAL_SCALE = 1 / 255


class Scale(keras.Layer):
    """A layer that turns features of z into sigma, in units of x (1 = the whole range of grey)."""

    def __init__(self, **kwargs):
        # float32 under mixed precision too, as the density it belongs to.
        super().__init__(**{**kwargs, "dtype": "float32"})

    @abstractmethod
    def call(self, features):
        """[S, B, ...] -> sigma, a scalar or [S, B, *event].

        May ask for `order` and, in training, `moment`: mean(|x - mean(z)|^order) over the batch, see `LocationScale`.
        """


@keras.saving.register_keras_serializable("tfvae")
class FixedScale(Scale):
    """The same sigma always.

    Args:
        value: sigma, positive.

    Raises:
        ValueError: If `value` is not a positive, finite number.
    """

    def __init__(self, value, **kwargs):
        super().__init__(**kwargs)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise ValueError(f"`scale` must be a positive number or a Scale. Received: scale={value!r}")
        self.value = float(value)

    def build(self, features_shape, event_shape):
        pass

    def call(self, features):
        return tf.constant(self.value)


@keras.saving.register_keras_serializable("tfvae")
class LearnedScale(Scale):
    """One sigma for all pixels and examples, learned with the network; at least one grey level, 1/255."""

    def build(self, features_shape, event_shape):
        self.raw = self.add_weight(name="raw_scale", shape=(), initializer="zeros", autocast=False)

    def call(self, features):
        return tf.math.softplus(self.raw) + MINIMAL_SCALE


@keras.saving.register_keras_serializable("tfvae")
class PixelScale(Scale):
    """A sigma for every pixel, computed from z like the mean; at least one grey level, 1/255."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.raw = Parameters()

    def build(self, features_shape, event_shape):
        self.raw.build(features_shape, event_shape)

    def call(self, features):
        return tf.math.softplus(self.raw(features)) + MINIMAL_SCALE
