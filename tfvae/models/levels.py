"""Levels: what a hierarchy of latents does at each level, and what it asks of the parts."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.normals import MultivariateNormalDiag

tfd = tfp.distributions


def product_of_normals(first, second):
    """The normalised product of two normals with diagonal covariance: precisions add up, and weight the means.

    Args:
        first, second: Normals with batch shapes that broadcast, [B] and [S, B].

    Reference:
        Sonderby et al., 2016. Ladder Variational Autoencoders, section 2.2. https://arxiv.org/abs/1602.02282
    """
    # By ratios of variances, not by precisions: those of very sharp normals overflow.
    weight = second.variance() / (first.variance() + second.variance())
    mean = second.mean() + weight * (first.mean() - second.mean())
    return MultivariateNormalDiag(mean, first.stddev() * tf.sqrt(weight))


def sample_shared(q, shape, seed):
    """Samples of q, [..., B, L], where replicas share the batch: of a normal those that one device would have drawn."""
    if replicas.number() == 1:
        return q.sample(shape, seed=seed)
    if not isinstance(q, tfd.MultivariateNormalDiag):
        return q.sample(shape, seed=replicas.seed_of(seed))
    draw = lambda moments: MultivariateNormalDiag(*tf.split(moments, 2, -1)).sample(shape, seed=seed)  # noqa: E731
    return replicas.sample(draw, tf.concat([q.mean(), q.stddev()], -1))


def joined(latents):
    """z of all groups side by side: [S, B, L]."""
    return tf.concat([latent.sample for latent in latents], axis=-1)


def twin(part, name):
    """An unbuilt part of the same class with the same arguments."""
    return type(part).from_config({**part.get_config(), "name": name})


def check_levels(encoders, posteriors, decoders, prior, objective):
    """Refuses lists of unequal length, no prior in training, and weights of samples that levels would multiply."""
    counts = {"encoders": len(encoders), "posteriors": len(posteriors), "decoders": len(decoders)}
    if len(set(counts.values())) > 1 or not encoders:
        raise ValueError(
            "`encoders`, `posteriors` and `decoders` must be lists of one part for each level, at least one. "
            f"Received: {', '.join(f'{number} {name}' for name, number in counts.items())}"
        )
    if prior is None or prior.fitted_after or not prior.in_training:
        raise ValueError("`prior` must be there in training: the levels below are trained on z from the top.")
    if objective.needs_gate:
        raise ValueError(
            "`objective` must not weigh samples otherwise for the encoder, as doubly reparameterised gradients do: on "
            "their way through several levels the weights would be multiplied."
        )


def check_normal(part):
    """Refuses a posterior that is no normal with diagonal covariance."""
    if not isinstance(part.distribution(tf.zeros([1, part.num_parameters])), tfd.MultivariateNormalDiag):
        raise ValueError(
            "`posteriors` below the top must make normals with diagonal covariance, such as `DiagonalNormal`: they are "
            f"multiplied with the prior of their level. Received: `{type(part).__name__}`"
        )
