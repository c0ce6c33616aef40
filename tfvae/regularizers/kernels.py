"""Kernels: how alike two codes are, by their squared distance."""

import math
from abc import ABC, abstractmethod

import keras
import tensorflow as tf


class Kernel(ABC):
    """A characteristic kernel k(z, z') that depends on |z - z'|^2 alone."""

    @abstractmethod
    def __call__(self, squared_distance, latent_size):
        """k for squared distances [...] of codes of `latent_size` dimensions, a float32 scalar: [...]."""

    @abstractmethod
    def get_config(self):
        """The arguments of the constructor."""

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("tfvae")
class RBF(Kernel):
    """k = exp(-|z - z'|^2 / (2 * variance)).

    Args:
        variance: A positive number, about L: between two codes from N(0, I), |z - z'|^2 is 2 L in the mean.

    Raises:
        ValueError: If `variance` is not a positive number.
    """

    def __init__(self, variance):
        if not _is_positive(variance):
            raise ValueError(f"`variance` must be a positive number. Received: variance={variance!r}")
        self.variance = variance

    def __call__(self, squared_distance, latent_size):
        return tf.exp(-squared_distance / (2 * self.variance))

    def get_config(self):
        return {"variance": self.variance}


@keras.saving.register_keras_serializable("tfvae")
class InverseMultiquadratic(Kernel):
    """k = sum_s c_s / (c_s + |z - z'|^2) with c_s = 2 * L * prior_variance * s, over several scales s.

    2 * L * prior_variance is the mean squared distance of two codes from the prior, so that it suits any L.

    Args:
        prior_variance: Variance of one dimension of the prior, a positive number.
        scales: Positive numbers s.

    Raises:
        ValueError: If `prior_variance` or one of the `scales` is not a positive number.

    Reference:
        Tolstikhin et al., 2018. Wasserstein Auto-Encoders, section 4; the scales are those of the authors' code.
        https://arxiv.org/abs/1711.01558
    """

    def __init__(self, prior_variance=1.0, scales=(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)):
        if not _is_positive(prior_variance):
            raise ValueError(f"`prior_variance` must be a positive number. Received: prior_variance={prior_variance!r}")
        if not isinstance(scales, (list, tuple)) or not scales or not all(map(_is_positive, scales)):
            raise ValueError(f"`scales` must be a list of positive numbers. Received: scales={scales!r}")
        self.prior_variance, self.scales = prior_variance, list(scales)

    def __call__(self, squared_distance, latent_size):
        constants = [2 * latent_size * self.prior_variance * scale for scale in self.scales]
        return sum(c / (c + squared_distance) for c in constants)

    def get_config(self):
        return {"prior_variance": self.prior_variance, "scales": self.scales}


def _is_positive(value):
    return type(value) in (int, float) and 0 < value < math.inf
