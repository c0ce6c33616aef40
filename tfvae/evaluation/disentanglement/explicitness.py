"""Explicitness: how well a linear classifier reads the factors from the whole code."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.linear import probabilities
from tfvae.evaluation.disentanglement.standard_error import score_and_error
from tfvae.evaluation.metrics import metric

CHANCE = 0.5


class Explicitness(NamedTuple):
    """Explicitness of a code.

    Attributes:
        score: Mean over factors; chance is 0.5.
        standard_error: Over the draw of the examples that it is tested on; None where there are fewer than ten.
        per_factor: Mean over classes of the area under the ROC curve, [F].
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    standard_error: float | None
    per_factor: np.ndarray
    columns: tuple

    def metrics(self):
        return {"explicitness": metric(self.score, "share", self.standard_error, chance=CHANCE)}


def explicitness(codes, factors, num_examples=NUM_EXAMPLES, seed=0):
    """Mean area under the ROC curve of each class against the rest, by logistic regression from the standardised code.

    One multinomial model for each factor, as in disentanglement_lib, where the paper trains one model for each class;
    it is trained on one half of the rows and tested on the other. A code that never varies has the 0.5 of chance.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_examples: Number of rows to look at.
        seed: Integer that keys the draws.

    Returns:
        An `Explicitness`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Ridgeway and Mozer, 2018. Learning Deep Disentangled Embeddings with the F-Statistic Loss, section 3.
        https://arxiv.org/abs/1802.05312
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    train, test = examples.halves(seed)
    scores = [
        probabilities(examples.codes[train], labels[train], examples.codes[test])[0] for labels in examples.factors.T
    ]
    found = [_areas(p, labels) for p, labels in zip(scores, examples.factors[test].T, strict=True)]
    score, error = score_and_error(_mean_area, examples.factors[test], *scores, seed=seed)
    return Explicitness(score, error, np.array(found), examples.columns)


def _mean_area(factors, *scores):
    return np.mean([_areas(p, labels) for p, labels in zip(scores, factors.T, strict=True)])


def _areas(scores, labels):
    """Mean over the classes that are there and are not alone of the area under the ROC curve, ties counted half."""
    from scipy.stats import rankdata

    counts = np.bincount(labels, minlength=scores.shape[1])[: scores.shape[1]]
    present = np.flatnonzero((counts > 0) & (counts < len(labels)))
    if not len(present):
        return CHANCE
    ranks = rankdata(scores[:, present], axis=0)
    members = labels[:, np.newaxis] == present
    positives = counts[present]
    below = np.sum(ranks * members, axis=0) - positives * (positives + 1) / 2
    return float(np.mean(below / (positives * (len(labels) - positives))))
