"""Disentanglement: how the dimensions of a code go with known factors of variation, or with those of other runs.

All of it is NumPy on codes [N, L] and integer factors [N, F]; no score depends on the order, sign or scale of the
dimensions, and all are defined for dead dimensions, a constant code and a single factor.
"""

from tfvae.evaluation.disentanglement.beta_vae_score import beta_vae_score
from tfvae.evaluation.disentanglement.dci import dci, dci_of
from tfvae.evaluation.disentanglement.explicitness import explicitness
from tfvae.evaluation.disentanglement.factor_vae_score import factor_vae_score
from tfvae.evaluation.disentanglement.irs import irs
from tfvae.evaluation.disentanglement.model_centrality import Coder, coder_of, model_centrality
from tfvae.evaluation.disentanglement.modularity import modularity
from tfvae.evaluation.disentanglement.mutual_information_gap import (
    binned_mutual_information_gap,
    mutual_information_gap,
)
from tfvae.evaluation.disentanglement.sap import sap
from tfvae.evaluation.disentanglement.scores import disentanglement
from tfvae.evaluation.disentanglement.udr import lasso, spearman, udr

__all__ = [
    "Coder",
    "beta_vae_score",
    "binned_mutual_information_gap",
    "coder_of",
    "dci",
    "dci_of",
    "disentanglement",
    "explicitness",
    "factor_vae_score",
    "irs",
    "lasso",
    "model_centrality",
    "modularity",
    "mutual_information_gap",
    "sap",
    "spearman",
    "udr",
]
