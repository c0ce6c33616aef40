"""tfvae as `tfvae train` runs it without `[training] threads`: TensorFlow shares out single operations."""

import functools

from benchmarks.performance.systems import tfvae

make = functools.partial(tfvae.make, threads=None)
