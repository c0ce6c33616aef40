"""log p(x) from importance samples of the posterior."""

import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfvae import devices
from tfvae.evaluation.metrics import mean_of
from tfvae.seeds import fold_rows, row_seeds

CHUNK = 500  # samples of an example that share a seed and, where there are so many, a pass through the decoder
BLOCK = 8 * CHUNK  # decoded images, of one example or several, that one call goes through in passes of a chunk
ROWS = ("x", "index", "condition")  # what a batch may hold that log p(x) depends on


class Bound(NamedTuple):
    """The importance-weighted bound of each example.

    Attributes:
        log_likelihood: log (1/S) sum_s p(x, z_s) / q(z_s|x) in nats, [N].
        standard_error: Its standard error over the draw of the samples, in nats, [N]; by the delta method, and so too
            small where the effective sample size is a few.
        effective_sample_size: (sum w)^2 / sum w^2, between 1 and S, [N].
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray

    def metrics(self):
        """The mean cost, whose second error is that of the samples alone, and how many of them count."""
        size = self.effective_sample_size
        return {
            "negative_log_likelihood": mean_cost(self.log_likelihood, self.standard_error),
            "effective_sample_size": mean_of(size, "samples") | {"minimum": float(size.min())},
        }


def log_likelihood(model, x, num_samples=5000, seed=0):
    """log p(x) of each example by the importance-weighted bound, in nats: [B, *event] -> [B].

    The estimate lies below log p(x) on average, and rises to it as `num_samples` grows.
    """
    return importance_weighted_bound(model, x, num_samples, seed).log_likelihood


def no_progress(total, unit):
    """A progress bar that shows nothing."""
    return tqdm(total=total, unit=unit, disable=True)


def importance_weighted_bound(
    model, x, num_samples=5000, seed=0, progress=no_progress, context=None, num_examples=None
):
    """The importance-weighted bound of each example, with its errors.

    The samples of an example are keyed by `seed` and the example's index, and the examples are cut into blocks of our
    own, so that the result is the same for every batch size and number of devices, all of which take part; memory does
    not grow with `num_samples` or with batches.

    Args:
        model: A `LatentVariableModel`.
        x: Examples in an array, [N, *event], whose indices are their places in it; or an iterable of batches
            {"x": [B, *event], "index": [B], maybe "condition": [B, K]}, which may be read twice.
        num_samples: Number S of samples for each example.
        seed: Integer that keys the samples.
        progress: Makes a progress bar from a total and a unit, as `tqdm.tqdm(total=..., unit=...)` would.
        context: What a conditional model depends on, beside an array: {"condition": [N, K]}.
        num_examples: Number of examples, the first ones; None takes all, and reads batches once more to count them.

    Returns:
        A `Bound`.

    Raises:
        ValueError: If `num_samples` is less than 1, posterior and prior have no densities to weigh samples by, or there
            is no example.

    Reference:
        Burda et al., 2016. Importance Weighted Autoencoders, eq. 8. https://arxiv.org/abs/1509.00519
    """
    if num_samples < 1:
        raise ValueError(f"`num_samples` must be at least 1. Received: num_samples={num_samples}")
    if not model.has_density:
        raise ValueError("log p(x) needs a posterior and a prior with densities, and this model has not both.")
    batches = as_batches(x, context)

    @tf.function
    def moments(rows):
        return _moments(model, rows, num_samples, seed)

    def of_block(rows):
        return [moment[: len(rows["x"])].numpy() for moment in moments(_filled(rows, size))]

    number, parts = count_examples(batches, num_examples), []
    size = min(max(1, BLOCK // min(CHUNK, num_samples)), number)
    with progress(number, "example") as bar:
        for found in on_all_devices(of_block, blocks_of(batches, size, num_examples)):
            parts.append(found)
            bar.update(len(found[0]))
    return _bound(*(np.concatenate(part) for part in zip(*parts, strict=True)), num_samples)


def on_all_devices(function, blocks):
    """What a function gives for each block, in order; each device of the machine calculates one at a time."""
    found, blocks = devices.of_machine(), iter(blocks)

    def on_device(device, block):
        with tf.device(device.name):
            return function(block)

    with ThreadPoolExecutor(len(found)) as pool:
        while group := list(itertools.islice(blocks, len(found))):
            yield from pool.map(on_device, found, group)


def as_batches(examples, context=None):
    """Examples as an iterable of batches: an array [N, *event] is one batch, with the context beside it."""
    if not isinstance(examples, (np.ndarray, tf.Tensor)):
        return examples
    return [{**(context or {}), "x": np.asarray(examples, "float32"), "index": np.arange(len(examples))}]


def count_examples(batches, num_examples=None):
    """Number of examples in batches, unless it is given.

    Raises:
        ValueError: If there is none.
    """
    number = num_examples or sum(len(batch["index"]) for batch in batches)
    if number < 1:
        raise ValueError(f"There must be at least one example. Received: {number}")
    return number


def blocks_of(batches, size, num_examples=None):
    """The first examples in blocks of `size`, the last one smaller, however the batches were cut: dicts of tensors."""
    kept, left = {}, np.inf if num_examples is None else num_examples
    for batch in batches:
        number = int(min(left, len(batch["index"])))
        rows = {name: np.asarray(batch[name])[:number] for name in ROWS if name in batch}
        left -= number
        kept = {name: np.concatenate([kept[name], value]) if kept else value for name, value in rows.items()}
        while len(kept["index"]) >= size:
            yield _tensors({name: value[:size] for name, value in kept.items()})
            kept = {name: value[size:] for name, value in kept.items()}
        if left <= 0:
            break
    if kept and len(kept["index"]):
        yield _tensors(kept)


def mean_cost(log_likelihood, standard_error):
    """Minus the mean of estimates of log p(x), [N] and their errors [N], which make the smaller of its two errors."""
    from_samples = float(np.sqrt(np.sum(standard_error**2)) / len(standard_error))
    return mean_of(-log_likelihood) | {"monte_carlo_standard_error": from_samples, "num_examples": len(log_likelihood)}


def _tensors(rows):
    return {name: tf.constant(value, "int32" if name == "index" else "float32") for name, value in rows.items()}


def bound_of(log_weights):
    """The `Bound` of log-weights, float64 [S, N], that are all at hand."""
    highest = log_weights.max(axis=0)
    weights = np.exp(log_weights - highest)
    return _bound(highest, weights.sum(axis=0), (weights**2).sum(axis=0), len(log_weights))


def _bound(maximum, total, total_of_squares, num_samples):
    effective = total**2 / total_of_squares
    # Delta method: the variance of log(mean w) is about var(w) / (S mean(w)^2).
    error = np.sqrt(np.maximum(1 / effective - 1 / num_samples, 0.0))
    return Bound(maximum + np.log(total / num_samples), error, effective)


def _filled(rows, size):
    """Rows with the last one repeated up to a size: a smaller block would need a graph of its own."""
    missing = size - len(rows["x"])
    return {name: tf.concat([value, tf.repeat(value[-1:], missing, axis=0)], 0) for name, value in rows.items()}


def _moments(model, rows, num_samples, seed):
    """Maximum m of the log-weights, sum of exp(log w - m), and of its square, over all samples: each float64 [B].

    One pass decodes a chunk of an example's samples, or all samples of a few examples, and as many passes run at a time
    as there are cores, up to a block. The weights of the model are read once: read in a loop they keep passes apart.
    """
    number, num_chunks = rows["index"].shape[0], math.ceil(num_samples / CHUNK)
    size = max(1, CHUNK // num_samples)
    num_groups = math.ceil(number / size)
    held = [(weight, tf.identity(weight.value)) for weight in model.trainable_weights]

    def in_pass(i):
        places = tf.minimum(i // num_chunks * size + tf.range(size), number - 1)
        group = {name: tf.gather(value, places) for name, value in rows.items()}
        with keras.StatelessScope(state_mapping=held):
            return _moments_of_chunk(model.given(group), group, i % num_chunks, num_samples, seed)

    spec = (tf.TensorSpec([size], "float64"),) * 3
    passes = tf.range(num_groups * num_chunks)
    at_a_time = min(os.cpu_count(), BLOCK // CHUNK)
    found = tf.map_fn(in_pass, passes, fn_output_signature=spec, parallel_iterations=max(1, at_a_time))
    found = [tf.reshape(moment, [num_groups, num_chunks, size]) for moment in found]
    return [tf.reshape(moment, [-1])[:number] for moment in _merged(*found)]


def _moments_of_chunk(model, rows, chunk, num_samples, seed):
    """The same of one chunk of the samples."""
    are_equal = num_samples <= CHUNK or num_samples % CHUNK == 0
    size = min(CHUNK, num_samples) if are_equal else tf.minimum(CHUNK, num_samples - chunk * CHUNK)
    z = model.encode_sample(rows["x"], fold_rows(row_seeds(seed, rows["index"]), chunk), size)
    log_weights = tf.cast(_log_weights(model.inference(rows["x"], z)), "float64")
    maximum = tf.reduce_max(log_weights, axis=0)
    weights = tf.exp(log_weights - maximum)
    return maximum, tf.reduce_sum(weights, axis=0), tf.reduce_sum(weights**2, axis=0)


def _merged(maximum, total, squares):
    """Moments of several chunks, on axis 1, as those of all their samples."""
    highest = tf.reduce_max(maximum, axis=1)
    rescale = tf.exp(maximum - highest[:, tf.newaxis])
    return highest, tf.reduce_sum(total * rescale, axis=1), tf.reduce_sum(squares * rescale**2, axis=1)


def _log_weights(inference):
    """log p(x, z) / q(z|x) of each sample, in nats: [S, B]."""
    return inference.likelihood.log_prob(inference.x) + inference.log_prior() - inference.log_posterior()
