"""PyTorch with `torch.compile` and its fused Adam."""

import functools

from benchmarks.performance.systems import pytorch

make = functools.partial(pytorch.make, is_compiled=True)
