"""Networks: x -> features and z -> features. Any Keras layer serves as well."""

from tfvae.networks.convolutional import ConvDecoder, ConvEncoder
from tfvae.networks.mlp import MLP

__all__ = ["MLP", "ConvDecoder", "ConvEncoder"]
