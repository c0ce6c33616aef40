"""Evaluation: numbers about a trained model, per example and in nats."""

from tfvae.evaluation.importance_sampling import importance_weighted_bound, log_likelihood
from tfvae.evaluation.latent_space import active_units, rate_per_dimension
from tfvae.evaluation.measure import measure
from tfvae.evaluation.refinement import refine

__all__ = [
    "active_units",
    "importance_weighted_bound",
    "log_likelihood",
    "measure",
    "rate_per_dimension",
    "refine",
]
