"""Costs: what each example of a data set costs a model, out of core, for studies that look at single examples."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.latent_space import rate_of_rows
from tfvae.seeds import row_seeds


class Costs(NamedTuple):
    """What examples cost.

    Attributes:
        index: Place of each example in its source, [N].
        label: Class of each example, [N].
        error: -log p(x|z) where z is the code of x, in nats, [N].
        squared_error: Mean squared difference of x and its reconstruction, in squared grey values, [N].
        distortion: -log p(x|z) of one z ~ q(z|x), in nats, [N].
        rates: Rate of each latent dimension, or of each group that has one for all, in nats, [N, R]; None without rate.
    """

    index: np.ndarray
    label: np.ndarray
    error: np.ndarray
    squared_error: np.ndarray
    distortion: np.ndarray
    rates: np.ndarray | None

    @property
    def total(self):
        """Negative ELBO of each example, [N]; of a model without rate the error."""
        return self.error if self.rates is None else self.distortion + self.rates.sum(axis=1)


def costs_of(model, batches, seed=0):
    """The `Costs` of batches of {"x": [B, *event], "index": [B], maybe "label", "condition"}.

    The noise of an example is keyed by `seed` and its index, as in `evaluation.measure`.
    """
    step = tf.function(lambda batch: _of_batch(model, batch, seed), reduce_retracing=True)
    parts = [{name: value.numpy() for name, value in step(batch).items()} for batch in batches]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Costs(**{"rates": None, **found})


def in_batches(examples, batch_size):
    """tf.data of arrays {name: [N, ...]}, with the place of each row as its "index" where they have none."""
    index = np.arange(len(examples["x"]), dtype="int64")
    return tf.data.Dataset.from_tensor_slices({"index": index, **examples}).batch(batch_size)


def _of_batch(model, batch, seed):
    x, given = batch["x"], model.given(batch)
    drawn = given.inference(x, given.encode_sample(x, row_seeds(seed, batch["index"])))
    likelihood = given.inference(x, given.code(x)[tf.newaxis]).likelihood
    squares = (likelihood.mean()[0] - x) ** 2
    return {
        "index": batch["index"],
        "label": batch.get("label", tf.zeros_like(batch["index"])),
        "error": -likelihood.log_prob(x)[0],
        "squared_error": tf.reduce_mean(squares, axis=list(range(1, x.shape.rank))),
        "distortion": -drawn.likelihood.log_prob(x)[0],
        **({"rates": rate_of_rows(drawn)} if model.has_rate else {}),
    }
