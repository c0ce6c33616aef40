"""CodeNorm: codes are kept near the origin."""

import keras
import tensorflow as tf

from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class CodeNorm(Regularizer):
    """|z|^2 / 2, summed over all latents and averaged over samples and batch: the code loss of an RAE.

    The code is the sample of z, which for a deterministic posterior is the code itself.

    Args:
        weight: A number from 0 up, or a schedule over training steps.

    Reference:
        Ghosh et al., 2020. From Variational to Deterministic Autoencoders. https://arxiv.org/abs/1903.12436
    """

    report = "code_norm"
    is_additive = True

    def penalty(self, inference, seed):
        return sum(tf.reduce_mean(tf.reduce_sum(z**2, axis=-1)) / 2 for _, _, z in inference.latents)
