"""Prior: the contract of every p(z)."""

from abc import abstractmethod

import keras


class Prior(keras.Layer):
    """A layer that returns the distribution p(z). Its `build` receives the shape [L] of a latent vector."""

    @abstractmethod
    def call(self, condition=None, encode=None):
        """Returns a TFP distribution with batch_shape [] or [B] and event_shape [L].

        Args:
            condition: What p(z|condition) depends on, or None.
            encode: The model's `encode`, for priors that are made of posteriors.
        """
