"""Models: how the parts are connected."""

from tfvae.models.latent_variable_model import LatentVariableModel
from tfvae.models.vae import VAE

__all__ = ["VAE", "LatentVariableModel"]
