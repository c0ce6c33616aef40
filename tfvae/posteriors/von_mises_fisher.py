"""VonMisesFisher: q(z|x) on the unit sphere."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.posteriors import angle
from tfvae.posteriors.checks import check_at_least_two
from tfvae.posteriors.posterior import Posterior

tfd = tfp.distributions

MAXIMAL_CONCENTRATION = 1e6  # float32 vectors do not resolve angles much smaller than a thousandth
NORTH = 1e-3  # where features vanish, the mean direction is the first axis


@keras.saving.register_keras_serializable("tfvae")
class VonMisesFisher(Posterior):
    """q(z|x) proportional to exp(concentration(x) mean_direction(x)^T z) on the unit sphere in L dimensions.

    The concentration is softplus of a linear function of the features, bent so that it stays below 1e6; at 0 the
    density is uniform. The code is the mean direction, which is on the sphere, where the mean is not.

    Args:
        latent_size: Number L of coordinates of z, at least 2; the sphere has L - 1 dimensions.

    Raises:
        ValueError: If `latent_size` is less than 2.

    Reference:
        Davidson et al., 2018. Hyperspherical Variational Auto-Encoders. https://arxiv.org/abs/1804.00891
    """

    support = "the sphere"
    has_stddev = False

    def __init__(self, latent_size, **kwargs):
        super().__init__(latent_size, **kwargs)
        check_at_least_two(latent_size, "the sphere in one dimension is two points")

    @property
    def num_parameters(self):
        return self.latent_size + 1

    def distribution(self, parameters, step=None):
        direction, raw_concentration = parameters[..., :-1], tf.math.softplus(parameters[..., -1])
        direction = tf.math.l2_normalize(direction + tf.one_hot(0, self.latent_size, NORTH), axis=-1)
        concentration = raw_concentration / (1 + raw_concentration / MAXIMAL_CONCENTRATION)
        return VonMisesFisherDistribution(direction, concentration)

    def code(self, distribution):
        return distribution.mean_direction


class VonMisesFisherDistribution(tfd.Distribution):
    """The density, for any number of dimensions and with samples that have exact gradients by both parameters.

    TFP's is limited to 5 dimensions, and its samples have a gradient by the concentration in 3 only.

    Args:
        mean_direction: Unit vectors [B, L], L known.
        concentration: [B], from 0 up.
    """

    def __init__(self, mean_direction, concentration, name="VonMisesFisherDistribution"):
        parameters = dict(locals())
        self.mean_direction = tf.convert_to_tensor(mean_direction)
        self.concentration = tf.convert_to_tensor(concentration)
        self.size = self.mean_direction.shape[-1]
        super().__init__(
            dtype=self.mean_direction.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"mean_direction": properties(event_ndims=1), "concentration": properties(event_ndims=0)}

    def _event_shape(self):
        return self.mean_direction.shape[-1:]

    def _event_shape_tensor(self):
        return tf.constant([self.size])

    def _log_prob(self, z):
        # Of unit vectors, |z - mean|^2 / 2 is 1 - cos(angle); it does not cancel where they are close.
        versine = tf.reduce_sum((z - self.mean_direction) ** 2, axis=-1) / 2
        log_normalizer = angle.log_normalizer(self.concentration, self.size)
        return -self.concentration * versine - log_normalizer - self._log_area()

    def _mean(self):
        length = 1 - angle.mean_versine(self.concentration, self.size)
        return length[..., tf.newaxis] * self.mean_direction

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], tf.shape(self.concentration)], 0)
        t, around = angle.sample(shape, self.concentration, self.size, tfp.random.sanitize_seed(seed))
        t = t[..., tf.newaxis]
        return tf.cos(t) * self.mean_direction + tf.sin(t) * self._perpendicular(around)

    def _perpendicular(self, around):
        """Unit vectors [..., L - 1] mapped isometrically to those perpendicular to the mean direction, [..., L].

        By a reflection that takes the first axis to the mean direction or to its opposite, whichever is farther: so the
        gradient is bounded.
        """
        first, rest = self.mean_direction[..., :1], self.mean_direction[..., 1:]
        inner = tf.reduce_sum(rest * around, axis=-1, keepdims=True)
        sign = tf.where(first < 0, -1.0, 1.0)
        return tf.concat([-sign * inner, around - inner / (1 + tf.abs(first)) * rest], axis=-1)

    def _log_area(self):
        return math.log(2) + self.size / 2 * math.log(math.pi) - math.lgamma(self.size / 2)


@tfd.RegisterKL(VonMisesFisherDistribution, tfd.SphericalUniform)
def _kl_from_uniform(posterior, prior, name=None):
    k, size = posterior.concentration, posterior.size
    return -k * angle.mean_versine(k, size) - angle.log_normalizer(k, size)
