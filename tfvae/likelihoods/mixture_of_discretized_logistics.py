"""MixtureOfDiscretizedLogistics: p(x|z) of 8-bit images whose grey levels may have several modes."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.likelihoods.discretized_logistic import logistic
from tfvae.likelihoods.levels import check_levels, number_of_levels
from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class MixtureOfDiscretizedLogistics(Likelihood):
    """p(x|z) = prod_i sum_k w_ik DiscretizedLogistic(x_i; mean_ik, scale_ik), all three functions of z.

    Each element of x has a mixture of its own: no channel or pixel depends on another, where PixelCNN++ lets green and
    blue depend on red. The means of the components start at even distances over the range of grey.

    Args:
        num_components: Number K of components.
        num_levels: Number of grey levels, 256 for 8-bit images.

    Raises:
        ValueError: If `num_components` is not a positive integer, or `num_levels` not one of at least 2.

    Reference:
        Salimans et al., 2017. PixelCNN++, equations 1 and 2. https://arxiv.org/abs/1701.05517
    """

    discrete = True

    def __init__(self, num_components, num_levels=256, **kwargs):
        super().__init__(**kwargs)
        if type(num_components) is not int or num_components < 1:
            raise ValueError(f"`num_components` must be a positive integer. Received: {num_components=}")
        self.num_components, self.num_levels = num_components, number_of_levels("num_levels", num_levels)
        self.parameters = Parameters(3 * num_components)

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.parameters.build(features_shape, event_shape)

    def call(self, features):
        logits, raw_mean, raw_scale = tf.split(self.parameters(features), 3, axis=-1)
        start = (tf.range(self.num_components, dtype="float32") + 0.5) / self.num_components
        components = logistic(start + raw_mean, raw_scale, self.num_levels)
        mixture = _Mixture(tfd.Categorical(logits=logits), components)
        return tfd.Independent(mixture, self.event_rank)

    def check(self, x):
        """Refuses values that are not levels.

        Raises:
            DataError: If some value of `x` is not a multiple of 1 / (num_levels - 1) from 0 to 1.
        """
        check_levels(self, x, self.num_levels)


class _Mixture(tfd.MixtureSameFamily):
    """TFP's mean needs `tf.nn.softmax`, which refuses more than five axes on a CPU, and its samples an example."""

    def _mean(self):
        weights = tf.exp(tf.nn.log_softmax(self.mixture_distribution.logits))
        return tf.reduce_sum(weights * self.components_distribution.mean(), axis=-1)

    def _sample_n(self, n, seed=None):
        choice_seed, seed = tf.unstack(tfp.random.split_seed(seed))
        chosen = tfd.OneHotCategorical(self.mixture_distribution.logits, dtype=self.dtype).sample(n, seed=choice_seed)
        return tf.reduce_sum(chosen * self.components_distribution.sample(n, seed=seed), axis=-1)
