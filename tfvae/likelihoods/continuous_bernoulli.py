"""ContinuousBernoulli: p(x|z) of grey values in [0, 1], cross-entropy made a density."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.errors import DataError
from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class ContinuousBernoulli(Likelihood):
    """p(x|z) = prod_i C(logit_i) p_i^x_i (1 - p_i)^(1 - x_i), p_i = sigmoid(logit_i(z)), a density on [0, 1].

    C(l) = l / tanh(l / 2) makes it integrate to 1, which the cross-entropy of grey values alone does not. Its mean is
    1 / (1 - exp(-l)) - 1 / l, not p.

    Reference:
        Loaiza-Ganem and Cunningham, 2019. The continuous Bernoulli: fixing a pervasive error in variational
        autoencoders, section 3. https://arxiv.org/abs/1907.06845
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.logits = Parameters()

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.logits.build(features_shape, event_shape)

    def call(self, features):
        return tfd.Independent(_InTheUnitInterval(logits=self.logits(features)), self.event_rank)

    def check(self, x):
        """Refuses values outside [0, 1].

        Raises:
            DataError: If some value of `x` is below 0 or above 1.
        """
        if not bool(tf.reduce_all((x >= 0) & (x <= 1))):
            raise DataError("`ContinuousBernoulli` is a likelihood of values from 0 to 1, and these go beyond.")


class _InTheUnitInterval(tfd.ContinuousBernoulli):
    """TFP 0.25 rounds some samples to 1.0000001 and more (logits just above 0), where their density is 0."""

    def _sample_n(self, n, seed=None):
        return tf.clip_by_value(super()._sample_n(n, seed), 0.0, 1.0)
