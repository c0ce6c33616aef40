"""Schedules for beta, as functions of the training step."""

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
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"`steps` must be a positive integer. Received: steps={steps!r}")
        self.steps, self.initial, self.final = steps, float(initial), float(final)

    def __call__(self, step):
        done = tf.minimum(tf.cast(step, "float32") / self.steps, 1.0)
        return self.initial + (self.final - self.initial) * done

    def get_config(self):
        return {"steps": self.steps, "initial": self.initial, "final": self.final}


def value_at(number_or_schedule, step):
    """The float32 scalar that a number, or a schedule at `step`, stands for."""
    if callable(number_or_schedule):
        return tf.cast(number_or_schedule(step), "float32")
    return tf.constant(number_or_schedule, "float32")
