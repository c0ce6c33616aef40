"""TargetRateSparsity: each code unit is active for a given share of the examples."""

import math

import keras
import tensorflow as tf

from tfvae.divergences import log_mean_exp
from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class TargetRateSparsity(Regularizer):
    """sum_l KL(Bernoulli(rate) || Bernoulli(mean activation of unit l)) in nats, over all latents.

    A unit's activation is sigmoid(z_l): z_l is any real number, and an activation lies between 0 and 1. The code is the
    sample of z, which for a deterministic posterior is the code itself; its mean is over samples and batch.

    Args:
        weight: A number from 0 up, or a schedule over training steps.
        rate: Share of the examples for which a unit shall be active, between 0 and 1.

    Raises:
        ValueError: If `weight` is not as described, or `rate` not between 0 and 1.

    Reference:
        Ng, 2011. Sparse autoencoder, CS294A lecture notes, section 3.
        https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf
    """

    report = "activation_divergence"

    def __init__(self, weight, rate=0.05, **kwargs):
        super().__init__(weight, **kwargs)
        if type(rate) is not float or not 0 < rate < 1:
            raise ValueError(f"`rate` must be between 0 and 1. Received: rate={rate!r}")
        self.rate = rate

    def penalty(self, inference, seed):
        return sum(self._of_code(tf.reshape(z, [-1, tf.shape(z)[-1]])) for _, _, z in inference.latents)

    def _of_code(self, rows):
        # In logarithms: a unit that is never active must have a finite penalty and a gradient.
        log_active = log_mean_exp(tf.math.log_sigmoid(rows), axis=0)
        log_silent = log_mean_exp(tf.math.log_sigmoid(-rows), axis=0)
        negative_entropy = self.rate * math.log(self.rate) + (1 - self.rate) * math.log(1 - self.rate)
        return tf.reduce_sum(negative_entropy - self.rate * log_active - (1 - self.rate) * log_silent)
