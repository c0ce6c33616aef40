"""Contractive: codes that change little with x."""

import keras
import tensorflow as tf

from tfvae.regularizers.regularizer import Regularizer


@keras.saving.register_keras_serializable("tfvae")
class Contractive(Regularizer):
    """|d code / d x|^2, the squared Frobenius norm of the encoder's Jacobian, averaged over the batch.

    The code is the mean of q(z|x) where it has one, and for a deterministic posterior what it says. The Jacobian is
    exact: one backward pass for each latent, vectorised. The encoder must treat each example on its own, and runs once
    more.

    Args:
        weight: A number from 0 up, or a schedule over training steps.

    Reference:
        Rifai et al., 2011. Contractive Auto-Encoders. https://icml.cc/2011/papers/455_icmlpaper.pdf
    """

    report = "contractive_penalty"
    is_additive = True

    def penalty(self, inference, seed):
        if inference.code is None:
            raise ValueError("`Contractive` needs a model whose code has a derivative: this one hands out none.")
        x = tf.convert_to_tensor(inference.x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            code = inference.code(x)
        jacobian = tape.batch_jacobian(code, x)  # [B, L, *event]
        return tf.reduce_mean(tf.reduce_sum(jacobian**2, axis=list(range(1, jacobian.shape.rank))))
