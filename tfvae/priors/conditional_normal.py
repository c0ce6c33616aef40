"""ConditionalNormal: p(z|c), a normal whose moments depend on a condition."""

import keras
import tensorflow as tf

from tfvae.normals import MultivariateNormalDiag
from tfvae.priors.checks import check_count, check_counts, check_one_group
from tfvae.priors.mixture_of_normals import MINIMAL_STDDEV, UNIT
from tfvae.priors.prior import Prior


@keras.saving.register_keras_serializable("tfvae")
class ConditionalNormal(Prior):
    """p(z|c) = N(z; mean(c), diag(stddev(c)^2)), with ReLU layers before both; at the start it is N(0, I).

    Args:
        condition_size: Size C of the condition.
        hidden_sizes: Width of each hidden layer.

    Call arguments:
        condition: float32 [B, C].

    Raises:
        ValueError: If a size is not a positive integer, or no condition is given.

    Reference:
        Sohn, Lee and Yan, 2015. Learning Structured Output Representation using Deep Conditional Generative Models,
        section 4.1.
    """

    def __init__(self, condition_size, hidden_sizes=(), **kwargs):
        super().__init__(**kwargs)
        self.condition_size = check_count("condition_size", condition_size)
        self.hidden_sizes = check_counts("hidden_sizes", hidden_sizes)
        self.hidden = [keras.layers.Dense(size, activation="relu", dtype="float32") for size in self.hidden_sizes]

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        shape = (None, self.condition_size)
        self.parameters = keras.layers.Dense(2 * latent_shape[-1], kernel_initializer="zeros", dtype="float32")
        for layer in (*self.hidden, self.parameters):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, encode=None, condition=None):
        if condition is None:
            raise ValueError("`condition` must be given to a prior that depends on it. Received: condition=None")
        features = condition
        for layer in self.hidden:
            features = layer(features)
        mean, raw_stddev = tf.split(self.parameters(features), 2, axis=-1)
        return MultivariateNormalDiag(mean, tf.math.softplus(raw_stddev + UNIT) + MINIMAL_STDDEV)
