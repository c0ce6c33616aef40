"""ResidualEncoder and ResidualDecoder: strided convolutions as in ConvEncoder and ConvDecoder, and residual blocks."""

import keras

from tfvae.networks.sizes import positive_integer
from tfvae.networks.strided import Strided, StridedDecoder, StridedEncoder


class Residual(Strided):
    """What encoder and decoder share: residual blocks in every stage."""

    def __init__(self, filters, hidden_size=256, num_blocks=1, activation="relu", **kwargs):
        super().__init__(filters, hidden_size, activation, **kwargs)
        self.num_blocks = positive_integer("num_blocks", num_blocks)

    def stage(self, num_filters):
        return ResidualStage(self.strided(num_filters), self.num_blocks, self.activation, dtype=self.dtype_policy)


@keras.saving.register_keras_serializable("tfvae")
class ResidualEncoder(Residual, StridedEncoder):
    """Convolutions that halve height and width, each followed by residual blocks: [B, H, W, C] -> [B, hidden_size].

    The blocks have no batch normalisation, so that an example does not depend on its batch; instead they start as the
    identity, so that features do not grow with depth.

    Args:
        filters: Number of filters of each stage.
        hidden_size: Width of the fully connected layer at the end.
        num_blocks: Number of residual blocks of each stage.
        activation: Name of a Keras activation, applied after every stage and before every convolution in a block.

    Raises:
        ValueError: If a size is not a positive integer, or the image is too small for so many halvings.

    Reference:
        He et al., 2016. Identity Mappings in Deep Residual Networks, figure 1b. https://arxiv.org/abs/1603.05027
        Zhang et al., 2019. Fixup Initialization, from which the zeros at the start. https://arxiv.org/abs/1901.09321
    """


@keras.saving.register_keras_serializable("tfvae")
class ResidualDecoder(Residual, StridedDecoder):
    """Fully connected layers, then stages that double the grid, each with residual blocks: -> [B, H, W, filters[-1]].

    Arguments, errors and reference as for `ResidualEncoder`. Where the image's height or width is no multiple of
    2**len(filters), the grid grows past the image and is cut at the end.
    """


class ResidualStage(keras.Layer):
    """A strided convolution, residual blocks, and the activation."""

    def __init__(self, convolution, num_blocks, activation, **kwargs):
        super().__init__(**kwargs)
        self.convolution, self.activation = convolution, activation
        self.blocks = [ResidualBlock(activation, dtype=self.dtype_policy) for _ in range(num_blocks)]

    def build(self, input_shape):
        self.convolution.build(input_shape)
        for block in self.blocks:
            block.build(self.compute_output_shape(input_shape))

    def call(self, x):
        features = self.convolution(x)
        for block in self.blocks:
            features = block(features)
        return self.activation(features)

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)


class ResidualBlock(keras.Layer):
    """x + W2 f(W1 f(x)), with 3x3 convolutions W1 and W2 and activation f; W2 starts at zero."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, input_shape):
        settings = {"padding": "same", "dtype": self.dtype_policy}
        self.first = keras.layers.Conv2D(input_shape[-1], 3, **settings)
        self.last = keras.layers.Conv2D(input_shape[-1], 3, kernel_initializer="zeros", **settings)
        self.first.build(input_shape)
        self.last.build(input_shape)

    def call(self, x):
        return x + self.last(self.activation(self.first(self.activation(x))))

    def compute_output_shape(self, input_shape):
        return input_shape
