"""Reconstruction: the distortion alone, for autoencoders."""

import keras
import tensorflow as tf

from tfvae.objectives.objective import Objective, distortion


@keras.saving.register_keras_serializable("tfvae")
class Reconstruction(Objective):
    """loss = distortion = -E_q log p(x|z): the objective of an autoencoder, and with a regularizer of an RAE or a WAE.

    It needs neither a prior nor a density of the posterior.

    Reference:
        Hinton and Salakhutdinov, 2006. Reducing the Dimensionality of Data with Neural Networks.
        https://doi.org/10.1126/science.1127647
    """

    reports = ("distortion",)
    monitor = "loss"
    needs_rate = False
    is_additive = True

    def terms(self, inference, step, training):
        d = tf.reduce_mean(distortion(inference))
        return {"loss": d, "distortion": d}
