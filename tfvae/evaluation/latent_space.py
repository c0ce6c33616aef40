"""The latent space: which dimensions carry something, and how much."""

import numpy as np
import tensorflow as tf

from tfvae.divergences import kl_divergence, kl_per_dimension

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016


def rate_per_dimension(model, x, **context):
    """KL(q(z_l|x) || p(z_l)) of each latent dimension, averaged over x [B, *event], in nats: [L].

    A group of latents whose dimensions are not independent, such as one on the sphere, has one rate for all of them.
    """
    inference = model.infer(x, seed=tf.zeros([2], "int32"), **context)
    return tf.reduce_mean(rate_of_rows(inference), axis=0)


def rate_of_rows(inference):
    """The rate in nats of each example and dimension: [B, L], of the first sample where it depends on one."""
    return tf.concat([_rate_of_group(latent) for latent in inference.latents], axis=-1)


def _rate_of_group(latent):
    rates = kl_per_dimension(latent.posterior, latent.prior)
    rates = kl_divergence(*latent)[..., None] if rates is None else rates
    return rates[0] if rates.shape.rank == 3 else rates


def active_units(codes):
    """Number of dimensions whose code varies by more than 0.01 over examples.

    Args:
        codes: Posterior means, [N, L]. The threshold is one for codes on the scale of a standard normal prior.

    Reference:
        Burda et al., 2016. Importance Weighted Autoencoders, section 5.2. https://arxiv.org/abs/1509.00519
    """
    return int(np.sum(np.var(codes, axis=0, dtype="float64") > ACTIVE_VARIANCE))
