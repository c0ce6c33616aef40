"""Normal: p(x|z) of real-valued images, scaled to [0, 1]."""

import keras
import tensorflow_probability as tfp

from tfvae.likelihoods.location_scale import LocationScale

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Normal(LocationScale):
    """p(x|z) = prod_i N(x_i; mean_i(z), sigma^2), a density on images scaled to [0, 1].

    Args:
        scale: Where sigma comes from: `FixedScale`, `LearnedScale`, `PixelScale` or `OptimalScale`; a positive number
            stands for `FixedScale`.

    Raises:
        ValueError: If `scale` is neither a positive number nor a `Scale`.
    """

    order = 2

    def distribution(self, mean, scale):
        return tfd.Normal(mean, scale)
