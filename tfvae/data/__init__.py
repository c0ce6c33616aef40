"""Data: names -> tf.data of {"x", "label"}. Knows no model. `load` imports TensorFlow when it is first used."""

import importlib

from tfvae.data.options import Data

__all__ = ["Data", "Splits", "load", "open_splits"]


def __getattr__(name):
    if name in __all__:
        return getattr(importlib.import_module("tfvae.data.datasets"), name)
    raise AttributeError(f"module 'tfvae.data' has no attribute '{name}'")
