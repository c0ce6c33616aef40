"""The latent space: which dimensions carry something, and how much."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016
COLLAPSED_RATE = 0.01  # nats: a dimension below it says nothing that a decoder could use


def rate_per_dimension(model, x):
    """KL(q(z_l|x) || p(z_l)) of each latent dimension, averaged over x [B, *event], in nats: [L].

    Of posteriors and priors whose dimensions are independent normals; then the sum over l is the rate.
    """
    return tf.reduce_mean(rate_of_rows(model.encode(x), model.prior(encode=model.encode)), axis=0)


def rate_of_rows(posterior, prior):
    """KL(q(z_l|x) || p(z_l)) of each example and dimension, in nats: [B, L]."""
    marginals = [tfd.Normal(d.mean(), d.stddev()) for d in (posterior, prior)]
    return tfd.kl_divergence(*marginals)


def active_units(means):
    """Number of dimensions whose posterior mean varies by more than 0.01 over examples.

    Args:
        means: Posterior means, [N, L].

    Reference:
        Burda et al., 2016. Importance Weighted Autoencoders, section 5.2. https://arxiv.org/abs/1509.00519
    """
    return int(np.sum(np.var(means, axis=0) > ACTIVE_VARIANCE))


def collapse_verdict(num_active, rates):
    """Whether the posterior has collapsed onto the prior, and a sentence that says so or not.

    Args:
        num_active: Number of active units.
        rates: Rate of each dimension in nats, [L].

    Returns:
        (collapsed, sentence). Collapsed means that no dimension is active, or that none has a rate above 0.01 nats: the
        decoder then knows nothing of x.
    """
    size, rate = len(rates), float(np.sum(rates))
    if num_active == 0 or np.max(rates) < COLLAPSED_RATE:
        return True, (
            f"The posterior has COLLAPSED: {num_active} of {size} latent dimensions are active and the rate is "
            f"{rate:.3f} nats, so that reconstructions do not depend on the image. Try a smaller beta or a warm-up."
        )
    return False, f"{num_active} of {size} latent dimensions are active; the rate is {rate:.2f} nats."
