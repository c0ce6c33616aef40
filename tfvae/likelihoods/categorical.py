"""Categorical: p(x|z) of grey levels, a free probability for each."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.levels import check_levels, grid, number_of_levels
from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Categorical(Likelihood):
    """p(x|z) = prod_i softmax(logits_i(z))[k_i], for x_i = k_i / (num_classes - 1) with k_i in 0 .. num_classes - 1.

    x is taken to the nearest level, and the mean is the expected grey value. The logits of 256 classes need 256 times
    the memory of an image.

    Args:
        num_classes: Number of grey levels; 2 make it a Bernoulli likelihood.

    Raises:
        ValueError: If `num_classes` is not an integer of at least 2.

    Reference:
        van den Oord et al., 2016. Pixel Recurrent Neural Networks (pixels as discrete variables, there dependent on
        each other). https://arxiv.org/abs/1601.06759
    """

    discrete = True

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = number_of_levels("num_classes", num_classes)
        self.logits = Parameters(num_classes)

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.logits.build(features_shape, event_shape)

    def call(self, features):
        half_a_step = 0.5 / (self.num_classes - 1)
        levels = _Levels(grid(self.num_classes), self.logits(features), rtol=0.0, atol=half_a_step)
        return tfd.Independent(levels, self.event_rank)

    def check(self, x):
        """Refuses values that are not levels.

        Raises:
            DataError: If some value of `x` is not a multiple of 1 / (num_classes - 1) from 0 to 1.
        """
        check_levels(self, x, self.num_classes)


class _Levels(tfd.FiniteDiscrete):
    """TFP's mean needs `tf.nn.softmax`, which refuses [S, B, H, W, C, K] on a CPU: more than five axes."""

    def _mean(self):
        return tf.tensordot(tf.exp(tf.nn.log_softmax(self.logits)), self.outcomes, 1)
