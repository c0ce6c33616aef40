"""Evaluation: numbers about a trained model, per example and in nats."""

from tfvae.evaluation.aggregate_posterior import aggregate_posterior
from tfvae.evaluation.annealed_importance_sampling import annealed_importance_sampling, bidirectional_monte_carlo
from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.collapse import code_use
from tfvae.evaluation.gaps import inference_gaps
from tfvae.evaluation.importance_sampling import importance_weighted_bound, log_likelihood
from tfvae.evaluation.latent_space import active_units, rate_per_dimension
from tfvae.evaluation.measure import measure
from tfvae.evaluation.refinement import refine
from tfvae.evaluation.samples import sample_quality

__all__ = [
    "active_units",
    "aggregate_posterior",
    "annealed_importance_sampling",
    "bidirectional_monte_carlo",
    "code_use",
    "codes_of",
    "importance_weighted_bound",
    "inference_gaps",
    "log_likelihood",
    "measure",
    "rate_per_dimension",
    "refine",
    "sample_quality",
]
