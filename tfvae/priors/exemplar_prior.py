"""ExemplarPrior: p(z) as a mixture of normals around the codes of training examples."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.normals import MultivariateNormalDiag
from tfvae.priors.checks import check_count, check_enough_examples, check_one_group
from tfvae.priors.mixture_of_normals import MINIMAL_STDDEV, UNIT
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class ExemplarPrior(Prior):
    """p(z) = 1/M sum_m N(z; code of x_m, stddev^2 I), with M training examples x_m and one learned stddev.

    In training, the component of an example is left out of its own prior, so that it cannot copy itself. All M
    exemplars are encoded for every distribution, where the paper finds the nearest ones. The gradient goes through
    the codes into the encoder. The encoder receives no condition with the exemplars.

    Args:
        num_exemplars: Number M of exemplars, which are the first training examples that are drawn.

    Call arguments:
        code: The model's `code`: [M, *event] -> [M, L].
        index: Places of the examples in the training data, int64 [B]. With it, the result has batch_shape [B] and
            leaves out for each example the exemplar that is itself; without, the result has batch_shape [].

    Raises:
        ValueError: If `num_exemplars` is no integer of at least 2 or exceeds the number of training examples.

    Reference:
        Norouzi, Fleet and Norouzi, 2020. Exemplar VAE, section 3. https://arxiv.org/abs/2004.04795
    """

    def __init__(self, num_exemplars, **kwargs):
        super().__init__(**kwargs)
        self.num_exemplars = check_count("num_exemplars", num_exemplars, minimum=2)  # one can be left out
        self.num_examples = self.num_exemplars

    def build(self, latent_shape, event_shape):
        check_one_group(self, latent_shape)
        self.latent_size, count = latent_shape[-1], self.num_exemplars
        kept = {"initializer": "zeros", "trainable": False}
        self.exemplars = self.add_weight(name="exemplars", shape=(count, *event_shape), **kept)
        self.places = self.add_weight(name="places", shape=(count,), dtype="int64", **kept)
        self.raw_stddev = self.add_weight(name="raw_stddev", shape=(), initializer=keras.initializers.Constant(UNIT))

    def call(self, code=None, index=None):
        means = code(tf.convert_to_tensor(self.exemplars))
        stddev = tf.math.softplus(self.raw_stddev) + MINIMAL_STDDEV
        logits = tf.zeros(self.num_exemplars)
        if index is not None:
            logits = tf.where(index[:, tf.newaxis] == self.places, -float("inf"), logits)
            means = tf.broadcast_to(means, [tf.shape(index)[0], self.num_exemplars, self.latent_size])
        components = MultivariateNormalDiag(means, tf.fill([self.latent_size], stddev))
        return tfd.MixtureSameFamily(tfd.Categorical(logits), components)

    def start(self, x, index):
        check_enough_examples("num_exemplars", self.num_exemplars, x)
        self.exemplars.assign(x)
        self.places.assign(index)
