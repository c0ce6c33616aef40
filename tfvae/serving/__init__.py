"""Serving: from a trained model to a numbered directory that TF Serving loads."""

from tfvae.serving.export import export
from tfvae.serving.registry import prune, push, rollback
from tfvae.serving.validate import validate

__all__ = ["export", "prune", "push", "rollback", "validate"]
