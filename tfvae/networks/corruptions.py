"""Corruptions: noise that hides a part of x, which a denoising model learns to see through."""

import math
from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae import replicas

ALGORITHM = "philox"  # left to choose, XLA takes another one, and the same seed would give other noise


class Corruption(keras.Layer):
    """A layer x -> corrupted x of the same shape, whose noise comes from a stateless seed alone."""

    @abstractmethod
    def call(self, x, seed):
        """[B, *event] and a seed, int32 [2] -> [B, *event]."""

    @staticmethod
    def _noise(draw, x, seed):
        return replicas.noise(lambda shape: draw(shape, seed, alg=ALGORITHM), x)


@keras.saving.register_keras_serializable("tfvae")
class GaussianNoise(Corruption):
    """x + stddev * e, with e ~ N(0, 1) for each element; the result may leave [0, 1].

    Args:
        stddev: Standard deviation of the noise, in units of x.

    Raises:
        ValueError: If `stddev` is not a finite number, 0 or more.
    """

    def __init__(self, stddev, **kwargs):
        super().__init__(**kwargs)
        if not _is_number(stddev) or not 0 <= stddev < math.inf:
            raise ValueError(f"`stddev` must be a finite number that is not negative. Received: stddev={stddev!r}")
        self.stddev = stddev

    def call(self, x, seed):
        return x + tf.cast(self.stddev * self._noise(tf.random.stateless_normal, x, seed), x.dtype)


@keras.saving.register_keras_serializable("tfvae")
class Masking(Corruption):
    """Each element of x, so each channel of a pixel for itself, is 0 with probability `rate`; the others stay.

    Unlike dropout it does not scale up what it leaves.

    Args:
        rate: Probability of a zero.

    Raises:
        ValueError: If `rate` is not a number from 0 to 1.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = _probability("rate", rate)

    def call(self, x, seed):
        uniform = self._noise(tf.random.stateless_uniform, x, seed)
        return tf.where(uniform < self.rate, tf.zeros_like(x), x)


@keras.saving.register_keras_serializable("tfvae")
class SaltAndPepper(Corruption):
    """Each element of x is 0 with probability `rate` / 2 and 1 with probability `rate` / 2; the others stay.

    Args:
        rate: Probability of a change, to 0 and to 1 together.

    Raises:
        ValueError: If `rate` is not a number from 0 to 1.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = _probability("rate", rate)

    def call(self, x, seed):
        uniform = self._noise(tf.random.stateless_uniform, x, seed)
        extreme = tf.cast(uniform < self.rate / 2, x.dtype)
        return tf.where(uniform < self.rate, extreme, x)


def _probability(name, value):
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}")
    return value


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
