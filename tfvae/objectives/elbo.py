"""ELBO: the negative evidence lower bound, its rate weighted by beta, with free bits if wanted."""

import math

import keras
import tensorflow as tf

from tfvae.divergences import kl_divergence, kl_per_dimension
from tfvae.objectives.objective import Objective, check_positive_integer, distortion, rate
from tfvae.schedules import check_weight, value_at


@keras.saving.register_keras_serializable("tfvae")
class ELBO(Objective):
    """loss = distortion + beta * rate; `negative_elbo` is reported at beta = 1 and without free bits in any case.

    With free bits, the rate in the loss is sum_j max(free_bits, mean over the batch of KL_j): a latent dimension j pays
    only for what is above. Where the dimensions of a group are no independent normals, so that there is no KL_j, the
    group as a whole has `free_bits` once.

    Args:
        beta: Weight of the rate: a number from 0 up, or a schedule over training steps.
        free_bits: Nats that each latent dimension has free, from 0 up.
        num_samples: Number S of samples of z per example, of which the terms are means.

    Raises:
        ValueError: If `beta` is a negative number, or neither number nor schedule; if `free_bits` is not a number from
            0 up; or if `num_samples` is not a positive integer.

    Reference:
        Kingma and Welling, 2014, eq. 3, https://arxiv.org/abs/1312.6114; beta: Higgins et al., 2017. beta-VAE, eq. 4.
        Names of the terms: Alemi et al., 2018. Fixing a Broken ELBO. https://arxiv.org/abs/1711.00464
        Free bits: Kingma et al., 2016. Inverse Autoregressive Flow, eq. 15. https://arxiv.org/abs/1606.04934
    """

    reports = ("distortion", "rate", "negative_elbo")

    def __init__(self, beta=1.0, free_bits=0.0, num_samples=1, **kwargs):
        super().__init__(**kwargs)
        check_weight("beta", beta)
        is_number = isinstance(free_bits, (int, float)) and not isinstance(free_bits, bool)
        if not is_number or not 0 <= free_bits < math.inf:
            raise ValueError(f"`free_bits` must be a number of nats from 0 up. Received: free_bits={free_bits!r}")
        check_positive_integer("num_samples", num_samples)
        self.beta, self.free_bits, self.num_samples = beta, free_bits, num_samples

    @property
    def is_additive(self):
        return not self.free_bits

    def terms(self, inference, step, training):
        d, r = tf.reduce_mean(distortion(inference)), tf.reduce_mean(rate(inference))
        paid = sum(self._above_free_bits(latent) for latent in inference.latents) if self.free_bits else r
        return {
            "loss": d + value_at(self.beta, step) * paid,
            "distortion": d,
            "rate": r,
            "negative_elbo": d + r,
        }

    def _above_free_bits(self, latent):
        rates = kl_per_dimension(latent.posterior, latent.prior)
        rates = kl_divergence(*latent)[..., tf.newaxis] if rates is None else rates  # the last axis: dimensions, or one
        means = tf.reduce_mean(rates, axis=list(range(rates.shape.rank - 1)))
        return tf.reduce_sum(tf.maximum(means, self.free_bits))
