"""Laplace: p(x|z) of real-valued images with absolute instead of squared errors."""

import keras
import tensorflow_probability as tfp

from tfvae.likelihoods.location_scale import LocationScale

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Laplace(LocationScale):
    """p(x|z) = prod_i exp(-|x_i - mean_i(z)| / b) / (2 b), a density on images scaled to [0, 1].

    Args:
        scale: Where b comes from: `FixedScale`, `LearnedScale`, `PixelScale` or `OptimalScale`; a positive number
            stands for `FixedScale`. The standard deviation of an element is sqrt(2) b.

    Raises:
        ValueError: If `scale` is neither a positive number nor a `Scale`.
    """

    order = 1

    def distribution(self, mean, scale):
        return tfd.Laplace(mean, scale)
