"""Latent and Inference: everything that a model hands to an objective."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Latent(NamedTuple):
    """One group of latent variables.

    Attributes:
        posterior: q(z|x), batch_shape [B], event_shape [L].
        prior: p(z), batch_shape [] or [B], event_shape [L].
        sample: z ~ q(z|x), [S, B, L].
    """

    posterior: tfd.Distribution
    prior: tfd.Distribution
    sample: tf.Tensor


class Inference(NamedTuple):
    """What a model inferred about a batch.

    Attributes:
        x: The batch, [B, *event].
        latents: One group, or one per level of a hierarchical model.
        likelihood: p(x|z), batch_shape [S, B], event_shape [*event].
    """

    x: tf.Tensor
    latents: tuple[Latent, ...]
    likelihood: tfd.Distribution
