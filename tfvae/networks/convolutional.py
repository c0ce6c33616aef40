"""ConvEncoder and ConvDecoder: strided convolutions down to a small grid, and back up to the image's size."""

import keras

from tfvae.networks.strided import StridedDecoder, StridedEncoder


@keras.saving.register_keras_serializable("tfvae")
class ConvEncoder(StridedEncoder):
    """Convolutions that halve height and width, rounding up, then a fully connected layer: -> [B, hidden_size].

    Args:
        filters: Number of filters of each convolution.
        hidden_size: Width of the fully connected layer.
        activation: Name of a Keras activation, applied after every layer.

    Raises:
        ValueError: If a size is not a positive integer, or the image is too small for so many halvings.

    Reference:
        Burgess et al., 2018. Understanding disentangling in beta-VAE, appendix A.1. https://arxiv.org/abs/1804.03599
    """

    def stage(self, num_filters):
        return self.strided(num_filters, self.activation)


@keras.saving.register_keras_serializable("tfvae")
class ConvDecoder(StridedDecoder):
    """Fully connected layers, then transposed convolutions that double the grid: [B, L] -> [B, H, W, filters[-1]].

    Arguments, errors and reference as for `ConvEncoder`, and `half_size`: whether to end at half of H and W, for the
    likelihood to make the last doubling straight to its parameters, as in the paper. On two CPU cores a training step
    with the paper's filters then takes half the time. Where the image's height or width is no multiple of the grid's,
    the grid grows past the image and is cut at the end.
    """

    def stage(self, num_filters):
        return self.strided(num_filters, self.activation)
