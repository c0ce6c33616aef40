"""Deterministic: q(z|x) as a point, the code of an autoencoder."""

import keras
import tensorflow_probability as tfp

from tfvae.posteriors.posterior import Posterior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Deterministic(Posterior):
    """q(z|x) = delta(z - code(x)): every sample is the code, a linear function of the features.

    It has no density and so no rate: it goes with objectives that need none.

    Args:
        latent_size: Number L of latent variables.

    Reference:
        Hinton and Salakhutdinov, 2006. Reducing the Dimensionality of Data with Neural Networks.
        https://doi.org/10.1126/science.1127647
    """

    has_density = False

    @property
    def num_parameters(self):
        return self.latent_size

    def distribution(self, parameters, step=None):
        return tfd.VectorDeterministic(parameters)
