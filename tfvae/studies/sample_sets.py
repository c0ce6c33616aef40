"""Sample sets: images from the prior, from a fitted one, and rebuilt from test images, as many of each."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.report import walks

PRIOR, FITTED, REBUILT = "prior", "fitted prior", "rebuilt"


class SampleSets(NamedTuple):
    """Sets of images, all [N, H, W, C] in [0, 1].

    Attributes:
        data: Test images.
        means: {name: means of p(x|z)}: what is looked at.
        like_data: {name: images} of the kind that the data is: of binary data draws from p(x|z), else the means.
    """

    data: np.ndarray
    means: dict
    like_data: dict


def sample_sets(trained, fit, num_samples):
    """The `SampleSets` of a run, with no more images than there are test images.

    Conditional models make theirs for the conditions of the test images.

    Args:
        trained: A `Run`.
        fit: A `FittedPrior`, or None.
        num_samples: Number N of images.
    """
    examples = trained.examples("test", num_samples)
    x, condition = examples["x"], examples.get("condition")
    codes = _codes(trained.model, fit, x, condition, trained.experiment.seed)
    means = {name: _decoded(trained.model, z, condition) for name, z in codes.items()}
    if not trained.model.likelihood.binary:
        return SampleSets(x, means, means)
    seed = trained.experiment.seed
    return SampleSets(x, means, {name: _decoded(trained.model, z, condition, seed) for name, z in codes.items()})


def _codes(model, fit, x, condition, seed):
    """{name: z [N, L]}."""
    codes = {REBUILT: walks.encode(model, x, condition)}
    if fit:
        codes = {FITTED: fit.sample(len(x), seed), **codes}
    if not model.can_sample:
        return codes
    draw = tf.function(lambda seeds, given: model.given(given).prior_sample(seeds), reduce_retracing=True)
    given = {} if condition is None else {"condition": tf.constant(condition)}
    seeds = np.stack([np.full(len(x), seed), np.arange(len(x))], axis=1)
    return {PRIOR: draw(tf.constant(seeds, "int32"), given).numpy(), **codes}


def _decoded(model, z, condition, seed=None):
    """Means of p(x|z), or draws if there is a seed, a few at a time to save memory: [N, L] -> [N, H, W, C]."""
    images = []
    for number, first in enumerate(range(0, len(z), walks.BATCH)):
        part = slice(first, first + walks.BATCH)
        p = walks.at(model, None if condition is None else condition[part]).decode(tf.constant(z[part], "float32"))
        images.append((p.mean() if seed is None else p.sample(seed=tf.constant([seed, number], "int32"))).numpy())
    return np.clip(np.concatenate(images), 0, 1)
