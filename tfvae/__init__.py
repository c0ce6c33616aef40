"""tfvae: variational autoencoders on TensorFlow, from data to a served model.

The names below load TensorFlow when they are first used, not when tfvae is imported.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "data",
    "divergences",
    "evaluation",
    "likelihoods",
    "models",
    "networks",
    "objectives",
    "posteriors",
    "priors",
    "regularizers",
    "schedules",
    "serving",
)

_MODELS = ("FactorVAE", "LadderVAE", "MultiRateVAE", "SemiSupervisedVAE", "VAE", "VQVAE")

__all__ = ["__version__", "load_model", *_MODELS, *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"tfvae.{name}")
    if name in _MODELS:
        return getattr(importlib.import_module("tfvae.models"), name)
    if name == "load_model":
        return importlib.import_module("tfvae.experiment").load_model
    raise AttributeError(f"module 'tfvae' has no attribute '{name}'")
