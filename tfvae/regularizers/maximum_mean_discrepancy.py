"""MaximumMeanDiscrepancy: how far the codes of a batch are from draws of the prior."""

import keras
import tensorflow as tf

from tfvae.divergences import maximum_mean_discrepancy
from tfvae.regularizers.kernels import Kernel
from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class MaximumMeanDiscrepancy(Regularizer):
    """MMD^2 between the aggregate posterior q(z) and the prior p(z), unbiased, so that near zero it may be negative.

    With `Reconstruction` and a deterministic posterior this is WAE-MMD, with ELBO(beta=1 - alpha) and weight
    alpha + lambda - 1 InfoVAE. Groups of latents count each on its own, and their discrepancies are added.

    Args:
        weight: A number from 0 up, or a schedule over training steps.
        kernel: `RBF` or `InverseMultiquadratic`.

    Raises:
        ValueError: If an argument is not as described.

    Reference:
        Tolstikhin et al., 2018. Wasserstein Auto-Encoders, algorithm 2. https://arxiv.org/abs/1711.01558
        Zhao et al., 2019. InfoVAE. https://arxiv.org/abs/1706.02262
    """

    report = "maximum_mean_discrepancy"
    needs_prior = True

    def __init__(self, weight, kernel, **kwargs):
        super().__init__(weight, **kwargs)
        if not isinstance(kernel, Kernel):
            raise ValueError(f"`kernel` must be RBF or InverseMultiquadratic. Received: kernel={kernel!r}")
        self.kernel = kernel

    def penalty(self, inference, seed):
        seeds = (tf.random.fold_in(seed, group) for group in range(len(inference.latents)))
        return sum(self._of_group(*pair) for pair in zip(inference.latents, seeds, strict=True))

    def _of_group(self, latent, seed):
        # One sample of z per example at a time: two of the same example are no independent draws from q(z).
        draws = _draws(latent.prior, tf.shape(latent.sample), seed)
        return tf.reduce_mean(maximum_mean_discrepancy(self.kernel, latent.sample, draws))


def _draws(prior, shape, seed):
    """As many draws as there are samples, [S, B, L]; a conditional prior has a batch of its own, [B] or [S, B]."""
    batch_size = tf.reduce_prod(prior.batch_shape_tensor())
    return tf.reshape(prior.sample([shape[0] * shape[1] // batch_size], seed=seed), shape)
