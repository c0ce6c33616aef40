"""UniformCategorical: p(z) for one of L classes, all equally probable."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.priors.checks import check_one_group
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class UniformCategorical(Prior):
    """One of L classes as a vector of zeros and a one, all equally probable, for the posterior `RelaxedCategorical`.

    It has probabilities and no density on the simplex. Its rate is the divergence of the categorical distributions
    behind the relaxed ones, as in the paper.

    Reference:
        Jang, Gu and Poole, 2017. Categorical Reparameterization with Gumbel-Softmax. https://arxiv.org/abs/1611.01144
    """

    support = "the simplex"
    has_density = False

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]

    def call(self, encode=None):
        return tfd.OneHotCategorical(logits=tf.zeros(self.latent_size), dtype="float32")
