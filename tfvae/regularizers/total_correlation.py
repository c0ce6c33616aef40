"""TotalCorrelation: how far the dimensions of the aggregate posterior depend on each other."""

import keras
import tensorflow as tf

from tfvae.divergences import aggregate_posterior
from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class TotalCorrelation(Regularizer):
    """KL(q(z) || prod_l q(z_l)) in nats, with q(z) = 1/N sum_n q(z|x_n) estimated from the batch.

    With the ELBO and weight beta - 1 this is beta-TCVAE. The posterior must be a normal of any covariance. Groups of
    latents count each on its own, and their total correlations are added. The logarithm of an estimate is too low in
    the mean, the more so the smaller the batch, so that the number can be negative.

    Args:
        weight: A number from 0 up, or a schedule over training steps.
        dataset_size: Number N of training examples, at least 2.

    Raises:
        ValueError: If `weight` is not as described, or `dataset_size` not an integer of at least 2.

    Reference:
        Chen et al., 2018. Isolating Sources of Disentanglement in VAEs, eq. 4 and appendix C.2.
        https://arxiv.org/abs/1802.04942
    """

    report = "total_correlation"
    needs_density = True
    needs_stddev = True

    def __init__(self, weight, dataset_size, **kwargs):
        super().__init__(weight, **kwargs)
        if type(dataset_size) is not int or dataset_size < 2:
            raise ValueError(
                f"`dataset_size` must be an integer of at least 2. Received: dataset_size={dataset_size!r}"
            )
        self.dataset_size = dataset_size

    def penalty(self, inference, seed):
        return sum(self._of_group(latent) for latent in inference.latents)

    def _of_group(self, latent):
        _, log_aggregate, log_marginals = aggregate_posterior(latent.posterior, latent.sample, self.dataset_size)
        return tf.reduce_mean(log_aggregate - log_marginals)
