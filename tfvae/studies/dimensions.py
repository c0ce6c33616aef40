"""Dimensions: the latent dimensions one by one, what each tells about an example and what it does to an image."""

from typing import NamedTuple

import numpy as np

from tfvae.data import pipeline
from tfvae.evaluation.codes import codes_of
from tfvae.report.figures.grids import DEAD_RATE, MAX_DIMENSIONS
from tfvae.report.sections import one_of_each
from tfvae.report.walks import decode
from tfvae.studies import walks
from tfvae.studies.costs import costs_of

REACH = 3.0
DEAD_CHANGE = 0.01  # of the largest change, where no rate tells what is dead


class Dimensions(NamedTuple):
    """The latent dimensions that are moved.

    Attributes:
        codes: Codes of the images that the walks start from, [R, L].
        condition: What these images depend on, [R, K], or None.
        middle: Centre of the walk along each dimension, [D].
        unit: Its unit of length, [D].
        words: What that unit is.
        change: Variance of the pixels along each dimension, from each start, in squared grey values, [R, D].
        rates: Rate of each dimension in nats, [D], or None.
        order: The dimensions by their rate, else by the change, the highest first, [D].
        is_dead: Whether each dimension is dead, [D].
    """

    codes: np.ndarray
    condition: np.ndarray | None
    middle: np.ndarray
    unit: np.ndarray
    words: str
    change: np.ndarray
    rates: np.ndarray | None
    order: np.ndarray
    is_dead: np.ndarray

    def values(self, dimensions, positions):
        """Where to walk, [D, V]: positions [V] from -3 to 3 in the unit of each dimension."""
        return self.middle[dimensions, np.newaxis] + self.unit[dimensions, np.newaxis] * np.asarray(positions)


def dimensions_of(trained, num_images, steps, num_examples):
    """The `Dimensions` of a run: rates over `num_examples` test examples, changes from `num_images` of them."""
    model = trained.model
    found = codes_of(model, trained.batches("test", num_examples))
    labels = np.zeros(len(found.codes)) if found.labels is None else found.labels
    starts = one_of_each(labels)[:num_images]
    batch = pipeline.batch_of(trained.splits.test, found.index[starts])
    size = model.sizes[0] if has_levels(trained) else model.latent_size
    middle, unit, words = _unit(trained, found, size)
    condition = np.asarray(batch["condition"]) if "condition" in batch else None
    rates = _rates(trained, num_examples)
    dimensions = Dimensions(found.codes[starts], condition, middle, unit, words, None, rates, None, None)
    change = _changes(model, dimensions, steps)
    worth = change.mean(axis=0) if rates is None else rates
    is_dead = worth <= DEAD_CHANGE * worth.max() if rates is None else rates < DEAD_RATE
    return dimensions._replace(change=change, order=np.argsort(-worth, kind="stable"), is_dead=is_dead)


def has_levels(trained):
    """Whether the model has several levels of latents, of which the decoder of images sees the first."""
    return "posteriors" in trained.experiment.model


def _unit(trained, found, size):
    """Middle and unit of the walk, [D] each, and what the unit is: the prior's where it is a standard normal."""
    prior = trained.experiment.model.get("prior") or {}
    if trained.model.has_rate and prior.get("name") == "StandardNormal" and not has_levels(trained):
        return np.zeros(size), np.ones(size), "the prior's standard deviation"
    variance = found.codes.var(axis=0) + (0.0 if found.stddevs is None else np.mean(found.stddevs**2, axis=0))
    return found.codes.mean(axis=0)[:size], np.sqrt(variance)[:size], "the standard deviation of z over the test images"


def _rates(trained, num_examples):
    """Rate of each dimension, [D]; None without rate, of a level given others, or where some have one together."""
    if not trained.model.has_rate or has_levels(trained):
        return None
    rates = costs_of(trained.model, trained.batches("test", num_examples), trained.experiment.seed).rates.mean(axis=0)
    return rates if len(rates) == trained.model.latent_size else None


def _changes(model, dimensions, steps):
    """Variance of the pixels along each dimension, [R, D]; one start and some dimensions at a time, to save memory."""
    positions, number = np.linspace(-REACH, REACH, steps), len(dimensions.middle)
    parts = [np.arange(first, min(first + MAX_DIMENSIONS, number)) for first in range(0, number, MAX_DIMENSIONS)]
    return np.stack(
        [
            np.concatenate(
                [images_along(model, dimensions, part, positions, row).var(axis=1).mean((1, 2, 3)) for part in parts]
            )
            for row in range(len(dimensions.codes))
        ]
    )


def images_along(model, dimensions, moved, positions, row=0):
    """Decoded images as one dimension at a time is moved from the code of a start: [D, V, H, W, C]."""
    code = dimensions.codes[row : row + 1]
    z = walks.along_dimensions(code, moved, dimensions.values(moved, positions))[0]
    condition = dimensions.condition
    return decode(model, z, None if condition is None else np.repeat(condition[row : row + 1], len(moved), axis=0))
