"""DiagonalNormal: q(z|x) with independent normal latents."""

import keras
import tensorflow as tf

from tfvae.normals import MultivariateNormalDiag
from tfvae.posteriors.posterior import Posterior

MINIMAL_STDDEV = 1e-6  # keeps the log-density finite where softplus underflows


@keras.saving.register_keras_serializable("tfvae")
class DiagonalNormal(Posterior):
    """q(z|x) = N(z; mean(x), diag(stddev(x)^2)), with stddev = softplus of a linear function of the features.

    Args:
        latent_size: Number L of latent variables.

    Reference:
        Kingma and Welling, 2014. Auto-Encoding Variational Bayes, appendix C.2. https://arxiv.org/abs/1312.6114
        (which takes the logarithm of the variance where we take softplus).
    """

    @property
    def num_parameters(self):
        return 2 * self.latent_size

    def distribution(self, parameters, step=None):
        mean, raw_stddev = tf.split(parameters, 2, axis=-1)
        return MultivariateNormalDiag(mean, tf.math.softplus(raw_stddev) + MINIMAL_STDDEV)
