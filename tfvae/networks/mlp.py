"""MLP: fully connected layers over the flattened event."""

import keras

from tfvae.networks.sizes import positive_integers


@keras.saving.register_keras_serializable("tfvae")
class MLP(keras.Layer):
    """Fully connected layers: [B, *event] -> [B, hidden_sizes[-1]]. Encoder or decoder.

    Args:
        hidden_sizes: Width of each layer.
        activation: Name of a Keras activation, applied after every layer.

    Raises:
        ValueError: If a width is not a positive integer, or the activation is unknown.
    """

    def __init__(self, hidden_sizes, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.hidden_sizes = positive_integers("hidden_sizes", hidden_sizes)
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        settings = {"activation": activation, "dtype": self.dtype_policy}
        self.hidden = [keras.layers.Dense(size, **settings) for size in self.hidden_sizes]

    def build(self, input_shape):
        shape = self.flatten.compute_output_shape(tuple(input_shape))
        for layer in self.hidden:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x):
        features = self.flatten(x)
        for layer in self.hidden:
            features = layer(features)
        return features

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.hidden_sizes[-1])
