"""Divergences between distributions, in nats."""

import tensorflow_probability as tfp

tfd = tfp.distributions


def kl_divergence(posterior, prior, sample):
    """KL(posterior || prior) per example, in nats: closed form where TFP has one, else a one-sample estimate.

    Args:
        posterior: q(z|x), batch_shape [B], event_shape [L].
        prior: p(z), batch_shape [] or [B], event_shape [L].
        sample: z ~ q(z|x), [S, B, L]. Used only by the estimate.

    Returns:
        [B] in closed form, else [S, B].
    """
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        return posterior.log_prob(sample) - prior.log_prob(sample)
