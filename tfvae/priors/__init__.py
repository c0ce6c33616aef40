"""Priors: nothing or a condition -> p(z)."""

from tfvae.priors.autoregressive_categorical import AutoregressiveCategorical
from tfvae.priors.autoregressive_flow import AutoregressiveFlow
from tfvae.priors.conditional_normal import ConditionalNormal
from tfvae.priors.exemplar_prior import ExemplarPrior
from tfvae.priors.fitted_after_training import FittedAfterTraining
from tfvae.priors.mixture_of_normals import MixtureOfNormals
from tfvae.priors.prior import Prior
from tfvae.priors.product import Product
from tfvae.priors.standard_normal import StandardNormal
from tfvae.priors.uniform_categorical import UniformCategorical
from tfvae.priors.uniform_on_sphere import UniformOnSphere
from tfvae.priors.uniform_relaxed_categorical import UniformRelaxedCategorical
from tfvae.priors.vamp_prior import VampPrior

__all__ = [
    "AutoregressiveCategorical",
    "AutoregressiveFlow",
    "ConditionalNormal",
    "ExemplarPrior",
    "FittedAfterTraining",
    "MixtureOfNormals",
    "Prior",
    "Product",
    "StandardNormal",
    "UniformCategorical",
    "UniformOnSphere",
    "UniformRelaxedCategorical",
    "VampPrior",
]
