"""VampPrior: p(z) as a mixture of posteriors."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.priors.checks import check_count, check_enough_examples, check_one_group
from tfvae.priors.prior import Prior

tfb, tfd = tfp.bijectors, tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class VampPrior(Prior):
    """Mixture of posteriors at learned pseudo-inputs, all of one weight: p(z) = 1/K sum_k q(z | u_k).

    The pseudo-inputs start at training examples and stay in [0, 1]: the optimizer moves them back after each step
    (projected gradient), where the paper clips inside the network, which would stop the gradient of pixels at 0 or 1.
    The encoder receives no condition with them.

    Args:
        num_components: Number K of pseudo-inputs u_k.

    Call arguments:
        encode: The model's `encode`: [K, *event] -> q(z|x) with batch_shape [K].

    Raises:
        ValueError: If `num_components` is not a positive integer or exceeds the number of training examples.

    Reference:
        Tomczak and Welling, 2018. VAE with a VampPrior. https://arxiv.org/abs/1705.07120
    """

    support = None

    def __init__(self, num_components, **kwargs):
        super().__init__(**kwargs)
        self.num_components = check_count("num_components", num_components)
        self.num_examples = self.num_components

    def build(self, latent_shape, event_shape):
        check_one_group(self, latent_shape)
        self.pseudo_inputs = self.add_weight(
            name="pseudo_inputs",
            shape=(self.num_components, *event_shape),
            initializer=keras.initializers.RandomUniform(0.0, 1.0),
            constraint=_UnitInterval(),
        )

    def call(self, encode=None):
        components = tfd.TransformedDistribution(encode(tf.convert_to_tensor(self.pseudo_inputs)), self._repeat())
        return tfd.MixtureSameFamily(tfd.Categorical(tf.zeros(self.num_components)), components)

    def _repeat(self):
        """The identity, which shows z [..., 1, L] to each component as [..., K, L]: flows cannot broadcast it."""
        return tfb.Inline(
            forward_fn=tf.identity,
            inverse_fn=lambda z: tf.repeat(z, self.num_components // tf.shape(z)[-2], axis=-2),
            inverse_log_det_jacobian_fn=lambda z: tf.zeros([]),
            forward_min_event_ndims=1,
            is_constant_jacobian=True,
        )

    def start(self, x, index):
        check_enough_examples("num_components", self.num_components, x)
        self.pseudo_inputs.assign(x)


class _UnitInterval(keras.constraints.Constraint):
    """Clips to [0, 1]."""

    def __call__(self, weight):
        return tf.clip_by_value(weight, 0.0, 1.0)
