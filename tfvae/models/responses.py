"""Responses: how the weights of a linear layer answer to beta."""

from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae.offers import accepted

FIRST = 2.0  # size of the gate's argument at first: gates are nearly open, and the network nearly the one without
CLOSED = -1e-4  # argument from which a square root is 0: the slope there would be infinite, and is at most 50 so
OUTPUT_AXIS = {keras.layers.Dense: -1, keras.layers.Conv2D: -1, keras.layers.Conv2DTranspose: -2}  # of their kernels


class Response(keras.Layer):
    """A linear layer's weights as functions of beta: W(beta) = gate * W, b(beta) = gate * b + drift * log(beta).

    Each of the layer's U outputs has a gate = f(slope * log(beta) + offset) of its own: scaled weights give scaled
    pre-activations, so that this is the gate of the paper (a hypernetwork with 2 weights for each unit), and folding
    it in leaves an ordinary layer. The drift is ours. With gates alone a posterior can hardly widen as beta grows:
    the logarithm of its optimal variance grows by log(beta) in the linear case, by adding and not by scaling. (On
    digits, one training of 300 epochs between 0.1 and 8: loss at beta = 0.1 15.7 nats without, 14.6 with it; at
    beta = 8 27.9 and 27.4.) At beta = 1 there is no drift.

    In the linear case, with data of variance lambda along an axis, noise of variance s and decoder weight w, the best
    decoder has w^2 = lambda - beta s, so w = sqrt(lambda) sqrt(1 - exp(log(beta) + log(s / lambda))), and 0 where
    that is none; the best encoder for a given w has weight (1 / w) sigmoid(-log(beta) - log(s / w^2)). Hence the two
    functions f below.

    Args:
        units: Number U of outputs of the layer.
        has_drift: Whether the layer has a bias, in which there can be a drift.

    Reference:
        Bae et al., 2022. Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve.
        https://arxiv.org/abs/2212.03905
    """

    first = FIRST

    def __init__(self, units, has_drift=True, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units, self.has_drift = units, has_drift

    def build(self, input_shape=None):
        settings = {"shape": (self.units,), "autocast": False}
        self.slope = self.add_weight(name="slope", initializer="zeros", **settings)
        self.offset = self.add_weight(name="offset", initializer=keras.initializers.Constant(self.first), **settings)
        if self.has_drift:
            self.drift = self.add_weight(name="drift", initializer="zeros", **settings)

    def folded(self, layer, log_beta):
        """[(variable of the layer, its value at beta)]; the layer stays with its network, and is not kept here."""
        gate = self.gate(self.slope * log_beta + self.offset)
        kernel = layer.kernel * (gate if output_axis(layer) == -1 else gate[:, tf.newaxis])
        if not self.has_drift:
            return [(layer.kernel, kernel)]
        return [(layer.kernel, kernel), (layer.bias, gate * layer.bias + self.drift * log_beta)]

    @abstractmethod
    def gate(self, x):
        """f, from 0 to 1: [U] -> [U]."""


class SigmoidResponse(Response):
    """f(x) = 1 / (1 + exp(-x)), for encoders."""

    def gate(self, x):
        return tf.sigmoid(x)


class SquareRootResponse(Response):
    """f(x) = sqrt(max(0, 1 - exp(x))), for decoders: a unit that is not worth its rate is off."""

    first = -FIRST

    def gate(self, x):
        is_open = x < CLOSED
        # Filled before, and not only masked after: the gradient of a root of 0 is infinite, and times 0 is NaN.
        return tf.where(is_open, tf.sqrt(-tf.math.expm1(tf.where(is_open, x, -1.0))), 0.0)


def response_to_beta(kind, layer):
    """A built `Response` of a class for a built layer."""
    response = kind(layer.kernel.shape[output_axis(layer)], layer.use_bias)
    response.build()
    return response


def output_axis(layer):
    """The axis of a layer's kernel that runs over its outputs."""
    return next(axis for kind, axis in OUTPUT_AXIS.items() if isinstance(layer, kind))


def linear_layers(network):
    """The layers of a network, itself included, whose weights can answer to beta; others are the same for all betas."""
    return [layer for layer in network._flatten_layers() if isinstance(layer, tuple(OUTPUT_AXIS))]


def heads_of_posterior(posterior):
    """The linear maps from features to variational parameters, one for each factor of a product."""
    heads = [getattr(layer, "parameters", None) for layer in posterior._flatten_layers()]
    return [head for head in heads if isinstance(head, keras.layers.Dense)]


def heads_of_likelihood(likelihood):
    """The linear maps from features to parameters of x: in the layers of the likelihood that are built for an event.

    Other layers may belong to the distribution that the likelihood returns, which calls them after beta is gone.
    """
    inner = [layer for layer in likelihood._flatten_layers(include_self=False) if accepted(layer.build, event_shape=())]
    heads = {id(head): head for layer in inner for head in linear_layers(layer)}
    return list(heads.values())
