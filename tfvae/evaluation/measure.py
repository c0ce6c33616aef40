"""All figures of a model on a set of examples, each with unit and standard error."""

import math

import numpy as np
import tensorflow as tf

from tfvae.evaluation.collapse import verdict, verdict_without_noise
from tfvae.evaluation.importance_sampling import importance_weighted_bound, no_progress
from tfvae.evaluation.latent_space import active_units, rate_of_rows
from tfvae.evaluation.metrics import mean_of
from tfvae.seeds import row_seeds

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
    metrics = {name: mean_of(values[name]) for name in ("negative_elbo", "distortion", "rate") if name in values}
    if model.has_density:
        number = min(num_examples or np.inf, len(values["distortion"]))
        bound = importance_weighted_bound(model, batches, num_samples, seed, progress, num_examples=number)
        metrics |= _of_bound(bound, model)
    if "squared_error" in values:
        metrics["reconstruction_mse"] = mean_of(values["squared_error"], "squared grey value/pixel")
    if model.has_rate:
        rates = values["rates"].mean(axis=0)
        metrics["rate_per_dimension"] = {"value": [float(rate) for rate in rates], "unit": "nats/example"}
    if model.is_stochastic:  # without noise, nothing says what a large variance of the code would be
        metrics["active_units"] = {"value": active_units(values["code"]), "unit": "dimensions"}
    counts = {"num_examples": len(values["distortion"]), "num_samples": num_samples}
    return {"metrics": metrics, **judged(model, metrics), **counts}


def judged(model, metrics):
    """{"collapsed", "verdict"} by what was measured of a model so far."""
    if model.is_stochastic:
        rates = metrics.get("rate_per_dimension", {}).get("value")
        collapsed, sentence = verdict(metrics["active_units"]["value"], model.latent_size, rates, metrics)
    else:
        collapsed, sentence = verdict_without_noise(metrics)
    return {"collapsed": collapsed, "verdict": sentence}


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
    inference = model.inference(x, model.encode_sample(x, row_seeds(seed, batch["index"])))
    distortion = -inference.likelihood.log_prob(x)[0]
    values = {"distortion": distortion, "code": model.code(x)}
    if model.has_rate:
        rates = rate_of_rows(inference)
        rate = tf.reduce_sum(rates, axis=-1)
        values |= {"negative_elbo": distortion + rate, "rate": rate, "rates": rates}
    if model.likelihood.has_one_unit:
        values["squared_error"] = tf.reduce_mean((model.reconstruct(x) - x) ** 2, axis=list(range(1, x.shape.rank)))
    return values


def _of_bound(bound, model):
    """What the importance-weighted bound says."""
    found = bound.metrics()
    return found | _in_bits(found["negative_log_likelihood"], model) if model.likelihood.has_one_unit else found


def _in_bits(nll, model):
    num_dimensions = math.prod(model.event_shape)
    bits = bits_per_dimension(nll["value"], num_dimensions, model.likelihood.discrete)
    error = nll["standard_error"] / (num_dimensions * math.log(2))
    return {"bits_per_dimension": {"value": bits, "standard_error": error, "unit": "bits/dimension"}}
