"""QuantizedLogistic: the distribution of a logistic variable rounded to grey levels."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class QuantizedLogistic(tfd.Distribution):
    """A logistic variable taken to the nearest of the levels 0, 1/(n - 1), ..., 1, and so to an end from beyond it.

    p(k) = sigmoid(upper) - sigmoid(lower), where upper and lower = (k + 1/2 - m) / s and (k - 1/2 - m) / s, with 0 for
    the second term at the lowest level and 1 for the first at the highest. `tfd.QuantizedDistribution` subtracts
    cumulative probabilities, which leaves few digits of float32 where s is large; we use that the difference is

        sigmoid(upper) sigmoid(-lower) (1 - exp(-1 / s)).

    Args:
        loc: Mean of the logistic variable, in units of x.
        scale: Its scale, positive, in units of x.
        num_levels: Number n of levels.
    """

    def __init__(self, loc, scale, num_levels):
        parameters = dict(locals())
        self.loc, self.scale, self.num_levels = tf.convert_to_tensor(loc), tf.convert_to_tensor(scale), num_levels
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(), "scale": tfp.util.ParameterProperties()}

    def _log_prob(self, x):
        # In units of levels: x rounds to integers, so that neighbours agree to the last bit on the edge between them.
        last, (m, s) = self.num_levels - 1, self._in_levels()
        k = self._nearest(x * last)
        upper, lower = (k + 0.5 - m) / s, (k - 0.5 - m) / s
        log_below, log_above = -tf.math.softplus(-upper), -tf.math.softplus(lower)
        between = log_below + log_above + tf.math.log(-tf.math.expm1(-1 / s))
        return tf.where(k == 0, log_below, tf.where(k == last, log_above, between))

    def _mean(self):
        m, s = self._in_levels()
        edges = tf.range(self.num_levels - 1, dtype=m.dtype) + 0.5
        # E k is the sum of P(k > edge). One edge after another, in n - 1 passes: all at once need n times the memory.
        zero = tf.zeros(self.batch_shape_tensor(), m.dtype)
        return tf.foldl(lambda total, edge: total + tf.sigmoid((m - edge) / s), edges, zero) / (self.num_levels - 1)

    def _sample_n(self, n, seed=None):
        return self._nearest(tfd.Logistic(*self._in_levels()).sample(n, seed=seed)) / (self.num_levels - 1)

    def _in_levels(self):
        return self.loc * (self.num_levels - 1), self.scale * (self.num_levels - 1)

    def _nearest(self, steps):
        return tf.clip_by_value(tf.round(steps), 0.0, self.num_levels - 1.0)

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], "int32")

    def _default_event_space_bijector(self):
        return None
