"""UniformOnSphere: p(z) for directions."""

import keras
import tensorflow_probability as tfp

from tfvae.priors.checks import check_one_group
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class UniformOnSphere(Prior):
    """The uniform density on the unit sphere in L dimensions, for the posterior `VonMisesFisher`.

    Reference:
        Davidson et al., 2018. Hyperspherical Variational Auto-Encoders. https://arxiv.org/abs/1804.00891
    """

    support = "the sphere"

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]

    def call(self, encode=None):
        return tfd.SphericalUniform(self.latent_size)
