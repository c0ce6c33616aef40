"""All figures of a model on a set of examples, each with unit and standard error."""

import math

import numpy as np
import tensorflow as tf

from tfvae.evaluation.importance_sampling import importance_weighted_bound, no_progress
from tfvae.evaluation.latent_space import active_units, collapse_verdict, rate_of_rows

GREY_LEVELS = 255  # steps between black and white in an 8-bit image


def measure(model, batches, num_samples=5000, num_examples=None, seed=0, progress=no_progress):
    """Measures a model.

    Args:
        model: A `LatentVariableModel`. What it has no rate, or no density, for is left out.
        batches: tf.data of {"x": [B, *event], "index": [B], ...}, every example once.
        num_samples: Number S of importance samples for each example.
        num_examples: Number of examples, the first ones, for the importance-weighted bound; None takes all.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        {"metrics": {name: {"value", "unit", "standard_error", ...}}, "collapsed", "verdict", "num_examples",
        "num_samples"}, all plain values. Standard errors are those of a mean over examples.
    """

    @tf.function(reduce_retracing=True)
    def step(batch):
        return _of_batch(model, batch, seed)

    parts = [{name: value.numpy() for name, value in step(batch).items()} for batch in batches]
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rates = None
    metrics = {name: mean_of(values[name]) for name in ("negative_elbo", "distortion", "rate") if name in values}
    if model.has_density:
        metrics |= _log_likelihood(model, _rows(batches, parts, num_examples), num_samples, seed, progress)
    if "squared_error" in values:
        metrics["reconstruction_mse"] = mean_of(values["squared_error"], "squared grey value/pixel")
    if model.has_rate:
        rates = values["rates"].mean(axis=0)
        metrics["rate_per_dimension"] = {"value": [float(rate) for rate in rates], "unit": "nats/example"}
    collapsed, verdict = False, "The code is a function of x without noise, so that it cannot collapse onto a prior."
    if model.is_stochastic:  # without noise, nothing says what a large variance of the code would be
        num_active = active_units(values["code"])
        metrics["active_units"] = {"value": num_active, "unit": "dimensions"}
        collapsed, verdict = collapse_verdict(num_active, model.latent_size, rates)
    counts = {"num_examples": len(values["distortion"]), "num_samples": num_samples}
    return {"metrics": metrics, "collapsed": collapsed, "verdict": verdict, **counts}


def mean_of(values, unit="nats/example"):
    """Mean and standard error of per-example values, [N]."""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"value": float(np.mean(values, dtype="float64")), "standard_error": float(error), "unit": unit}


def bits_per_dimension(negative_log_likelihood, num_dimensions, discrete):
    """Bits for each element of x, from nats for the whole.

    A density on [0, 1] is turned into the probability of a grey level by its width, 1/255: without dequantisation an
    approximation, which fails where the density has features finer than a grey level.
    """
    bits = negative_log_likelihood / (num_dimensions * math.log(2))
    return bits if discrete else bits + math.log2(GREY_LEVELS)


def _of_batch(model, batch, seed):
    """Per-example values; the noise of an example is keyed by its index, whatever batch it comes in."""
    x, model = batch["x"], model.given(batch)
    index = tf.cast(batch["index"], "int32")
    seeds = tf.stack([tf.fill(tf.shape(index), seed), index], axis=1)
    inference = model.inference(x, model.encode_sample(x, seeds))
    distortion = -inference.likelihood.log_prob(x)[0]
    values = {"distortion": distortion, "code": model.code(x)}
    if model.has_rate:
        rates = rate_of_rows(inference)
        rate = tf.reduce_sum(rates, axis=-1)
        values |= {"negative_elbo": distortion + rate, "rate": rate, "rates": rates}
    if model.likelihood.has_one_unit:
        values["squared_error"] = tf.reduce_mean((model.reconstruct(x) - x) ** 2, axis=list(range(1, x.shape.rank)))
    return values


def _rows(batches, parts, num_examples):
    """The first examples of the batches, all of them if `num_examples` is None: {name: [N, ...]}."""
    taken = list(batches.take(_num_batches(parts, num_examples)))
    names = [name for name in ("x", "condition") if name in taken[0]]
    return {name: np.concatenate([batch[name].numpy() for batch in taken])[:num_examples] for name in names}


def _log_likelihood(model, rows, num_samples, seed, progress):
    """What the importance-weighted bound says of examples {"x": [N, *event], ...}."""
    x, context = rows.pop("x"), rows
    bound = importance_weighted_bound(model, x, num_samples, seed, progress, context)
    nll, ess = mean_of(-bound.log_likelihood), bound.effective_sample_size
    nll["monte_carlo_standard_error"] = float(np.sqrt(np.sum(bound.standard_error**2)) / len(bound.standard_error))
    found = {
        "negative_log_likelihood": nll | {"num_examples": len(ess)},
        "effective_sample_size": mean_of(ess, "samples") | {"minimum": float(ess.min())},
    }
    return found | _in_bits(nll, model) if model.likelihood.has_one_unit else found


def _in_bits(nll, model):
    num_dimensions = math.prod(model.event_shape)
    bits = bits_per_dimension(nll["value"], num_dimensions, model.likelihood.discrete)
    error = nll["standard_error"] / (num_dimensions * math.log(2))
    return {"bits_per_dimension": {"value": bits, "standard_error": error, "unit": "bits/dimension"}}


def _num_batches(parts, num_examples):
    """Number of batches that hold the first examples."""
    ends = np.cumsum([len(part["distortion"]) for part in parts])
    return len(ends) if num_examples is None else int(np.searchsorted(ends, num_examples)) + 1
