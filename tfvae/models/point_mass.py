"""PointMass: the posterior of discrete latents that are chosen without noise."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class PointMass(tfd.Distribution):
    """Probability 1 for one vector of integers: where `tfd.VectorDeterministic` leaves open whether that is a density.

    Its divergence from p is -log p(value), finite because p gives a probability as well.

    Args:
        value: int32 [B, n].
    """

    def __init__(self, value, name="PointMass"):
        parameters = dict(locals())
        self.value = tf.convert_to_tensor(value)
        super().__init__(
            dtype=self.value.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"value": tfp.util.ParameterProperties(event_ndims=1)}

    def _event_shape(self):
        return self.value.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.value)[-1:]

    def _sample_n(self, n, seed=None):
        return tf.repeat(self.value[tf.newaxis], n, axis=0)

    def _log_prob(self, value):
        return tf.math.log(tf.cast(tf.reduce_all(value == self.value, axis=-1), "float32"))


@tfd.RegisterKL(PointMass, tfd.Distribution)
def _kl_point_mass(posterior, prior, name=None):
    return -prior.log_prob(posterior.value)
