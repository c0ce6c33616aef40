"""GECO: the ELBO's constrained form, its multiplier learned."""

import keras
import tensorflow as tf

from tfvae.objectives.constraints import Constraint
from tfvae.objectives.objective import Objective, check_positive_integer, distortion, rate

LARGEST_CHANGE = 0.02  # of log(multiplier) in one step: early violations of hundreds of nats would overshoot by far
RANGE = (1e-6, 1e6)  # of the multiplier: from its end it must find back in reasonable time


@keras.saving.register_keras_serializable("tfvae")
class GECO(Objective):
    """loss = cost + multiplier * violation, the Lagrangian of "minimise cost subject to violation <= 0".

    After each training step the multiplier is multiplied by exp(speed * violation), with a moving average of the
    violation over training steps. The loss has the value with this average, and the gradient of the batch's own
    violation. We bound the multiplier and its change in a step, which the paper does not.

    It has no best epoch, and the last one is kept: what is sought is the least cost where the constraint is met, and
    the lowest negative ELBO may be elsewhere.

    Args:
        constraint: `DistortionBelow` or `RateBelow`.
        speed: How fast the logarithm of the multiplier follows the violation, per nat and step.
        smoothing: Share alpha of the old value in the moving average, from 0 up and below 1.
        num_samples: Number S of samples of z per example.

    Raises:
        ValueError: If an argument is not as described.

    Reference:
        Rezende and Viola, 2018. Taming VAEs, algorithm 1. https://arxiv.org/abs/1810.00597
    """

    reports = ("distortion", "rate", "negative_elbo", "multiplier", "violation")
    monitor = None

    def __init__(self, constraint, speed=0.001, smoothing=0.99, num_samples=1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(constraint, Constraint):
            raise ValueError(f"`constraint` must be DistortionBelow or RateBelow. Received: constraint={constraint!r}")
        if type(speed) not in (int, float) or not 0 < speed <= 1:
            raise ValueError(f"`speed` must be above 0 and at most 1. Received: speed={speed!r}")
        if type(smoothing) not in (int, float) or not 0 <= smoothing < 1:
            raise ValueError(f"`smoothing` must be from 0 up and below 1. Received: smoothing={smoothing!r}")
        check_positive_integer("num_samples", num_samples)
        self.constraint, self.speed, self.smoothing, self.num_samples = constraint, speed, smoothing, num_samples

    def build(self, x_shape):
        self.multiplier = self._variable("multiplier", "ones")
        self.average = self._variable("average", "zeros")

    def _variable(self, name, initializer):
        # The mean over replicas: each sees a batch of its own.
        settings = {"dtype": "float32", "autocast": False, "trainable": False, "aggregation": "mean"}
        return self.add_weight(name=name, shape=(), initializer=initializer, **settings)

    def terms(self, inference, step, training):
        d, r = tf.reduce_mean(distortion(inference)), tf.reduce_mean(rate(inference))
        cost, violation = self.constraint.cost(d, r), self.constraint.violation(d, r)
        multiplier = tf.identity(self.multiplier.value)  # as it was: the update below comes after this step
        smoothed = self._update(violation, step) if training else violation
        return {
            "loss": cost + multiplier * smoothed,
            "distortion": d,
            "rate": r,
            "negative_elbo": d + r,
            "multiplier": multiplier,
            "violation": violation,
        }

    def _update(self, violation, step):
        """Moves average and multiplier; returns the average, with the gradient of the violation of this batch."""
        new = tf.stop_gradient(violation)
        average = tf.where(step == 0, new, self.smoothing * self.average.value + (1 - self.smoothing) * new)
        change = tf.clip_by_value(self.speed * average, -LARGEST_CHANGE, LARGEST_CHANGE)
        self.multiplier.assign(tf.clip_by_value(self.multiplier.value * tf.exp(change), *RANGE))
        self.average.assign(average)
        return average + violation - new
