"""InverseAutoregressive: q(z|x) as a normal bent by inverse autoregressive flows (IAF)."""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.networks.masked import MADE
from tfvae.normals import MultivariateNormalDiag
from tfvae.posteriors.checks import check_positive_integer
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.posteriors.posterior import Posterior

tfb, tfd = tfp.bijectors, tfp.distributions

LARGEST = 1e15  # of u far outside the support: its density is 0, and the logarithm a finite number


@keras.saving.register_keras_serializable("tfvae")
class InverseAutoregressive(Posterior):
    """q(z|x): a diagonal normal sample u, made into z by flows z_i = 2 sigmoid(s_i) u_i + m_i, s and m from u_<i and x.

    Every second flow takes the latents in reverse order. At the start q(z|x) is the diagonal normal. Where the paper
    has sigmoid(s) u + (1 - sigmoid(s)) m, the scale here is 1 for s = 0, so that a flow of zero weights is the
    identity; it stays below 2 and cannot overflow.

    A sample and the density of that very tensor take one pass through each network. The density anywhere else takes L,
    one after the other. There is no mean in closed form: the code is the image of the base's mean.

    Args:
        latent_size: Number L of latent variables.
        num_flows: Number of flows.
        hidden_sizes: Width of each hidden layer of a flow's network.
        context_size: Number of features of x that the flows see, beside the base's mean and stddev.

    Raises:
        ValueError: If a size is not a positive integer.

    Reference:
        Kingma et al., 2016. Improving Variational Inference with Inverse Autoregressive Flow, algorithm 1 and eq. 13.
        https://arxiv.org/abs/1606.04934
    """

    has_stddev = False

    def __init__(self, latent_size, num_flows=2, hidden_sizes=(64, 64), context_size=32, **kwargs):
        super().__init__(latent_size, **kwargs)
        check_positive_integer("num_flows", num_flows)
        check_positive_integer("context_size", context_size)
        self.context_size = context_size
        self.networks = [MADE(2, hidden_sizes, "elu") for _ in range(num_flows)]

    @property
    def num_parameters(self):
        return 2 * self.latent_size + self.context_size

    def build(self, features_shape):
        super().build(features_shape)
        for network in self.networks:
            network.build((None, self.latent_size), (None, self.context_size))

    def distribution(self, parameters, step=None):
        mean, raw_stddev, context = tf.split(
            parameters, [self.latent_size, self.latent_size, self.context_size], axis=-1
        )
        base = MultivariateNormalDiag(mean, tf.math.softplus(raw_stddev) + MINIMAL_STDDEV)
        flows = [self._flow(i, context) for i in range(len(self.networks))]
        return tfd.TransformedDistribution(base, tfb.Chain(flows[::-1]))

    def code(self, distribution):
        return distribution.bijector.forward(distribution.distribution.mean())

    def _flow(self, i, context):
        flow = InverseAutoregressiveFlow(self.networks[i], context)
        reverse = tfb.Permute(np.arange(self.latent_size)[::-1])
        return tfb.Chain([reverse, flow, reverse]) if i % 2 else flow


class InverseAutoregressiveFlow(tfb.Bijector):
    """u [..., L] -> z = 2 sigmoid(s) u + m in one pass through the network; its inverse takes L passes.

    Args:
        network: `MADE(2)` that makes m and s of u and the context.
        context: [B, C].
    """

    def __init__(self, network, context):
        # Without `parameters` no two are equal: TFP shares cached results between equal bijectors.
        super().__init__(forward_min_event_ndims=1, name="InverseAutoregressiveFlow")
        self._network, self._context, self._last = network, context, (None, None)

    @classmethod
    def _parameter_properties(cls, dtype):
        return {}

    def _forward(self, u):
        m, log_scale = self._shift_and_log_scale(u)
        return tf.exp(log_scale) * u + m

    def _forward_log_det_jacobian(self, u):
        return tf.reduce_sum(self._shift_and_log_scale(u)[1], axis=-1)

    def _inverse(self, z):
        size = self._network.latent_size
        z = tf.ensure_shape(z, [*z.shape[:-1], size])  # TFP forgets the length of an axis that is 1

        def one_more(i, u):
            # The i-th alone: from an unfinished u the later ones overflow, and a masked weight times infinity is NaN.
            m, log_scale = (tf.gather(parameters, i, axis=-1) for parameters in self._evaluate(u))
            u_i = (tf.gather(z, i, axis=-1) - m) * tf.exp(-log_scale)
            u_i = tf.clip_by_value(u_i, -LARGEST, LARGEST)[..., tf.newaxis]
            return i + 1, tf.where(tf.range(size) == i, u_i, u)

        start = tf.constant(0), tf.zeros_like(z) + tf.zeros_like(self._context[..., :1])
        return tf.while_loop(lambda i, u: i < size, one_more, start, maximum_iterations=size)[1]

    def _shift_and_log_scale(self, u):
        if self._last[0] is not u:  # the log-determinant of a sample needs no second pass
            self._last = u, self._evaluate(u)
        return self._last[1]

    def _evaluate(self, u):
        m, s = tf.unstack(self._network(u, self._context), axis=-1)
        return m, math.log(2) + tf.math.log_sigmoid(s)
