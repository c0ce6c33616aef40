"""StandardNormal: p(z) = N(0, I)."""

import keras
import tensorflow as tf

from tfvae.normals import MultivariateNormalDiag
from tfvae.priors.checks import check_one_group
from tfvae.priors.prior import Prior


@keras.saving.register_keras_serializable("tfvae")
class StandardNormal(Prior):
    """p(z) = N(z; 0, I), with batch_shape [] and event_shape [L]."""

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]

    def call(self, encode=None):
        return MultivariateNormalDiag(tf.zeros(self.latent_size), tf.ones(self.latent_size))
