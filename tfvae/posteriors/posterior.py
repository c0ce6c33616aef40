"""Posterior: the contract of every q(z|x)."""

from abc import abstractmethod

import keras


class Posterior(keras.Layer):
    """A layer that turns features of x into the distribution q(z|x).

    Args:
        latent_size: Number L of latent variables.

    Raises:
        ValueError: If `latent_size` is not a positive integer.
    """

    def __init__(self, latent_size, **kwargs):
        super().__init__(**kwargs)
        if type(latent_size) is not int or latent_size < 1:
            raise ValueError(f"`latent_size` must be a positive integer. Received: latent_size={latent_size!r}")
        self.latent_size = latent_size

    @abstractmethod
    def call(self, features):
        """[B, F] -> a TFP distribution with batch_shape [B] and event_shape [L]."""
