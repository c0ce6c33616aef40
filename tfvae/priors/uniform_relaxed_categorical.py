"""UniformRelaxedCategorical: p(z) on the simplex, with a density."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.priors.checks import check_one_group
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class UniformRelaxedCategorical(Prior):
    """The concrete density of L equal classes, for the posterior `RelaxedCategorical` and a true bound on log p(x).

    Args:
        temperature: Temperature of the density, positive: towards 0 the samples are vectors of zeros and a one, and
            below L - 1 the density grows without end towards them.

    Raises:
        ValueError: If `temperature` is not a positive number.

    Reference:
        Maddison, Mnih and Teh, 2017. The Concrete Distribution.
        https://arxiv.org/abs/1611.00712
    """

    support = "the simplex"

    def __init__(self, temperature, **kwargs):
        super().__init__(**kwargs)
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature > 0:
            raise ValueError(f"`temperature` must be a positive number. Received: temperature={temperature!r}")
        self.temperature = float(temperature)

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]

    def call(self, encode=None):
        return tfd.RelaxedOneHotCategorical(self.temperature, logits=tf.zeros(self.latent_size))
