"""Models: how the parts are connected."""

from tfvae.models.factor_vae import FactorVAE
from tfvae.models.ladder_vae import LadderVAE
from tfvae.models.latent_variable_model import LatentVariableModel
from tfvae.models.multi_rate_vae import MultiRateVAE
from tfvae.models.semi_supervised_vae import SemiSupervisedVAE
from tfvae.models.vae import VAE
from tfvae.models.vq_vae import VQVAE

__all__ = ["VAE", "VQVAE", "FactorVAE", "LadderVAE", "LatentVariableModel", "MultiRateVAE", "SemiSupervisedVAE"]
