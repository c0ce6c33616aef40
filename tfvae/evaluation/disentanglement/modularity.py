"""Modularity: whether each dimension knows of one factor only."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.mutual_information import NUM_BINS, binned, mutual_information_of_classes
from tfvae.evaluation.disentanglement.standard_error import score_and_error
from tfvae.evaluation.metrics import metric

SIGNIFICANCE = 1e-4  # with which unrelated classes would seem related


class Modularity(NamedTuple):
    """Modularity of a code.

    Attributes:
        score: Mean over the dimensions that know of a factor; 0 if none does.
        standard_error: Over the draw of examples; None where there are fewer than ten.
        per_dimension: [L], 0 for a dimension that knows of none.
        mutual_information: In nats, [L, F], 0 where it is within the sampling error of none.
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    standard_error: float | None
    per_dimension: np.ndarray
    mutual_information: np.ndarray
    columns: tuple

    def metrics(self):
        return {"modularity": metric(self.score, "share", self.standard_error)}


def modularity(codes, factors, num_bins=NUM_BINS, num_examples=NUM_EXAMPLES, seed=0):
    """1 - sum_{f != best} I(z_l; v_f)^2 / ((F - 1) I(z_l; v_best)^2), mean over the dimensions that know of a factor.

    The mutual information is that of codes in bins of equal width. Between unrelated classes it is not 0 in a sample,
    but chi-squared / 2N, and larger for factors of more classes, so that noise would seem modular: what is within that
    error counts as 0. Dimensions with no information are left out of the mean; disentanglement_lib counts them 0, and
    would so find a code worse for a dead dimension. With one factor every dimension that knows of it scores 1.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_bins: Number of bins.
        num_examples: Number of rows to look at.
        seed: Integer that keys the draw of rows.

    Returns:
        A `Modularity`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Ridgeway and Mozer, 2018. Learning Deep Disentangled Embeddings with the F-Statistic Loss, section 3.
        https://arxiv.org/abs/1802.05312
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    bins = binned(examples.unscaled, num_bins)
    matrix = significant_information(bins, examples.factors)
    per_dimension = modularity_of(matrix)
    score, error = score_and_error(
        lambda b, v: _score(significant_information(b, v)), bins, examples.factors, seed=seed
    )
    given = (examples.in_given_order(values) for values in (per_dimension, matrix))
    return Modularity(score, error, *given, examples.columns)


def modularity_of(information):
    """Modularity of each dimension from its information about the factors, [L, F] -> [L]; 0 for a row of zeros."""
    squares = np.asarray(information, "float64") ** 2
    highest = squares.max(axis=1, initial=0.0)
    others = (squares.sum(axis=1) - highest) / max(squares.shape[1] - 1, 1)
    return np.where(highest > 0, 1 - others / np.where(highest > 0, highest, 1.0), 0.0)


def significant_information(a, b):
    """Mutual information in nats of each pair of columns of classes, 0 where unrelated columns could have as much."""
    from scipy.stats import chi2

    freedom = np.multiply.outer(*([len(np.unique(column)) - 1 for column in classes.T] for classes in (a, b)))
    information = mutual_information_of_classes(a, b)
    # 2 N I is the G statistic of a test of independence.
    return np.where(2 * len(a) * information > chi2.isf(SIGNIFICANCE, np.maximum(freedom, 1)), information, 0.0)


def _score(information):
    knows = information.max(axis=1, initial=0.0) > 0
    return float(modularity_of(information)[knows].mean()) if knows.any() else 0.0
