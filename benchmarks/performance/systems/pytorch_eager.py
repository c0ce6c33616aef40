"""PyTorch, eager."""

from benchmarks.performance.systems.pytorch import make

__all__ = ["make"]
