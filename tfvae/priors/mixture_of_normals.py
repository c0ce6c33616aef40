"""MixtureOfNormals: p(z) as a mixture of normal components."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.mixture import GaussianMixture

from tfvae.normals import MultivariateNormalDiag
from tfvae.priors.checks import check_count, check_one_group
from tfvae.priors.prior import Prior
from tfvae.priors.spread import spread_of

tfd = tfp.distributions

MINIMAL_STDDEV = 1e-6  # keeps the log-density finite where softplus underflows
UNIT = float(np.log(np.expm1(1.0)))  # whose softplus is 1
MINIMAL_VARIANCE = 1e-6  # of a fitted component, in units of the variance of all codes


@keras.saving.register_keras_serializable("tfvae")
class MixtureOfNormals(Prior):
    """p(z) = sum_k w_k N(z; mean_k, diag(stddev_k^2)), all learned.

    It starts with equal weights, means drawn from N(0, I) and stddevs of 1. Trained with the model, its divergence
    from a posterior is estimated by Monte Carlo, as there is no closed form.

    Args:
        num_components: Number K of components.

    Raises:
        ValueError: If `num_components` is not a positive integer.
    """

    can_fit = True

    def __init__(self, num_components, **kwargs):
        super().__init__(**kwargs)
        self.num_components = check_count("num_components", num_components)

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        shape = (self.num_components, latent_shape[-1])
        self.logits = self.add_weight(name="logits", shape=shape[:1], initializer="zeros")
        self.means = self.add_weight(name="means", shape=shape, initializer=keras.initializers.RandomNormal(stddev=1.0))
        unit = keras.initializers.Constant(UNIT)
        self.raw_stddevs = self.add_weight(name="raw_stddevs", shape=shape, initializer=unit)

    def call(self, encode=None):
        stddevs = tf.math.softplus(self.raw_stddevs) + MINIMAL_STDDEV
        components = MultivariateNormalDiag(tf.convert_to_tensor(self.means), stddevs)
        return tfd.MixtureSameFamily(tfd.Categorical(tf.convert_to_tensor(self.logits)), components)

    def fit(self, codes, seed):
        """Fits weights, means and stddevs to codes [N, L] by expectation maximization, from the integer `seed`.

        No component is narrower than a thousandth of the spread of the codes along its dimension. With fewer different
        codes than components, several components stand at the same place and share its weight.
        """
        codes = np.asarray(codes, "float64")
        scale = spread_of(codes)
        fitted = _expectation_maximization(codes / scale, self.num_components, seed)
        chosen = np.arange(self.num_components) % len(fitted.weights_)
        weights = fitted.weights_[chosen] / np.bincount(chosen)[chosen]
        stddevs = (np.sqrt(fitted.covariances_) * scale)[chosen]
        self.logits.assign(np.log(weights))
        self.means.assign((fitted.means_ * scale)[chosen])
        self.raw_stddevs.assign(tfp.math.softplus_inverse(np.maximum(stddevs - MINIMAL_STDDEV, MINIMAL_STDDEV)))


def _expectation_maximization(codes, num_components, seed):
    num_components = min(num_components, len(np.unique(codes, axis=0)))
    mixture = GaussianMixture(
        num_components,
        covariance_type="diag",
        reg_covar=MINIMAL_VARIANCE,
        max_iter=1000,
        random_state=seed & 0x7FFFFFFF,  # scikit-learn takes no negative seed
    )
    return mixture.fit(codes) if len(codes) > 1 else mixture.fit(np.repeat(codes, 2, axis=0))
