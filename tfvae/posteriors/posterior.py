"""Posterior: the contract of every q(z|x)."""

from abc import abstractmethod

import keras

from tfvae.posteriors.checks import check_positive_integer


class Posterior(keras.Layer):
    """A layer that turns features of x into the distribution q(z|x).

    One linear map makes the variational parameters of each example from its features, and `distribution` makes q of
    them. They stand apart, because the parameters of an example can also be improved without the encoder.

    Args:
        latent_size: Number L of latent variables.

    Attributes:
        support: Where z lies: "the real space", "the sphere", "the simplex", or a tuple of these for a product.
        has_density: Whether q(z|x) has a density; without, there is no rate.
        has_stddev: Whether q(z|x) has mean and standard deviation in closed form.

    Raises:
        ValueError: If `latent_size` is not a positive integer.
    """

    support = "the real space"
    has_density = True
    has_stddev = True

    def __init__(self, latent_size, **kwargs):
        super().__init__(**kwargs)
        check_positive_integer("latent_size", latent_size)
        self.latent_size = latent_size

    @property
    @abstractmethod
    def num_parameters(self):
        """Number P of variational parameters of an example."""

    @property
    def latent_shape(self):
        """[L], or for a product a tuple of these: what a prior is built for."""
        return (self.latent_size,)

    def build(self, features_shape):
        # float32 under mixed precision too: densities and their sums need it.
        self.parameters = keras.layers.Dense(self.num_parameters, dtype="float32")
        self.parameters.build(tuple(features_shape))

    def call(self, features, step=None):
        """[B, F] -> a TFP distribution with batch_shape [B] and event_shape [L]."""
        return self.distribution(self.parameters(features), step)

    @abstractmethod
    def distribution(self, parameters, step=None):
        """[..., P] -> a TFP distribution with batch_shape [...] and event_shape [L].

        Args:
            parameters: Variational parameters, float32 [..., P]: of a batch, or of samples of one.
            step: Number of training steps taken so far, for what follows a schedule; None outside a model.
        """

    def code(self, distribution):
        """The point [B, L] that stands for x where one is needed: the mean, unless that is none or is no code."""
        return distribution.mean()
