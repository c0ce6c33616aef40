"""AutoregressiveFlow: p(z) by a masked autoregressive flow (MAF)."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.networks.masked import MADE
from tfvae.normals import MultivariateNormalDiag
from tfvae.priors.checks import check_count, check_one_group
from tfvae.priors.maximum_likelihood import maximize_likelihood
from tfvae.priors.prior import Prior
from tfvae.priors.spread import spread_of

tfb, tfd = tfp.bijectors, tfp.distributions

MINIMAL_STDDEV = 0.01  # of what is fitted, in units of the stddev of the codes
NOISE = 2  # its stream, beside those of `maximize_likelihood`


@keras.saving.register_keras_serializable("tfvae")
class AutoregressiveFlow(Prior):
    """A standard normal u, made into z by flows z_i = mean_i(z_<i) + exp(log_scale_i(z_<i)) u_i.

    The order of the latents is reversed between flows. At the start it is N(0, I). A density takes one pass through
    each network, a sample L of them, one after the other. Of L = 1 latent it makes a normal.

    Args:
        num_flows: Number of flows.
        hidden_sizes: Width of each hidden layer of a flow's network.

    Raises:
        ValueError: If a size is not a positive integer.

    Reference:
        Papamakarios, Pavlakou and Murray, 2017. Masked Autoregressive Flow for Density Estimation, equations 3 and 5.
        https://arxiv.org/abs/1705.07057
    """

    can_fit = True

    def __init__(self, num_flows=4, hidden_sizes=(64, 64), **kwargs):
        super().__init__(**kwargs)
        self.num_flows = check_count("num_flows", num_flows)
        self.networks = [MADE(2, hidden_sizes, "tanh") for _ in range(num_flows)]

    def build(self, latent_shape):
        check_one_group(self, latent_shape)
        self.latent_size = latent_shape[-1]
        for network in self.networks:
            network.build((None, self.latent_size))
        affine = {"shape": (self.latent_size,), "initializer": "zeros", "trainable": False}
        self.shift = self.add_weight(name="shift", **affine)  # both set by `fit` alone
        self.log_scale = self.add_weight(name="log_scale", **affine)

    def call(self, encode=None):
        shift, log_scale = tf.convert_to_tensor(self.shift), tf.convert_to_tensor(self.log_scale)
        reverse = tfb.Permute(np.arange(self.latent_size)[::-1])
        flows = [bijector for network in self.networks for bijector in (_flow(network), reverse)][:-1]
        base = MultivariateNormalDiag(tf.zeros(self.latent_size), tf.ones(self.latent_size))
        return tfd.TransformedDistribution(base, tfb.Chain([tfb.Shift(shift), tfb.Scale(log_scale=log_scale), *flows]))

    def fit(self, codes, seed):
        """Fits the flows to codes [N, L] by Adam, from the integer `seed`, after shifting and scaling to unit stddev.

        Noise of a hundredth of the spread is added to the codes: where they fill fewer than L dimensions, the density
        would grow without end. It costs some 1e-4 nats per dimension.
        """
        codes, spread = np.asarray(codes, "float32"), spread_of(codes).astype("float32")
        self.shift.assign(codes.mean(axis=0, dtype="float64"))
        self.log_scale.assign(np.log(spread))
        noise = tf.random.stateless_normal(codes.shape, tf.constant([seed & 0x7FFFFFFF, NOISE], "int32"))
        weights = [weight for network in self.networks for weight in network.weights]
        maximize_likelihood(lambda z: self().log_prob(z), weights, codes + MINIMAL_STDDEV * spread * noise, seed)


def _flow(network):
    # A function of its own for each distribution: TFP caches results across bijectors that it finds equal, and would
    # return those of earlier weights.
    return tfb.MaskedAutoregressiveFlow(lambda z: network(z))
