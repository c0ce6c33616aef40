"""LatentCovariance: the aggregate posterior's covariance is drawn to the identity."""

import keras
import tensorflow as tf

from tfvae.regularizers.covariances import Covariance
from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class LatentCovariance(Regularizer):
    """sum_{i != j} C_ij^2 + diagonal * sum_i (C_ii - 1)^2, C being a covariance of the latents over the batch.

    Groups of latents count each on its own, and their penalties are added.

    Args:
        weight: lambda_od of the paper: a number from 0 up, or a schedule over training steps.
        of: `CovarianceOfMeans` for DIP-VAE I, or `CovarianceOfSamples` for DIP-VAE II.
        diagonal: lambda_d / lambda_od, from 0 up. The paper takes 10 for DIP-VAE I and 1 for DIP-VAE II.

    Raises:
        ValueError: If an argument is not as described.

    Reference:
        Kumar et al., 2018. Disentangled Inferred Priors, eq. 5 and 6. https://arxiv.org/abs/1711.00848
    """

    report = "latent_covariance"
    needs_stddev = True

    def __init__(self, weight, of, diagonal=1.0, **kwargs):
        super().__init__(weight, **kwargs)
        if not isinstance(of, Covariance):
            raise ValueError(f"`of` must be CovarianceOfMeans or CovarianceOfSamples. Received: of={of!r}")
        if type(diagonal) not in (int, float) or not 0 <= diagonal < float("inf"):
            raise ValueError(f"`diagonal` must be a number from 0 up. Received: diagonal={diagonal!r}")
        self.of, self.diagonal = of, diagonal

    @property
    def needs_density(self):
        return self.of.needs_density

    def penalty(self, inference, seed):
        return sum(self._distance(self.of(latent.posterior)) for latent in inference.latents)

    def _distance(self, covariance):
        variances = tf.linalg.diag_part(covariance)
        off_diagonal = tf.reduce_sum(tf.linalg.set_diag(covariance, tf.zeros_like(variances)) ** 2)
        return off_diagonal + self.diagonal * tf.reduce_sum((variances - 1) ** 2)
