"""Latent and Inference: everything that a model hands to an objective."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Gate:
    """Passes samples on unchanged, and multiplies the gradient that comes back by `scale`.

    An objective sets `scale`, [S, B], when it has the weights of the samples, which is after the forward pass and
    before the gradient is taken. So a weight can differ between the decoder's gradient and the encoder's in one pass.
    """

    def __init__(self):
        self.scale = None

    def __call__(self, sample):
        @tf.custom_gradient
        def identity(z):
            return tf.identity(z), lambda gradient: gradient if self.scale is None else gradient * self.scale[..., None]

        return identity(sample)


class Latent(NamedTuple):
    """One group of latent variables.

    Attributes:
        posterior: q(z|x), batch_shape [B], event_shape [L].
        prior: p(z), batch_shape [] or [B], event_shape [L]; None if the model has none.
        sample: z ~ q(z|x), [S, B, L].
    """

    posterior: tfd.Distribution
    prior: tfd.Distribution | None
    sample: tf.Tensor


class Inference(NamedTuple):
    """What a model inferred about a batch.

    Attributes:
        x: The batch, [B, *event].
        latents: One group, or one per level of a hierarchical model or per factor of a product.
        likelihood: p(x|z), batch_shape [S, B], event_shape [*event].
        gate: The `Gate` that the samples went through, or None.
        code: x [B, *event] -> its code [B, L] as for this batch, for penalties on the derivative of codes; or None.
    """

    x: tf.Tensor
    latents: tuple[Latent, ...]
    likelihood: tfd.Distribution
    gate: Gate | None = None
    code: Callable | None = None

    def log_prior(self):
        """log p(z) of each sample over all groups, in nats, [S, B]."""
        return _sum([latent.prior.log_prob(latent.sample) for latent in self.latents])

    def log_posterior(self):
        """log q(z|x) of each sample over all groups, in nats, [S, B]."""
        return _sum([latent.posterior.log_prob(latent.sample) for latent in self.latents])

    @property
    def stddev(self):
        """Standard deviation of q(z|x), all groups together, [B, L]; None where one has none in closed form."""
        try:
            stddevs = [latent.posterior.stddev() for latent in self.latents]
        except NotImplementedError:
            return None
        return tf.concat([stddev[0] if stddev.shape.rank == 3 else stddev for stddev in stddevs], axis=-1)


def _sum(terms):
    # Not `tf.add_n`, which begins with whichever input is not needed elsewhere any more: another one each time.
    return tf.reduce_sum(tf.stack(terms), axis=0) if len(terms) > 1 else terms[0]
