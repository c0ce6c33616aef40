"""Priors: nothing or a condition -> p(z)."""

from tfvae.priors.prior import Prior
from tfvae.priors.standard_normal import StandardNormal

__all__ = ["Prior", "StandardNormal"]
