"""Likelihoods: features -> p(x|z)."""

from tfvae.likelihoods.bernoulli import Bernoulli
from tfvae.likelihoods.likelihood import Likelihood
from tfvae.likelihoods.normal import Normal
from tfvae.likelihoods.scale import FixedScale, LearnedScale, PixelScale

__all__ = ["Bernoulli", "FixedScale", "LearnedScale", "Likelihood", "Normal", "PixelScale"]
