"""Serving: from a trained model to a numbered directory that TF Serving loads, a server of it, and its client.

The names below load TensorFlow when they are first used: the client of REST does without.
"""

import importlib

_HOME = {
    "bless": "blessing",
    "export": "exporting",
    "promote": "registry",
    "prune": "registry",
    "push": "registry",
    "rollback": "registry",
    "validate": "validation",
}

__all__ = ["bless", "export", "promote", "prune", "push", "rollback", "validate"]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"tfvae.serving.{_HOME[name]}"), name)
    raise AttributeError(f"module 'tfvae.serving' has no attribute '{name}'")
