"""Objective: the contract of every training objective, and the two terms that most are made of."""

from abc import abstractmethod

import keras

from tfvae.divergences import kl_divergence


class Objective(keras.Layer):
    """A function of the distributions that a model inferred. A layer, so that its variables are saved with the model.

    Attributes:
        reports: Names of the terms beside "loss". They must be known before the first call: Keras allows no new
            metric once a model is built.
    """

    reports = ()

    @abstractmethod
    def terms(self, inference, step, training):
        """Terms to minimise, each a scalar in nats per example; "loss" is the one that is differentiated.

        Args:
            inference: An `Inference`.
            step: Number of training steps taken so far, int64 scalar.
            training: Whether this is a training step.
        """


def distortion(inference):
    """-log p(x|z), in nats: [S, B]."""
    return -inference.likelihood.log_prob(inference.x)


def rate(inference):
    """KL(q(z|x) || p(z)) summed over the groups of latents, in nats: [B], or [S, B] where it is an estimate."""
    return sum(kl_divergence(*latent) for latent in inference.latents)
