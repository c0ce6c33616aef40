"""Posteriors: features -> q(z|x)."""

from tfvae.posteriors.deterministic import Deterministic
from tfvae.posteriors.diagonal_normal import DiagonalNormal
from tfvae.posteriors.full_covariance_normal import FullCovarianceNormal
from tfvae.posteriors.inverse_autoregressive import InverseAutoregressive
from tfvae.posteriors.posterior import Posterior
from tfvae.posteriors.product import Product
from tfvae.posteriors.relaxed_categorical import RelaxedCategorical
from tfvae.posteriors.von_mises_fisher import VonMisesFisher

__all__ = [
    "Deterministic",
    "DiagonalNormal",
    "FullCovarianceNormal",
    "InverseAutoregressive",
    "Posterior",
    "Product",
    "RelaxedCategorical",
    "VonMisesFisher",
]
