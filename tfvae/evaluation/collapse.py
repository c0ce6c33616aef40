"""Posterior collapse: whether the code is used, and if not, which side of it gave up."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.latent_space import COLLAPSED_RATE
from tfvae.evaluation.metrics import mean_of

ERRORS = 3  # standard errors that a difference has to exceed to be one
LEAST_USE = 0.01  # nats
UNUSED = "so that reconstructions do not depend on the input."


class CodeUse(NamedTuple):
    """What the decoder loses when it is given the code of another example.

    Attributes:
        loss: Distortion at the other's code less that at the own code, in nats, [N]; its mean is 0 where the decoder
            ignores the code.
    """

    loss: np.ndarray

    def metrics(self):
        return {"code_use": mean_of(self.loss)}


def code_use(model, batches, seed=0, progress=no_progress):
    """Gives every example the code of another, and measures what that costs the decoder.

    Args:
        model: A `LatentVariableModel`.
        batches: Iterable of {"x": [B, *event], "index": [B], ...}, read twice: the codes are kept, the rest is not.
        seed: Integer; keys which example's code an example gets, and with its index its z.
        progress: Makes a progress bar from a total and a unit.
    """
    draw = tf.function(lambda batch: _code(model.given(batch), batch, seed), reduce_retracing=True)
    loss = tf.function(lambda batch, *codes: _loss(model.given(batch), batch["x"], *codes), reduce_retracing=True)
    own = np.concatenate([draw(batch).numpy() for batch in batches])
    other, first, parts = own[_partners(len(own), seed)], 0, []
    with progress(len(own), "example") as bar:
        for batch in batches:
            rows = slice(first, first := first + len(batch["x"]))
            parts.append(loss(batch, tf.constant(own[rows]), tf.constant(other[rows])).numpy())
            bar.update(len(batch["x"]))
    return CodeUse(np.concatenate(parts))


def verdict(num_active, size, rates=None, use=None, aggregate_kl=None):
    """Whether the posterior has collapsed, and the sentence that says so and why.

    Args:
        num_active: Number of active units.
        size: Number L of latent dimensions.
        rates: Rate of each dimension or group in nats; None for a model without rate.
        use: The metric "code_use", or None.
        aggregate_kl: The metric "aggregate_kl", or None.

    Returns:
        (collapsed, sentences).
    """
    rate = None if rates is None else float(np.sum(rates))
    says_nothing = num_active == 0 or (rates is not None and float(np.max(rates)) < COLLAPSED_RATE)
    active = f"{num_active} of {size} latent dimensions are active"
    if says_nothing:
        known = "" if rate is None else f" and the rate is {rate:.3f} nats"
        return True, (
            f"The posterior has COLLAPSED: {active}{known}: the encoder says nothing, {UNUSED} Try a smaller beta, a "
            "warm-up or free bits."
        )
    if use is not None and is_unused(use):
        known = "" if rate is None else f", although the encoder writes {rate:.2f} nats"
        return True, (
            f"The posterior has COLLAPSED: {active}{known}, the decoder does not look at the code (that of another "
            f"example serves it as well, within {use['value']:.3f} nats), {UNUSED} Try a less powerful decoder, or free "
            "bits."
        )
    return False, " ".join([_healthy(active, rate, use), *_remarks(num_active, size, rate, aggregate_kl)])


def is_unused(use):
    """Whether the metric "code_use" is 0 as far as its error can tell."""
    return use["value"] < max(LEAST_USE, ERRORS * use["standard_error"])


def _healthy(active, rate, use):
    known = "" if rate is None else f"; the rate is {rate:.2f} nats"
    lost = "" if use is None else f", and the code of another example would cost the decoder {use['value']:.2f} nats"
    return f"{active}{known}{lost}."


def _remarks(num_active, size, rate, aggregate_kl):
    if num_active < size / 2:
        yield "More than half of the dimensions are unused: a smaller code would do as well."
    if aggregate_kl is not None and rate and aggregate_kl["value"] > rate / 2:
        yield (
            f"The codes as a whole are {aggregate_kl['value']:.2f} nats from the prior, so that its samples may fall "
            "where no data lies; a learned prior would help."
        )


def _partners(number, seed):
    """For each example another one, [N]: a cycle in a drawn order, for neighbours in a file may be much alike."""
    order = np.random.RandomState(seed).permutation(number)
    partners = np.empty(number, int)
    partners[order] = np.roll(order, 1)
    return partners


def _code(model, batch, seed):
    """A sample of z, which is what the decoder was trained on, or the code that has no noise: [B, L]."""
    index = tf.cast(batch["index"], "int32")
    seeds = tf.stack([tf.fill(tf.shape(index), seed), index], axis=1)
    return model.encode_sample(batch["x"], seeds)[0] if model.is_stochastic else model.code(batch["x"])


def _loss(model, x, own, other):
    return _distortion(model, x, other) - _distortion(model, x, own)


def _distortion(model, x, z):
    return -model.inference(x, z[tf.newaxis]).likelihood.log_prob(x)[0]
