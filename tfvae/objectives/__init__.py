"""Objectives: Inference -> terms to minimise, in nats per example."""

from tfvae.objectives.capacity import CapacityELBO
from tfvae.objectives.constraints import DistortionBelow, RateBelow
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.geco import GECO
from tfvae.objectives.gradients import (
    DoublyReparameterized,
    PartiallyImportanceWeighted,
    Pathwise,
    StickingTheLanding,
)
from tfvae.objectives.importance_weighted import ImportanceWeightedELBO
from tfvae.objectives.multi_rate import MultiRate
from tfvae.objectives.objective import Objective
from tfvae.objectives.reconstruction import Reconstruction

__all__ = [
    "ELBO",
    "GECO",
    "CapacityELBO",
    "DistortionBelow",
    "DoublyReparameterized",
    "ImportanceWeightedELBO",
    "MultiRate",
    "Objective",
    "PartiallyImportanceWeighted",
    "Pathwise",
    "RateBelow",
    "Reconstruction",
    "StickingTheLanding",
]
