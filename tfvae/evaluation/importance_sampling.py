"""log p(x) from importance samples of the posterior."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

CHUNK = 500  # samples of an example that are in memory at a time, and that share a seed
BLOCK = 2000  # decoded images that are in memory at a time


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


def log_likelihood(model, x, num_samples=5000, seed=0):
    """log p(x) of each example by the importance-weighted bound, in nats: [B, *event] -> [B].

    The estimate lies below log p(x) on average, and rises to it as `num_samples` grows.
    """
    return importance_weighted_bound(model, x, num_samples, seed).log_likelihood


def no_progress(total, unit):
    """A progress bar that shows nothing."""
    return tqdm(total=total, unit=unit, disable=True)


def importance_weighted_bound(model, x, num_samples=5000, seed=0, progress=no_progress, context=None):
    """The importance-weighted bound of each example, with its errors.

    The samples of an example are keyed by `seed` and the example's place in `x`, so that the result is the same however
    the work is cut into blocks; memory does not grow with `num_samples`.

    Args:
        model: A `VAE`.
        x: Examples, [N, *event].
        num_samples: Number S of samples for each example.
        seed: Integer that keys the samples.
        progress: Makes a progress bar from a total and a unit, as `tqdm.tqdm(total=..., unit=...)` would.
        context: What a conditional model depends on: {"condition": [N, K]}.

    Returns:
        A `Bound`.

    Raises:
        ValueError: If `num_samples` is less than 1, or posterior and prior have no densities to weigh samples by.

    Reference:
        Burda et al., 2016. Importance Weighted Autoencoders, eq. 8. https://arxiv.org/abs/1509.00519
    """
    if num_samples < 1:
        raise ValueError(f"`num_samples` must be at least 1. Received: num_samples={num_samples}")
    if not model.has_density:
        raise ValueError("log p(x) needs a posterior and a prior with densities, and this model has not both.")
    context = {name: tf.convert_to_tensor(value) for name, value in (context or {}).items()}
    rows = {**context, "x": tf.convert_to_tensor(x, "float32"), "index": tf.range(len(x))}
    block = max(1, BLOCK // min(CHUNK, num_samples))

    specs = {name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in rows.items()}

    @tf.function(input_signature=[specs])
    def moments(rows):
        return _moments(model.given(rows), rows["x"], rows["index"], num_samples, seed)

    parts = []
    with progress(len(x), "example") as bar:
        for first in range(0, len(x), block):
            chunk = {name: value[first : first + block] for name, value in rows.items()}
            parts.append([m.numpy() for m in moments(chunk)])
            bar.update(len(chunk["x"]))
    return _bound(*(np.concatenate(part) for part in zip(*parts, strict=True)), num_samples)


def _bound(maximum, total, total_of_squares, num_samples):
    effective = total**2 / total_of_squares
    # Delta method: the variance of log(mean w) is about var(w) / (S mean(w)^2).
    error = np.sqrt(np.maximum(1 / effective - 1 / num_samples, 0.0))
    return Bound(maximum + np.log(total / num_samples), error, effective)


def fold_rows(seeds, number):
    """Stateless seeds, int32 [B, 2], for the number-th of several draws of each row."""
    return tf.map_fn(lambda seed: tf.random.fold_in(seed, number), seeds)


def _moments(model, x, index, num_samples, seed):
    """Maximum m of the log-weights, sum of exp(log w - m), and of its square, over all samples: each float64 [B]."""
    shape = tf.shape(index)
    seeds = tf.stack([tf.fill(shape, seed), index], axis=1)
    maximum = tf.fill(shape, tf.constant(-np.inf, "float64"))
    total, squares = tf.zeros(shape, "float64"), tf.zeros(shape, "float64")
    for chunk in tf.range((num_samples + CHUNK - 1) // CHUNK):
        size = tf.minimum(CHUNK, num_samples - chunk * CHUNK)
        z = model.encode_sample(x, fold_rows(seeds, chunk), size)
        log_weights = tf.cast(_log_weights(model.inference(x, z)), "float64")
        higher = tf.maximum(maximum, tf.reduce_max(log_weights, axis=0))
        weights, rescale = tf.exp(log_weights - higher), tf.exp(maximum - higher)
        total = total * rescale + tf.reduce_sum(weights, axis=0)
        squares = squares * rescale**2 + tf.reduce_sum(weights**2, axis=0)
        maximum = higher
    return maximum, total, squares


def _log_weights(inference):
    """log p(x, z) / q(z|x) of each sample, in nats: [S, B]."""
    ratios = [prior.log_prob(z) - posterior.log_prob(z) for posterior, prior, z in inference.latents]
    return inference.likelihood.log_prob(inference.x) + tf.add_n(ratios)
