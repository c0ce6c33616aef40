"""GatedMLP: fully connected layers, each multiplied by gates."""

import keras

from tfvae.networks.sizes import positive_integers


@keras.saving.register_keras_serializable("tfvae")
class GatedMLP(keras.Layer):
    """Layers h <- f(A h + a) * sigmoid(B h + b): [B, *event] -> [B, hidden_sizes[-1]]. Encoder or decoder.

    Args:
        hidden_sizes: Width of each layer.
        activation: Name of a Keras activation f; None for the identity, as in the papers.

    Raises:
        ValueError: If a width is not a positive integer, or the activation is unknown.

    Reference:
        Dauphin et al., 2017. Language Modeling with Gated Convolutional Networks, equation 1.
        https://arxiv.org/abs/1612.08083
        Tomczak and Welling, 2018. VAE with a VampPrior, section 5. https://arxiv.org/abs/1705.07120
    """

    def __init__(self, hidden_sizes, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.hidden_sizes = positive_integers("hidden_sizes", hidden_sizes)
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.linear = [self.dense(size, activation) for size in self.hidden_sizes]
        self.gates = [self.dense(size, "sigmoid") for size in self.hidden_sizes]

    def dense(self, size, activation):
        return keras.layers.Dense(size, activation=activation, dtype=self.dtype_policy)

    def build(self, input_shape):
        shape = self.flatten.compute_output_shape(tuple(input_shape))
        for linear, gate in zip(self.linear, self.gates, strict=True):
            linear.build(shape)
            gate.build(shape)
            shape = linear.compute_output_shape(shape)

    def call(self, x):
        features = self.flatten(x)
        for linear, gate in zip(self.linear, self.gates, strict=True):
            features = linear(features) * gate(features)
        return features

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.hidden_sizes[-1])
