"""Regularizers: Inference -> one extra term of the loss."""

from tfvae.regularizers.code_norm import CodeNorm
from tfvae.regularizers.contractive import Contractive
from tfvae.regularizers.covariances import CovarianceOfMeans, CovarianceOfSamples
from tfvae.regularizers.kernels import RBF, InverseMultiquadratic
from tfvae.regularizers.l1_sparsity import L1Sparsity
from tfvae.regularizers.latent_covariance import LatentCovariance
from tfvae.regularizers.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from tfvae.regularizers.regularizer import Regularizer
from tfvae.regularizers.target_rate_sparsity import TargetRateSparsity
from tfvae.regularizers.total_correlation import TotalCorrelation

__all__ = [
    "RBF",
    "CodeNorm",
    "Contractive",
    "CovarianceOfMeans",
    "CovarianceOfSamples",
    "InverseMultiquadratic",
    "L1Sparsity",
    "LatentCovariance",
    "MaximumMeanDiscrepancy",
    "Regularizer",
    "TargetRateSparsity",
    "TotalCorrelation",
]
