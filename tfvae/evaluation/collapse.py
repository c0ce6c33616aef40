"""Posterior collapse: whether the code is used, and if not, which side of it gave up."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.metrics import mean_of
from tfvae.seeds import row_seeds

COLLAPSED_RATE = 0.01  # nats: a dimension below it says nothing that a decoder could use
NEGLIGIBLE = 0.1  # nats: of a whole code
ERRORS = 3  # standard errors on either side of a figure within which the truth may lie
OVERLAP = 2.0  # nats below log N: of a mutual information there, the N examples have not run out

SAME_AS_PRIOR = "q(z|x) is the prior for every x", "a smaller beta, a warm-up or free bits"
SAME_FOR_ALL = "q(z|x) is the same for every x", "a smaller beta or a warm-up"
IGNORED = "the decoder ignores the code", "a less powerful decoder: free bits would only raise the rate"


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

    Raises:
        ValueError: If there is only one example.
    """
    draw = tf.function(lambda batch: _code(model.given(batch), batch, seed), reduce_retracing=True)
    loss = tf.function(lambda batch, *codes: _loss(model.given(batch), batch["x"], *codes), reduce_retracing=True)
    own = np.concatenate([draw(batch).numpy() for batch in batches])
    if len(own) < 2:
        raise ValueError("The use of codes is measured by those of other examples, and there is only one example.")
    other, first, parts = own[_partners(len(own), seed)], 0, []
    with progress(len(own), "example") as bar:
        for batch in batches:
            rows = slice(first, first := first + len(batch["x"]))
            parts.append(loss(batch, tf.constant(own[rows]), tf.constant(other[rows])).numpy())
            bar.update(len(batch["x"]))
    return CodeUse(np.concatenate(parts))


def verdict(num_active, size, rates=None, figures=None):
    """Whether the posterior has collapsed, and the sentences that say so and why.

    A figure counts as 0 where it is below 0.1 nats with all of its error, and as more than 0 where it is above that
    with all of its error. A decoder that is known to use the code settles the matter; an inactive code does not, as
    its scale may be a small one.

    Args:
        num_active: Number of active units.
        size: Number L of latent dimensions.
        rates: Rate of each dimension or group in nats; None for a model without rate.
        figures: Metrics by name, of which "code_use" and those of `aggregate_posterior` are looked at.

    Returns:
        (collapsed, sentences).
    """
    figures, rate = figures or {}, None if rates is None else float(np.sum(rates))
    active, reason = f"{num_active} of {size} latent dimensions are active", _reason(num_active, rates, figures)
    if reason is None:
        known = "" if rate is None else f"; the rate is {rate:.2f} nats"
        return False, " ".join([f"{active}{known}.", *_remarks(num_active, size, rate, figures)])
    known = "" if rate is None else f" and the rate is {rate:.3f} nats"
    why, advice = reason
    return True, (
        f"The posterior has COLLAPSED: {active}{known}; {why}, so that reconstructions do not depend on the input. "
        f"{' '.join([*_use(figures), f'Try {advice}.'])}"
    )


def verdict_without_noise(figures=None):
    """The same for a code that is a function of x, of which no variance and no rate say whether it is used."""
    use = (figures or {}).get("code_use")
    start = "The code is a function of x without noise, so that it cannot collapse onto a prior"
    if _is_nothing(use):
        return True, " ".join([f"{start}, but {IGNORED[0]}.", *_use(figures), "Try a less powerful decoder."])
    return False, f"{start}."


def _reason(num_active, rates, figures):
    """Why a posterior has collapsed, and what to try; None if it has not."""
    use, information = figures.get("code_use"), figures.get("mutual_information")
    if information is not None and information.get("maximum", np.inf) < 1:
        information = None  # of two examples nothing can be learnt
    if _is_something(use):
        return None
    if rates is not None and np.max(rates) < COLLAPSED_RATE and not _is_something(information):
        return SAME_AS_PRIOR
    if _is_nothing(information) or (num_active == 0 and not _is_something(information)):
        return SAME_FOR_ALL
    return IGNORED if _is_nothing(use) else None


def _is_nothing(figure):
    return figure is not None and figure["value"] + ERRORS * figure["standard_error"] < NEGLIGIBLE


def _is_something(figure):
    return figure is not None and figure["value"] - ERRORS * figure["standard_error"] > NEGLIGIBLE


def _remarks(num_active, size, rate, figures):
    if num_active == 0:
        yield "No dimension varies by more than 0.01, which is a threshold for codes of unit scale."
    elif num_active < size:
        yield f"Dimensions without use: {size - num_active}, which is common and costs nothing."
    yield from _use(figures)
    distance = _distance_from_prior(figures)
    if rate and distance is not None and distance["value"] - ERRORS * distance["standard_error"] > rate / 2:
        yield (
            f"The codes as a whole are {distance['value']:.2f} nats from the prior, so that many of its samples fall "
            "where no data lies; a learned prior may help."
        )


def _use(figures):
    if use := figures.get("code_use"):
        error = use["standard_error"]
        yield f"The code of another example costs the decoder {use['value']:.3g} nats (standard error {error:.2g})."


def _distance_from_prior(figures):
    """The divergence of the aggregate posterior from the prior, or that of its dimensions, which is less; or None.

    Where the codes of N examples hardly overlap, the mutual information is log N and no more. The aggregate's
    divergence is then the rest of the rate, however near to the prior the codes of all possible examples lie.
    """
    information = figures.get("mutual_information")
    overlaps = information is not None and information["value"] < information["maximum"] - OVERLAP
    return figures.get("aggregate_kl" if overlaps else "dimension_wise_kl")


def _partners(number, seed):
    """For each example another one, [N]: a cycle in a drawn order, for neighbours in a file may be much alike."""
    order = np.random.RandomState(seed).permutation(number)
    partners = np.empty(number, int)
    partners[order] = np.roll(order, 1)
    return partners


def _code(model, batch, seed):
    """A sample of z, which is what the decoder was trained on, or the code that has no noise: [B, L]."""
    seeds = row_seeds(seed, batch["index"])
    return model.encode_sample(batch["x"], seeds)[0] if model.is_stochastic else model.code(batch["x"])


def _loss(model, x, own, other):
    return _distortion(model, x, other) - _distortion(model, x, own)


def _distortion(model, x, z):
    return -model.inference(x, z[tf.newaxis]).likelihood.log_prob(x)[0]
