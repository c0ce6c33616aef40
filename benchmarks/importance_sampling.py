"""How fast the importance-weighted bound of a run's test set is, against what the machine's matrix products allow.

    TFDS_DATA_DIR=... python benchmarks/importance_sampling.py runs/mnist --num-samples 5000 --num-examples 200

Prints images per second, with the first and the last block and all tracing in the time; the peak resident memory of the
process; the machine's best rate of float32 matrix products, measured before and after; and which share of it the
products of the model's decoder alone come to. On a machine that others use as well, both rates are what was left.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae import jobs
from tfvae.data import pipeline
from tfvae.evaluation import importance_weighted_bound
from tfvae.experiment import load_model
from tfvae.run_directory import load_run, open_data

SIZE, REPETITIONS = 2048, 8  # of the matrix product


def main():
    """Measures once and prints."""
    arguments = parsed()
    experiment, model = load_run(arguments.run), load_model(arguments.run)
    splits, _ = open_data(arguments.run, experiment)
    batches = pipeline.ordered_batches(splits.test, experiment.data.batch_size)
    number = min(arguments.num_examples or splits.test.num_examples, splits.test.num_examples)
    peak = matrix_product_rate()
    start = time.perf_counter()
    bound = importance_weighted_bound(
        model, batches, arguments.num_samples, progress=jobs.progress_bar, num_examples=number
    )
    seconds = time.perf_counter() - start
    peak = max(peak, matrix_product_rate())
    rate = number * arguments.num_samples * operations_per_sample(model) / seconds
    print(f"negative log-likelihood    {-bound.log_likelihood.mean():.3f} nats/example, {number} examples")
    print(f"time                       {seconds:.1f} s, {number / seconds:.1f} images/s")
    print(f"peak resident memory       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    print(f"matrix products, machine   {peak / 1e9:.0f} GFLOP/s")
    print(f"matrix products, decoder   {rate / 1e9:.0f} GFLOP/s, {rate / peak:.2f} of the machine's")


def parsed():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="directory of a run of `tfvae train`")
    parser.add_argument("--num-samples", type=int, default=5000, help="importance samples of an image")
    parser.add_argument("--num-examples", type=int, help="the first so many test images; all unless given")
    return parser.parse_args()


def matrix_product_rate():
    """Best rate of float32 matrix products in FLOP/s."""
    a = tf.random.stateless_normal([SIZE, SIZE], (0, 0))
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        tf.matmul(a, a).numpy()
        times.append(time.perf_counter() - start)
    return 2 * SIZE**3 / np.min(times)


def operations_per_sample(model):
    """FLOP of the matrix products that one sample of z goes through: two for each weight of a dense layer."""
    shapes = [weight.shape for part in (model.decoder, model.likelihood) for weight in part.weights]
    if any(len(shape) > 2 for shape in shapes):
        raise SystemExit("This counts the operations of dense layers only, and the decoder has others.")
    return sum(2 * shape[0] * shape[1] for shape in shapes if len(shape) == 2)


if __name__ == "__main__":
    main()
