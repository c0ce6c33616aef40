"""AutoregressiveCategorical: p(c) of discrete codes, one after the other."""

import itertools

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.networks.masked import MaskedDense, spread
from tfvae.priors.checks import check_count, check_counts, check_one_group
from tfvae.priors.maximum_likelihood import maximize_likelihood
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class AutoregressiveCategorical(Prior):
    """p(c) = prod_i p(c_i | c_1 .. c_(i-1)) of n codes from K classes each, for the indices of a VQ-VAE.

    Each code is embedded; masked layers as in MADE turn the embeddings before place i into features of place i, from
    which one linear map, shared by all places, and a bias of each place make its logits. At the start all classes are
    equally probable. A probability takes one pass through the network, a sample n of them, one after the other.

    It is built for latent_shape (n,), and its events are int32 [n], the classes 0 to K - 1.

    Args:
        num_classes: Number K of classes.
        hidden_sizes: Width of each hidden layer.
        embedding_size: Size of the embedding of a code, and of the features of a place.

    Raises:
        ValueError: If a size is not a positive integer.

    Reference:
        Germain et al., 2015. MADE: Masked Autoencoder for Distribution Estimation. https://arxiv.org/abs/1502.03509
        Van den Oord, Vinyals and Kavukcuoglu, 2017. Neural Discrete Representation Learning, section 3.3 (which takes
        a PixelCNN). https://arxiv.org/abs/1711.00937
    """

    support = "discrete codes"
    has_density = False
    can_fit = True

    def __init__(self, num_classes, hidden_sizes=(512,), embedding_size=32, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = check_count("num_classes", num_classes)
        self.hidden_sizes = check_counts("hidden_sizes", hidden_sizes)
        self.embedding_size = check_count("embedding_size", embedding_size)

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]
        places = np.repeat(np.arange(1, self.latent_size + 1), self.embedding_size)
        first = min(1, self.latent_size - 1)  # of a single place all units are constants
        hidden = [spread(first, self.latent_size, width) for width in self.hidden_sizes]
        degrees = [places, *hidden]
        self.hidden = [MaskedDense(i[:, None] <= j) for i, j in itertools.pairwise(degrees)]
        self.hidden_to_features = MaskedDense(degrees[-1][:, None] < places)
        self.inputs_to_features = MaskedDense(places[:, None] < places, use_bias=False)
        for layer in (*self.hidden, self.hidden_to_features, self.inputs_to_features):
            layer.build(None)
        normal = keras.initializers.RandomNormal(stddev=1.0)
        shape = (self.num_classes, self.embedding_size)
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer=normal)
        self.kernel = self.add_weight(name="kernel", shape=shape[::-1], initializer="zeros")
        shape = (self.latent_size, self.num_classes)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, encode=None):
        return _Autoregressive(self, self.latent_size)

    def features(self, codes):
        """Features of each place, made of the codes before it: int [N, n] -> [N, n, embedding_size]."""
        inputs = tf.reshape(tf.gather(self.embeddings, codes), [-1, self.latent_size * self.embedding_size])
        units = inputs
        for layer in self.hidden:
            units = tf.nn.relu(layer(units))
        features = self.hidden_to_features(units) + self.inputs_to_features(inputs)
        return tf.nn.relu(tf.reshape(features, [-1, self.latent_size, self.embedding_size]))

    def log_prob(self, codes):
        """log p(codes) in nats: int [N, n] -> [N]."""
        logits = self.features(codes) @ self.kernel + self.bias
        return tf.reduce_sum(tfd.Categorical(logits).log_prob(codes), -1)

    def sample(self, count, seed):
        """`count` draws, int32 [count, n], from a stateless seed, int32 [2]."""

        def draw(place, codes):
            logits = self.features(codes)[:, place] @ self.kernel + self.bias[place]
            chosen = tfd.Categorical(logits).sample(seed=tf.random.fold_in(seed, place))
            is_here = tf.range(self.latent_size) == place
            return place + 1, tf.where(is_here, chosen[:, tf.newaxis], codes)

        start = tf.constant(0), tf.zeros([count, self.latent_size], "int32")
        return tf.while_loop(lambda *_: True, draw, start, maximum_iterations=self.latent_size)[1]

    def fit(self, codes, seed):
        """Fits the weights to codes, int [N, n], by Adam, from the integer `seed`."""
        maximize_likelihood(self.log_prob, self.weights, tf.cast(codes, "int32"), seed)


class _Autoregressive(tfd.Distribution):
    """The distribution of an `AutoregressiveCategorical`, over int32 [n]."""

    def __init__(self, prior, size):
        parameters = {"prior": prior, "size": size}
        super().__init__("int32", tfd.NOT_REPARAMETERIZED, False, True, parameters)
        self.prior, self.size = prior, size

    def _event_shape(self):
        return tf.TensorShape([self.size])

    def _event_shape_tensor(self):
        return tf.constant([self.size])

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], "int32")

    def _sample_n(self, n, seed=None):
        return self.prior.sample(n, seed)

    def _log_prob(self, codes):
        rows = tf.reshape(codes, [-1, self.size])
        return tf.reshape(self.prior.log_prob(rows), tf.shape(codes)[:-1])
