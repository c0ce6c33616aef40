"""Posteriors: features -> q(z|x)."""

from tfvae.posteriors.diagonal_normal import DiagonalNormal
from tfvae.posteriors.posterior import Posterior

__all__ = ["DiagonalNormal", "Posterior"]
