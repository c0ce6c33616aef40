"""L1Sparsity: codes of which most units are near zero."""

import keras
import tensorflow as tf

from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class L1Sparsity(Regularizer):
    """sum_l |z_l|, over all latents, averaged over samples and batch.

    The code is the sample of z, which for a deterministic posterior is the code itself.

    Args:
        weight: A number from 0 up, or a schedule over training steps.

    Reference:
        Goodfellow et al., 2016. Deep Learning, section 14.2.1. https://www.deeplearningbook.org
    """

    report = "code_l1_norm"
    is_additive = True

    def penalty(self, inference, seed):
        return sum(tf.reduce_mean(tf.reduce_sum(tf.abs(z), axis=-1)) for _, _, z in inference.latents)
