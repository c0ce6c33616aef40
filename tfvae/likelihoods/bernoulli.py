"""Bernoulli: p(x|z) of binary images."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions

GROUP = 100  # largest number of probabilities to multiply: each is at least 1/2, and 2^-126 is float32's least


class IndependentBernoulli(tfd.Independent):
    """Independent Bernoulli variables by their logits l: log p(x) = sum_i x_i l_i - log(1 + e^l_i).

    Half the time of TFP's goes into the logarithms of the pixels. Here log(1 + e^l) = max(l, 0) - log sigmoid(|l|), and
    the logarithm is taken of products of sigmoids; the gradient, x - sigmoid(l), is stated rather than derived. The
    error is that of float32 in a sum over the pixels, 1e-7 nats for each, also where log p(x) is smaller than that.
    """

    def _log_prob(self, x):
        logits, rank = self.distribution.logits, int(tf.get_static_value(self.reinterpreted_batch_ndims))
        return _log_prob(_flat(tf.cast(x, logits.dtype), rank), _flat(logits, rank))


@keras.saving.register_keras_serializable("tfvae")
class Bernoulli(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(logit_i(z))), for x_i in {0, 1}."""

    discrete = True
    binary = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.logits = Parameters()

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.logits.build(features_shape, event_shape)

    def call(self, features):
        return IndependentBernoulli(tfd.Bernoulli(logits=self.logits(features), dtype="float32"), self.event_rank)


@tf.custom_gradient
def _log_prob(x, logits):
    """x [..., D], logits [..., D] -> log p(x) in nats, [...]."""
    ones = tf.sigmoid(logits)  # the probability of a 1; that of the likelier value is sigmoid(|l|)
    least = tf.reduce_sum(x * logits - tf.nn.relu(logits), axis=-1)

    def gradient(upstream):
        upstream = upstream[..., tf.newaxis]
        return _summed_to(tf.shape(x), upstream * logits), _summed_to(tf.shape(logits), upstream * (x - ones))

    return least + _sum_of_logs(tf.maximum(ones, 1 - ones)), gradient


def _sum_of_logs(probabilities):
    """Sum of the logarithms of numbers between 1/2 and 1: [..., D] -> [...]."""
    size = probabilities.shape[-1]
    group = max(divisor for divisor in range(1, GROUP + 1) if size % divisor == 0)
    shape = tf.concat([tf.shape(probabilities)[:-1], [size // group, group]], 0)
    products = tf.reduce_prod(tf.reshape(probabilities, shape), axis=-1)
    return tf.reduce_sum(tf.math.log(products), axis=-1)


def _summed_to(shape, gradient):
    """The gradient of something that was broadcast from a shape."""
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=shape, s1=tf.shape(gradient))
    return tf.reshape(tf.reduce_sum(gradient, axes), shape)


def _flat(x, rank):
    """[..., *event] -> [..., D]."""
    return tf.reshape(x, tf.concat([tf.shape(x)[: tf.rank(x) - rank], [x.shape[-rank:].num_elements()]], 0))
