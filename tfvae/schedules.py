"""Schedules for beta, weights, capacities and temperatures, as functions of the training step."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfvae")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from `initial` at step 0 to `final` at step `steps`, and stays there.

    Args:
        steps: Number of training steps that the rise takes, at least 1.
        initial: Value at step 0.
        final: Value from step `steps` on.

    Raises:
        ValueError: If `steps` is not a positive integer.

    Reference:
        Sonderby et al., 2016. Ladder Variational Autoencoders, section 2.3. https://arxiv.org/abs/1602.02282
    """

    def __init__(self, steps, initial=0.0, final=1.0):
        super().__init__()
        _check_positive_integer("steps", steps)
        self.steps, self.initial, self.final = steps, float(initial), float(final)

    def __call__(self, step):
        done = tf.minimum(tf.cast(step, "float32") / self.steps, 1.0)
        return self.initial + (self.final - self.initial) * done

    def get_config(self):
        return {"steps": self.steps, "initial": self.initial, "final": self.final}


@keras.saving.register_keras_serializable("tfvae")
class Cyclical(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from `initial` to `final` in the first part of every cycle, and stays there for the rest of it.

    Args:
        period: Number of training steps of one cycle.
        num_cycles: Number of cycles, after which the value stays at `final`; None for no end.
        ramp_share: Share of a cycle that the rise takes, above 0 and at most 1.
        initial: Value at the start of each cycle.
        final: Value at its end.

    Raises:
        ValueError: If `period` or `num_cycles` is not a positive integer, or `ramp_share` not in (0, 1].

    Reference:
        Fu et al., 2019. Cyclical Annealing Schedule. https://arxiv.org/abs/1903.10145
    """

    def __init__(self, period, num_cycles=None, ramp_share=0.5, initial=0.0, final=1.0):
        super().__init__()
        _check_positive_integer("period", period)
        if num_cycles is not None:
            _check_positive_integer("num_cycles", num_cycles)
        if not _is_number(ramp_share) or not 0 < ramp_share <= 1:
            raise ValueError(f"`ramp_share` must be above 0 and at most 1. Received: ramp_share={ramp_share!r}")
        self.period, self.num_cycles, self.ramp_share = period, num_cycles, float(ramp_share)
        self.initial, self.final = float(initial), float(final)

    def __call__(self, step):
        step = tf.cast(step, "int64")
        position = tf.cast(step % self.period, "float32") / self.period
        done = tf.minimum(position / self.ramp_share, 1.0)
        if self.num_cycles is not None:
            done = tf.where(step < self.period * self.num_cycles, done, 1.0)
        return self.initial + (self.final - self.initial) * done

    def get_config(self):
        names = ("period", "num_cycles", "ramp_share", "initial", "final")
        return {name: getattr(self, name) for name in names}


def value_at(number_or_schedule, step):
    """The float32 scalar that a number, or a schedule at `step`, stands for."""
    if callable(number_or_schedule):
        return tf.cast(number_or_schedule(step), "float32")
    return tf.constant(number_or_schedule, "float32")


def check_weight(name, value):
    """Refuses an argument that is neither a number from 0 up nor a schedule; a plain function could not be saved.

    Raises:
        ValueError: With the name of the argument.
    """
    is_schedule = isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
    if not is_schedule and not (_is_number(value) and 0 <= value < math.inf):
        raise ValueError(f"`{name}` must be a number from 0 up, or a schedule. Received: {name}={value!r}")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_positive_integer(name, value):
    if type(value) is not int or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
