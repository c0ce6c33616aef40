"""Networks: x -> features and z -> features. Any Keras layer serves as well."""

from tfvae.networks.conditioned import Conditioned
from tfvae.networks.convolutional import ConvDecoder, ConvEncoder
from tfvae.networks.corrupted import Corrupted
from tfvae.networks.corruptions import GaussianNoise, Masking, SaltAndPepper
from tfvae.networks.gated_mlp import GatedMLP
from tfvae.networks.mlp import MLP
from tfvae.networks.residual import ResidualDecoder, ResidualEncoder
from tfvae.networks.table_features import TableFeatures

__all__ = [
    "MLP",
    "Conditioned",
    "ConvDecoder",
    "ConvEncoder",
    "Corrupted",
    "GatedMLP",
    "GaussianNoise",
    "Masking",
    "ResidualDecoder",
    "ResidualEncoder",
    "SaltAndPepper",
    "TableFeatures",
]
