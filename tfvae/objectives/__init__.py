"""Objectives: Inference -> terms to minimise, in nats per example."""

from tfvae.objectives.elbo import ELBO
from tfvae.objectives.objective import Objective

__all__ = ["ELBO", "Objective"]
