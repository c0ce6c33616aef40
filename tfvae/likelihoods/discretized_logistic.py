"""DiscretizedLogistic: p(x|z) of 8-bit images, probabilities of the 256 grey levels."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.levels import check_levels, number_of_levels
from tfvae.likelihoods.likelihood import Likelihood, Parameters
from tfvae.likelihoods.quantized_logistic import QuantizedLogistic

tfd = tfp.distributions

# In steps from level to level: what lies between gives the level in the middle a probability of 0.987. Narrower ones
# gain nothing, and their gradients grow without bound.
MINIMAL_SCALE = 0.1


@keras.saving.register_keras_serializable("tfvae")
class DiscretizedLogistic(Likelihood):
    """p(x|z) = prod_i (F_i(x_i + half a step) - F_i(x_i - half a step)), F_i the CDF of a logistic variable.

    Its mean and its scale are functions of z, for each element of x by itself: no channel or pixel depends on another.
    The lowest level has all of the mass below it, and the highest all above.

    Args:
        num_levels: Number of grey levels, 256 for 8-bit images.

    Raises:
        ValueError: If `num_levels` is not an integer of at least 2.

    Reference:
        Kingma et al., 2016. Improving Variational Inference with Inverse Autoregressive Flow, discretized logistic
        likelihood. https://arxiv.org/abs/1606.04934 (whose scales are learned, one a channel, and functions of z here.)
        The ends: Salimans et al., 2017. PixelCNN++, equation 2. https://arxiv.org/abs/1701.05517
    """

    discrete = True

    def __init__(self, num_levels=256, **kwargs):
        super().__init__(**kwargs)
        self.num_levels = number_of_levels("num_levels", num_levels)
        self.parameters = Parameters(2)

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.parameters.build(features_shape, event_shape)

    def call(self, features):
        raw_mean, raw_scale = tf.unstack(self.parameters(features), axis=-1)
        return tfd.Independent(logistic(0.5 + raw_mean, raw_scale, self.num_levels), self.event_rank)

    def check(self, x):
        """Refuses values that are not levels.

        Raises:
            DataError: If some value of `x` is not a multiple of 1 / (num_levels - 1) from 0 to 1.
        """
        check_levels(self, x, self.num_levels)


def logistic(mean, raw_scale, num_levels):
    """A `QuantizedLogistic` with a positive scale."""
    return QuantizedLogistic(mean, tf.math.softplus(raw_scale) + MINIMAL_SCALE / (num_levels - 1), num_levels)
