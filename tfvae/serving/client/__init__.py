"""The client of a served model, over REST or gRPC; REST needs no TensorFlow.

The names below are loaded when they are first used, so that the arguments of `tfvae predict` cost nothing.
"""

import importlib

_HOME = {"Client": "client", "ClientError": "errors"}

__all__ = ["Client", "ClientError"]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"tfvae.serving.client.{_HOME[name]}"), name)
    raise AttributeError(f"module 'tfvae.serving.client' has no attribute '{name}'")
