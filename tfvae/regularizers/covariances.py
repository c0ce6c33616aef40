"""Covariances of the latents over a batch: of the posterior's means, or of its samples."""

from abc import ABC, abstractmethod

import keras
import tensorflow as tf


class Covariance(ABC):
    """A function q(z|x), batch_shape [B], event_shape [L] -> covariance [L, L].

    Attributes:
        needs_density: Whether it needs q(z|x) to be more than a point.
    """

    needs_density = False

    @abstractmethod
    def __call__(self, posterior):
        """The covariance over the batch; means over it have the factor 1/B, so that one example has covariance 0."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("tfvae")
class CovarianceOfMeans(Covariance):
    """Cov_x(E_q[z|x])."""

    def __call__(self, posterior):
        means = _rows(posterior.mean(), 1)
        centred = means - tf.reduce_mean(means, axis=0)
        return tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.shape(means)[0], means.dtype)


@keras.saving.register_keras_serializable("tfvae")
class CovarianceOfSamples(Covariance):
    """Cov(z) of z ~ q(z|x) for x of the batch: Cov_x(E_q[z|x]) + E_x Cov_q(z|x), without the noise of drawing."""

    needs_density = True

    def __call__(self, posterior):
        within = _rows(posterior.covariance(), 2)
        return CovarianceOfMeans()(posterior) + tf.reduce_mean(within, axis=0)


def _rows(moments, event_rank):
    """All axes before those of the event as one: a level of a hierarchy has samples before the batch."""
    return tf.reshape(moments, tf.concat([[-1], tf.shape(moments)[-event_rank:]], 0))
