"""LocationScale: what the normal and the Laplace likelihood share, a mean told by z and a scale."""

from abc import abstractmethod

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.likelihood import Likelihood, Parameters
from tfvae.likelihoods.scale import FixedScale, Scale
from tfvae.offers import accepted

tfd = tfp.distributions


class LocationScale(Likelihood):
    """p(x|z) = prod_i p(x_i; mean_i(z), scale), a density that falls with |x_i - mean_i|^order.

    Args:
        scale: A `Scale`; a positive number stands for `FixedScale`.

    Attributes:
        order: The power at which the most likely scale is mean(|x - mean(z)|^order)^(1/order).

    Raises:
        ValueError: If `scale` is neither a positive number nor a `Scale`.
    """

    order = None

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.mean = Parameters()
        self.scale = scale if isinstance(scale, Scale) else FixedScale(scale)

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.mean.build(features_shape, event_shape)
        if not self.scale.built:
            self.scale.build(features_shape, event_shape)

    def call(self, features, x=None, training=False):
        mean = self.mean(features)
        moment = tf.reduce_mean(tf.abs(x - mean) ** self.order) if training and x is not None else None
        scale = self.scale(features, **accepted(self.scale.call, moment=moment, order=self.order))
        return tfd.Independent(self.distribution(mean, scale), self.event_rank)

    @property
    def is_additive(self):
        return not accepted(self.scale.call, moment=True)  # else a moment of the whole batch

    @abstractmethod
    def distribution(self, mean, scale):
        """Mean [S, B, *event] and a scale that broadcasts with it -> independent elements, a TFP distribution."""

    def get_config(self):
        return {**super().get_config(), "scale": keras.saving.serialize_keras_object(self.scale)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "scale": keras.saving.deserialize_keras_object(config["scale"])})
