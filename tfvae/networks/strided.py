"""Strided: what convolutional networks share, stages that halve an image down to a small grid, or double it back."""

import math
from abc import abstractmethod

import keras

from tfvae.networks.sizes import positive_integer, positive_integers

KERNEL_SIZE = 4  # pixels; a multiple of the stride, so that transposed convolutions leave no checkerboard
STRIDE = 2


class Strided(keras.Layer):
    """One stage for each entry of `filters`, and one fully connected layer.

    Args:
        filters: Number of filters of each stage.
        hidden_size: Width of the fully connected layer.
        activation: Name of a Keras activation, applied after every layer.

    Raises:
        ValueError: If a size is not a positive integer, or the image is too small for so many halvings.
    """

    convolution = None  # the Keras class that halves, or doubles, height and width

    def __init__(self, filters, hidden_size=256, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_integers("filters", filters)
        self.hidden_size = positive_integer("hidden_size", hidden_size)
        self.activation = keras.activations.get(activation)

    @abstractmethod
    def stage(self, num_filters):
        """A layer that halves, or doubles, height and width and ends with the activation."""

    def strided(self, num_filters, activation=None):
        """The convolution of a stage."""
        settings = {"padding": "same", "activation": activation, "dtype": self.dtype_policy}
        return self.convolution(num_filters, KERNEL_SIZE, STRIDE, **settings)

    def dense(self, units):
        return keras.layers.Dense(units, activation=self.activation, dtype=self.dtype_policy)

    def build_stages(self, shape):
        """Builds the stages one after another and returns the shape [B, H, W, C] that they end at."""
        self.stages = [self.stage(num_filters) for num_filters in self.filters]
        for stage in self.stages:
            stage.build(shape)
            shape = stage.compute_output_shape(shape)
        return shape


class StridedEncoder(Strided):
    """Stages that halve height and width, rounding up, then a fully connected layer: -> [B, hidden_size]."""

    convolution = keras.layers.Conv2D

    def build(self, input_shape):
        grid_of(tuple(input_shape)[1:], self.filters)
        shape = self.build_stages(tuple(input_shape))
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.hidden = self.dense(self.hidden_size)
        self.hidden.build((None, math.prod(shape[1:])))

    def call(self, x):
        features = x
        for stage in self.stages:
            features = stage(features)
        return self.hidden(self.flatten(features))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.hidden_size)


class StridedDecoder(Strided):
    """Fully connected layers, then stages that double the grid: [B, L] -> [B, H, W, filters[-1]].

    The grid grows past the image where its size is no multiple of 2**len(filters), and is cut to H x W at the end.

    Args:
        filters, hidden_size, activation: As of `Strided`.
        half_size: Whether to end at half of H and W, rounded up: the likelihood makes the last doubling, straight to
            its parameters.
    """

    convolution = keras.layers.Conv2DTranspose

    def __init__(self, filters, hidden_size=256, activation="relu", half_size=False, **kwargs):
        super().__init__(filters, hidden_size, activation, **kwargs)
        self.half_size = half_size

    def build(self, input_shape, event_shape):
        grid = (*grid_of(event_shape, self.filters, self.half_size), self.filters[0])
        scale = 2 if self.half_size else 1
        self.height, self.width = (math.ceil(size / scale) for size in event_shape[:2])
        self.hidden, self.to_grid = self.dense(self.hidden_size), self.dense(math.prod(grid))
        self.reshape = keras.layers.Reshape(grid, dtype=self.dtype_policy)
        self.hidden.build(tuple(input_shape))
        self.to_grid.build((None, self.hidden_size))
        self.build_stages((None, *grid))

    def call(self, z):
        features = self.reshape(self.to_grid(self.hidden(z)))
        for stage in self.stages:
            features = stage(features)
        return features[:, : self.height, : self.width]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, self.filters[-1])


def grid_of(event_shape, filters, more=0):
    """Height and width in pixels that are left of an image after a halving per entry of `filters`, and some more."""
    if len(event_shape) != 3:
        raise ValueError(f"A convolutional network needs images [H, W, C]. Received: event_shape={tuple(event_shape)}")
    height, width, _ = event_shape
    halvings = len(filters) + more
    if min(height, width) < 2**halvings // 2 + 1:
        raise ValueError(
            f"Images of {height}x{width} pixels cannot be halved {halvings} times: give `filters` fewer entries. "
            f"Received: filters={tuple(filters)}"
        )
    return math.ceil(height / 2**halvings), math.ceil(width / 2**halvings)
