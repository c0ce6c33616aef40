"""ConvEncoder and ConvDecoder: strided convolutions down to a small grid, and back up to the image's size."""

import math

import keras

from tfvae.networks.sizes import positive_integers

KERNEL_SIZE = 4  # pixels; a multiple of the stride, so that transposed convolutions leave no checkerboard
STRIDE = 2


class Strided(keras.Layer):
    """What both have: one convolution with stride 2 for each entry of `filters`, and one fully connected layer.

    Args:
        filters: Number of filters of each convolution.
        hidden_size: Width of the fully connected layer.
        activation: Name of a Keras activation, applied after every layer.

    Raises:
        ValueError: If a size is not a positive integer, or the image is too small for so many halvings.

    Reference:
        Burgess et al., 2018. Understanding disentangling in beta-VAE, appendix A.1. https://arxiv.org/abs/1804.03599
    """

    convolution = keras.layers.Conv2D

    def __init__(self, filters, hidden_size=256, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_integers("filters", filters)
        self.hidden_size = positive_integers("hidden_size", [hidden_size])[0]
        self.activation = activation
        settings = {"padding": "same", "activation": activation}
        self.convolutions = [self.convolution(n, KERNEL_SIZE, STRIDE, **settings) for n in self.filters]
        self.hidden = keras.layers.Dense(self.hidden_size, activation=activation)

    def build_convolutions(self, shape):
        """Builds the convolutions one after another and returns the shape [B, H, W, C] that they end at."""
        for layer in self.convolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        return shape


@keras.saving.register_keras_serializable("tfvae")
class ConvEncoder(Strided):
    """Convolutions that halve height and width, rounding up, then a fully connected layer: -> [B, hidden_size]."""

    def build(self, input_shape):
        grid_of(tuple(input_shape)[1:], self.filters)
        shape = self.build_convolutions(tuple(input_shape))
        self.flatten = keras.layers.Flatten()
        self.hidden.build((None, math.prod(shape[1:])))

    def call(self, x):
        features = x
        for layer in self.convolutions:
            features = layer(features)
        return self.hidden(self.flatten(features))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.hidden_size)


@keras.saving.register_keras_serializable("tfvae")
class ConvDecoder(Strided):
    """Fully connected layers, then transposed convolutions that double the grid: [B, L] -> [B, H, W, filters[-1]].

    The grid grows past the image where its size is no multiple of 2**len(filters), and is cut to H x W at the end.
    """

    convolution = keras.layers.Conv2DTranspose

    def build(self, input_shape, event_shape):
        self.height, self.width, _ = event_shape
        grid = (*grid_of(event_shape, self.filters), self.filters[0])
        self.to_grid = keras.layers.Dense(math.prod(grid), activation=self.activation)
        self.reshape = keras.layers.Reshape(grid)
        self.hidden.build(tuple(input_shape))
        self.to_grid.build((None, self.hidden_size))
        self.build_convolutions((None, *grid))

    def call(self, z):
        features = self.reshape(self.to_grid(self.hidden(z)))
        for layer in self.convolutions:
            features = layer(features)
        return features[:, : self.height, : self.width]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, self.filters[-1])


def grid_of(event_shape, filters):
    """Height and width in pixels that are left of an image after one halving per entry of `filters`."""
    if len(event_shape) != 3:
        raise ValueError(f"A convolutional network needs images [H, W, C]. Received: event_shape={tuple(event_shape)}")
    height, width, _ = event_shape
    halvings = len(filters)
    if min(height, width) < 2**halvings // 2 + 1:
        raise ValueError(
            f"Images of {height}x{width} pixels cannot be halved {halvings} times: give `filters` fewer entries. "
            f"Received: filters={tuple(filters)}"
        )
    return math.ceil(height / 2**halvings), math.ceil(width / 2**halvings)
