"""The same bound without `[training] threads`: TensorFlow shares out single operations."""

import functools

from benchmarks.performance.systems import likelihood_tfvae

make = functools.partial(likelihood_tfvae.make, threads=None)
