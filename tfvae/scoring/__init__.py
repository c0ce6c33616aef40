"""Batch scoring: a signature of an exported model over any amount of data, in parts that are whole or not there."""

import importlib

_HOME = {"Scoring": "options", "read": "reading", "score": "job"}

__all__ = ["Scoring", "read", "score"]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"tfvae.scoring.{_HOME[name]}"), name)
    raise AttributeError(f"module 'tfvae.scoring' has no attribute '{name}'")
