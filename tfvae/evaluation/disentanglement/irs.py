"""IRS: whether a dimension stands still when everything but its own factor changes."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.standard_error import score_and_error
from tfvae.evaluation.metrics import metric

QUANTILE = 0.99


class IRS(NamedTuple):
    """Interventional robustness.

    Attributes:
        score: Mean over the active dimensions of their best robustness; 0 if there are none.
        standard_error: Over the draw of examples; None where there are fewer than ten.
        robustness: Of each dimension, were each factor its own, [L, F]; 0 for dimensions that are not active.
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    standard_error: float | None
    robustness: np.ndarray
    columns: tuple

    def metrics(self):
        return {"irs": metric(self.score, "share", self.standard_error)}


def irs(codes, factors, stddevs=None, quantile=QUANTILE, num_examples=NUM_EXAMPLES, seed=0):
    """1 - how far a dimension strays with its best factor fixed, over how far it strays at all; mean over dimensions.

    How far is the `quantile` of the distance from the mean: over rows of one value of the factor, averaged over values
    by their rows, and over all rows. The paper takes the maximum of both, which grows with the number of rows;
    disentanglement_lib takes the quantile of one and the maximum of the other, by which noise scores a third.
    Dimensions count alike, where disentanglement_lib weighs them by their range and so by their units; those are left
    out that never vary or, given `stddevs`, of whose variance x explains less than a hundredth. Factors are taken for
    independent, as in data on a grid.

    Copies of a dimension cost nothing here, and with one factor the score is the robustness to noise alone.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        stddevs: Standard deviations of q(z|x), [N, L], or None.
        quantile: Share of the distances that are looked at; 1 takes the maximum.
        num_examples: Number of rows to look at.
        seed: Integer that keys the draw of rows.

    Returns:
        An `IRS`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Suter et al., 2019. Robustly Disentangled Causal Mechanisms, section 4. https://arxiv.org/abs/1811.00007
    """
    examples = examples_of(codes, factors, stddevs, num_examples, seed)
    active = examples.is_active
    if not active.any():
        nothing = np.zeros((examples.num_latents, len(examples.columns)))
        return IRS(0.0, 0.0, nothing, examples.columns)
    codes = examples.codes[:, active]
    score, error = score_and_error(
        lambda z, v: _robustness(z, v, quantile).max(axis=1).mean(), codes, examples.factors, seed=seed
    )
    matrix = np.zeros((len(active), len(examples.columns)))
    matrix[active] = _robustness(codes, examples.factors, quantile)
    return IRS(score, error, examples.in_given_order(matrix), examples.columns)


def _robustness(codes, factors, quantile):
    """1 - distance within the classes of each factor / distance in all: [A, F], from 0 to 1."""
    overall = _distance(codes, quantile)
    within = np.stack([_within(codes, classes, quantile) for classes in factors.T], axis=1)
    relative = np.divide(within, overall[:, np.newaxis], out=np.ones_like(within), where=overall[:, np.newaxis] > 0)
    return np.maximum(1 - relative, 0.0)


def _within(codes, classes, quantile):
    """Distance within a class, mean over classes by their rows but one: a single row cannot stray, [A]."""
    groups = [codes[classes == c] for c in np.unique(classes)]
    weights = np.array([len(group) - 1 for group in groups])
    if not weights.any():
        return _distance(codes, quantile)
    return np.average([_distance(group, quantile) for group in groups], axis=0, weights=weights)


def _distance(codes, quantile):
    return np.quantile(np.abs(codes - codes.mean(axis=0)), quantile, axis=0)
