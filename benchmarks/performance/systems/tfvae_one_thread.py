"""tfvae with one thread for each operation, of which as many run at a time as there are cores."""

import tensorflow as tf

from benchmarks.performance.systems.tfvae import make

__all__ = ["make"]

tf.config.threading.set_intra_op_parallelism_threads(1)
