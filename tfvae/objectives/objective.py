"""Objective: the contract of every training objective, and the two terms that most are made of."""

import inspect
from abc import abstractmethod

import keras

from tfvae.divergences import kl_divergence


class Objective(keras.Layer):
    """A function of the distributions that a model inferred. A layer, so that its variables are saved with the model.

    It keeps each argument of its constructor under the argument's own name, and so knows its configuration.

    Attributes:
        reports: Names of the terms beside "loss". They must be known before the first call: Keras allows no new
            metric once a model is built.
        monitor: The term whose lowest value in validation marks the best epoch; None takes the last epoch.
        num_samples: Number S of samples of z that it wants for each example.
        needs_rate: Whether it needs a posterior with a density and a prior.
        needs_density: Whether it weights samples, and so needs a prior with a density as well.
        needs_gate: Whether it weights samples otherwise for the encoder, and so needs them to go through a `Gate`.
        is_additive: Whether each term is the mean of what every example adds on its own, so that the mean over the
            parts of a batch is that over the batch.
    """

    reports = ()
    monitor = "negative_elbo"
    num_samples = 1
    needs_rate = True
    needs_density = False
    needs_gate = False
    is_additive = False

    @abstractmethod
    def terms(self, inference, step, training):
        """Terms to minimise, each a scalar in nats per example; "loss" is the one that is differentiated.

        Args:
            inference: An `Inference`.
            step: Number of training steps taken so far, int64 scalar.
            training: Whether this is a training step.
        """

    def get_config(self):
        values = {name: getattr(self, name) for name in _arguments(type(self))}
        return {**super().get_config(), **keras.saving.serialize_keras_object(values)}

    @classmethod
    def from_config(cls, config):
        values = {name: config[name] for name in _arguments(cls)}
        return cls(**{**config, **keras.saving.deserialize_keras_object(values)})


def distortion(inference):
    """-log p(x|z), in nats: [S, B]."""
    return -inference.likelihood.log_prob(inference.x)


def rate(inference):
    """KL(q(z|x) || p(z)) summed over the groups of latents, in nats: [B], or [S, B] where it is an estimate."""
    return sum(kl_divergence(*latent) for latent in inference.latents)


def check_positive_integer(name, value):
    """Refuses what is no count.

    Raises:
        ValueError: With the name of the argument.
    """
    if type(value) is not int or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")


def _arguments(cls):
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
