"""ELBO: the negative evidence lower bound, its rate weighted by beta."""

import math

import keras
import tensorflow as tf

from tfvae.objectives.objective import Objective, distortion, rate
from tfvae.schedules import value_at


@keras.saving.register_keras_serializable("tfvae")
class ELBO(Objective):
    """loss = distortion + beta * rate; `negative_elbo` is reported at beta = 1 whatever beta is.

    Args:
        beta: Weight of the rate: a number from 0 up, or a schedule over training steps.

    Raises:
        ValueError: If `beta` is a negative number, or neither number nor schedule.

    Reference:
        Kingma and Welling, 2014, eq. 3, https://arxiv.org/abs/1312.6114; beta: Higgins et al., 2017. beta-VAE, eq. 4.
        Names of the terms: Alemi et al., 2018. Fixing a Broken ELBO. https://arxiv.org/abs/1711.00464
    """

    reports = ("distortion", "rate", "negative_elbo")

    def __init__(self, beta=1.0, **kwargs):
        super().__init__(**kwargs)
        is_number = isinstance(beta, (int, float)) and not isinstance(beta, bool)
        is_schedule = isinstance(beta, keras.optimizers.schedules.LearningRateSchedule)
        if not is_schedule and not (is_number and 0 <= beta < math.inf):
            raise ValueError(f"`beta` must be a number from 0 up, or a schedule. Received: beta={beta!r}")
        self.beta = beta

    def terms(self, inference, step, training):
        d, r = tf.reduce_mean(distortion(inference)), tf.reduce_mean(rate(inference))
        return {
            "loss": d + value_at(self.beta, step) * r,
            "distortion": d,
            "rate": r,
            "negative_elbo": d + r,
        }

    def get_config(self):
        return {**super().get_config(), "beta": keras.saving.serialize_keras_object(self.beta)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "beta": keras.saving.deserialize_keras_object(config["beta"])})
