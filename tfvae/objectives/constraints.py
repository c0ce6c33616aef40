"""Constraints of GECO: which of distortion and rate is bounded, and which is minimised."""

import math
from abc import ABC, abstractmethod

import keras


class Constraint(ABC):
    """Says of distortion and rate, in nats per example, what is minimised and what is held below zero."""

    @abstractmethod
    def cost(self, distortion, rate):
        """What is minimised."""

    @abstractmethod
    def violation(self, distortion, rate):
        """What shall not be above zero, in nats."""

    @abstractmethod
    def get_config(self):
        """The arguments of the constructor."""

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("tfvae")
class DistortionBelow(Constraint):
    """Minimises the rate subject to distortion <= tolerance.

    Args:
        tolerance: Nats per example; negative for densities that are above 1.

    Raises:
        ValueError: If `tolerance` is not a finite number.
    """

    def __init__(self, tolerance):
        if not _is_number(tolerance):
            raise ValueError(f"`tolerance` must be a finite number of nats. Received: tolerance={tolerance!r}")
        self.tolerance = tolerance

    def cost(self, distortion, rate):
        return rate

    def violation(self, distortion, rate):
        return distortion - self.tolerance

    def get_config(self):
        return {"tolerance": self.tolerance}


@keras.saving.register_keras_serializable("tfvae")
class RateBelow(Constraint):
    """Minimises the distortion subject to rate <= capacity: max E_q log p(x|z) subject to KL(q || p) <= capacity.

    Args:
        capacity: Nats per example, from 0 up.

    Raises:
        ValueError: If `capacity` is not a finite number from 0 up.

    Reference:
        Higgins et al., 2017. beta-VAE, section 2, where it is solved for a fixed multiplier.
        https://openreview.net/forum?id=Sy2fzU9gl
    """

    def __init__(self, capacity):
        if not _is_number(capacity) or capacity < 0:
            raise ValueError(f"`capacity` must be a number of nats from 0 up. Received: capacity={capacity!r}")
        self.capacity = capacity

    def cost(self, distortion, rate):
        return distortion

    def violation(self, distortion, rate):
        return rate - self.capacity

    def get_config(self):
        return {"capacity": self.capacity}


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
