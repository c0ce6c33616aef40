"""Likelihoods: features -> p(x|z)."""

from tfvae.likelihoods.bernoulli import Bernoulli
from tfvae.likelihoods.categorical import Categorical
from tfvae.likelihoods.continuous_bernoulli import ContinuousBernoulli
from tfvae.likelihoods.discretized_logistic import DiscretizedLogistic
from tfvae.likelihoods.laplace import Laplace
from tfvae.likelihoods.likelihood import Likelihood
from tfvae.likelihoods.mixture_of_discretized_logistics import MixtureOfDiscretizedLogistics
from tfvae.likelihoods.normal import Normal
from tfvae.likelihoods.optimal_scale import OptimalScale
from tfvae.likelihoods.pixel_cnn import PixelCNN
from tfvae.likelihoods.scale import FixedScale, LearnedScale, PixelScale
from tfvae.likelihoods.table import ColumnScale, Table

__all__ = [
    "Bernoulli",
    "Categorical",
    "ColumnScale",
    "ContinuousBernoulli",
    "DiscretizedLogistic",
    "FixedScale",
    "Laplace",
    "LearnedScale",
    "Likelihood",
    "MixtureOfDiscretizedLogistics",
    "Normal",
    "OptimalScale",
    "PixelCNN",
    "PixelScale",
    "Table",
]
