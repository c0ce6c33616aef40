"""MADE: the masked autoregressive network of flows, in which output i sees the inputs before i alone."""

import keras
import numpy as np
import tensorflow as tf

from tfvae.networks.sizes import positive_integer, positive_integers


@keras.saving.register_keras_serializable("tfvae")
class MADE(keras.Layer):
    """Masked fully connected layers: z [..., L] -> [..., L, num_outputs], row i a function of z_1 .. z_(i-1) alone.

    Every unit has a degree, the number of leading inputs it may see: 1 .. L for the inputs, spread evenly within each
    hidden layer (in sequence, not at random as in the paper). A hidden unit of degree m sees units of degree <= m, and
    output i sees units of degree < i, inputs too: these direct connections reach what hidden layers narrower than L
    leave out. A context has degree 0, so that all units see all of it.

    All layers into the outputs start at zero, so that every output is zero at first; the others start by Glorot and
    Bengio's rule for the unmasked layer. Weights and results are float32 under mixed precision too.

    Args:
        num_outputs: Number of outputs for each input.
        hidden_sizes: Width of each hidden layer.
        activation: Name of a Keras activation, applied after every hidden layer.

    Call arguments:
        z: [..., L].
        context: [..., C] whose leading axes broadcast with those of z. Given if and only if `build` got its shape:
            `build(z_shape, context_shape=None)`.

    Raises:
        ValueError: If a size is not a positive integer, the activation is unknown, or the context is missing or not
            expected.

    Reference:
        Germain et al., 2015. MADE: Masked Autoencoder for Distribution Estimation, sections 3 and 4.
        https://arxiv.org/abs/1502.03509
    """

    def __init__(self, num_outputs, hidden_sizes=(64, 64), activation="relu", **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.num_outputs = positive_integer("num_outputs", num_outputs)
        self.hidden_sizes = positive_integers("hidden_sizes", hidden_sizes)
        self.activation = keras.activations.get(activation)

    def build(self, z_shape, context_shape=None):
        self.latent_size, self.has_context = z_shape[-1], context_shape is not None
        inputs = np.arange(1, self.latent_size + 1)
        outputs = np.repeat(inputs, self.num_outputs)
        first = 0 if self.has_context or self.latent_size == 1 else 1  # without context, degree 0 is a constant
        hidden = [spread(first, self.latent_size, width) for width in self.hidden_sizes]
        pairs = zip([inputs, *hidden[:-1]], hidden, strict=True)
        self.hidden = [MaskedDense(below[:, None] <= above) for below, above in pairs]
        self.hidden_to_outputs = MaskedDense(hidden[-1][:, None] < outputs, "zeros")
        self.inputs_to_outputs = MaskedDense(inputs[:, None] < outputs, "zeros", use_bias=False)
        for layer in (*self.hidden, self.hidden_to_outputs, self.inputs_to_outputs):
            layer.build(None)
        if self.has_context:
            self.build_context(context_shape, len(outputs))

    def build_context(self, context_shape, num_units):
        settings = {"use_bias": False, "dtype": "float32"}
        self.context_to_hidden = keras.layers.Dense(self.hidden_sizes[0], **settings)
        self.context_to_outputs = keras.layers.Dense(num_units, kernel_initializer="zeros", **settings)
        self.context_to_hidden.build(context_shape)
        self.context_to_outputs.build(context_shape)

    def call(self, z, context=None):
        if self.has_context != (context is not None):  # either would change the density without a word
            raise ValueError("`context` must be given if and only if `build` got the shape of one.")
        z = tf.ensure_shape(z, [*z.shape[:-1], self.latent_size])  # TFP forgets the length of an axis that is 1
        first, *others = self.hidden
        units, outputs = first(z), self.inputs_to_outputs(z)
        if self.has_context:
            units, outputs = units + self.context_to_hidden(context), outputs + self.context_to_outputs(context)
        units = self.activation(units)
        for layer in others:
            units = self.activation(layer(units))
        outputs = outputs + self.hidden_to_outputs(units)
        return tf.reshape(outputs, tf.concat([tf.shape(outputs)[:-1], [self.latent_size, self.num_outputs]], 0))

    def compute_output_shape(self, z_shape, context_shape=None):
        leading = tf.broadcast_static_shape(tf.TensorShape(z_shape[:-1]), tf.TensorShape((context_shape or (1,))[:-1]))
        return (*leading, self.latent_size, self.num_outputs)


class MaskedDense(keras.Layer):
    """A linear map [..., N] -> [..., M] without the connections that a mask leaves out.

    Args:
        mask: Booleans [N, M], which of the connections there are.
        initializer: Keras initializer of the kernel.
        use_bias: Whether to add a bias.
    """

    def __init__(self, mask, initializer="glorot_uniform", use_bias=True, **kwargs):
        super().__init__(**kwargs, dtype="float32")
        self.mask, self.initializer, self.use_bias = mask.astype("float32"), initializer, use_bias

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=self.mask.shape, initializer=self.initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=self.mask.shape[1:], initializer="zeros")

    def call(self, inputs):
        outputs = tf.tensordot(inputs, self.kernel * self.mask, 1)
        return outputs + self.bias if self.use_bias else outputs


def spread(first, end, width):
    """`width` degrees from `first` to `end` - 1, each as often as the others but for rounding."""
    return first + np.arange(width) * (end - first) // width
