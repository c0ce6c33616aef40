"""Normal: p(x|z) of real-valued images, scaled to [0, 1]."""

import keras
import tensorflow_probability as tfp

from tfvae.likelihoods.likelihood import Likelihood, Parameters
from tfvae.likelihoods.scale import FixedScale, Scale

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Normal(Likelihood):
    """p(x|z) = prod_i N(x_i; mean_i(z), sigma^2), a density on images scaled to [0, 1].

    Args:
        scale: A `Scale`: `FixedScale`, `LearnedScale` or `PixelScale`; a positive number stands for `FixedScale`.

    Raises:
        ValueError: If `scale` is neither a positive number nor a `Scale`.
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.mean = Parameters()
        self.scale = scale if isinstance(scale, Scale) else FixedScale(scale)

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.mean.build(features_shape, event_shape)
        if not self.scale.built:
            self.scale.build(features_shape, event_shape)

    def call(self, features):
        return tfd.Independent(tfd.Normal(self.mean(features), self.scale(features)), self.event_rank)

    def get_config(self):
        return {**super().get_config(), "scale": keras.saving.serialize_keras_object(self.scale)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "scale": keras.saving.deserialize_keras_object(config["scale"])})
