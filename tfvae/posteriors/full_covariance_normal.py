"""FullCovarianceNormal: q(z|x) as a normal with correlated latents."""

import keras
import tensorflow_probability as tfp

from tfvae.posteriors.posterior import Posterior

tfb, tfd = tfp.bijectors, tfp.distributions

MINIMAL_STDDEV = 1e-6  # keeps the log-density finite where softplus underflows


@keras.saving.register_keras_serializable("tfvae")
class FullCovarianceNormal(Posterior):
    """q(z|x) = N(z; mean(x), T(x) T(x)^T), T lower triangular, linear in the features below its softplus diagonal.

    Args:
        latent_size: Number L of latent variables; q(z|x) has L + L (L + 1) / 2 parameters.

    Reference:
        Kingma and Welling, 2019. An Introduction to Variational Autoencoders, section 2.5.1.
        https://arxiv.org/abs/1906.02691 (which takes the exponential for the diagonal).
    """

    @property
    def num_parameters(self):
        return self.latent_size + self.latent_size * (self.latent_size + 1) // 2

    def distribution(self, parameters, step=None):
        mean, raw_triangle = parameters[..., : self.latent_size], parameters[..., self.latent_size :]
        triangle = tfb.FillScaleTriL(tfb.Softplus(), diag_shift=MINIMAL_STDDEV).forward(raw_triangle)
        return tfd.MultivariateNormalTriL(mean, triangle)
