"""UDR: which of several runs is disentangled, by whether the runs agree on their dimensions. It needs no factors."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, standardized, varies
from tfvae.evaluation.metrics import jackknife

INFORMATIVE_RATE = 0.01  # nats
ALPHA = 0.1  # weight of the penalty of Lasso


class UDR(NamedTuple):
    """Agreement of R runs.

    Attributes:
        scores: Of each run, the median agreement with the others, [R].
        standard_errors: Over the draw of examples, [R]; NaN where there are fewer than ten.
        agreement: Of each run with each other one, [R, R]; 0 on the diagonal, which counts nowhere.
    """

    scores: np.ndarray
    standard_errors: np.ndarray
    agreement: np.ndarray

    @property
    def best(self):
        """The run to choose."""
        return int(np.argmax(self.scores))

    def metrics(self):
        known = np.all(np.isfinite(self.standard_errors))
        errors = {"standard_error": self.standard_errors.tolist()} if known else {}
        return {"udr": {"value": self.scores.tolist(), **errors, "unit": "share"}}


def udr(codes, rates=None, relation=None, num_examples=NUM_EXAMPLES, seed=0):
    """Unsupervised disentanglement ranking: median over other runs of how close the dimensions of two runs match.

    For the relation R(a, b) of dimension a of one run with dimension b of another, and r its maximum over a or b:
    UDR_ij = (sum_b r_b^2 / sum_a R(a, b) + sum_a r_a^2 / sum_b R(a, b)) / (d_a + d_b), over the informative dimensions
    of both. Dimensions that never vary or, given `rates`, have a rate below 0.01 nats are not informative. Runs with
    none agree with nothing, 0. (disentanglement_lib averages the means over a and over b, which is the same for runs
    with equally many informative dimensions.)

    Args:
        codes: Codes of the same examples from each of R runs, a list of [N, L_r].
        rates: Rate of each dimension of each run in nats, a list of [L_r], or None.
        relation: `spearman` (the default) or `lasso`, or any function [N, A], [N, B] -> [A, B] of values from 0 to 1.
        num_examples: Number of rows to look at.
        seed: Integer that keys the draw of rows.

    Returns:
        A `UDR`. Identical runs of uncorrelated dimensions score 1 with `spearman`, and 1 - 0.1 with `lasso`.

    Raises:
        ValueError: If there are fewer than two runs, or they differ in their examples.

    Reference:
        Duan et al., 2020. Unsupervised Model Selection for Variational Disentangled Representation Learning, section 4.
        https://arxiv.org/abs/1905.12614
    """
    runs = _informative(codes, rates, num_examples, seed)
    relation = relation or spearman
    sizes = [run.shape[1] for run in runs]

    def scores(joined):
        return _medians(_agreement(np.split(joined, np.cumsum(sizes)[:-1], axis=1), relation))

    found, errors = jackknife(scores, np.concatenate(runs, axis=1), seed=seed)
    return UDR(found, errors, _agreement(runs, relation))


def spearman(a, b):
    """Absolute rank correlation of each column of a [N, A] with each of b [N, B]: [A, B]."""
    from scipy.stats import rankdata

    x, y = (_unit(rankdata(codes, axis=0)) for codes in (a, b))
    return np.abs(x.T @ y)


def lasso(a, b):
    """Absolute weights of Lasso that predicts each column of b [N, B] from all of a [N, A]: [A, B]."""
    from sklearn.linear_model import Lasso

    x, y = (_unit(codes) * np.sqrt(len(codes)) for codes in (a, b))
    return np.abs(Lasso(alpha=ALPHA).fit(x, y).coef_.reshape(b.shape[1], a.shape[1]).T)


def agreement_of(relation):
    """UDR_ij of a matrix of relations R(a, b) between informative dimensions, [A, B]; 0 where there are none."""
    if not relation.size:
        return 0.0
    shares = [_over(relation.max(axis=axis) ** 2, relation.sum(axis=axis)).sum() for axis in (0, 1)]
    return float(sum(shares) / sum(relation.shape))


def _agreement(runs, relation):
    matrix = np.zeros((len(runs), len(runs)))
    for i, a in enumerate(runs):
        for j, b in enumerate(runs):
            if i != j and a.size and b.size:
                matrix[i, j] = agreement_of(relation(a, b))
    return matrix


def _medians(agreement):
    others = ~np.eye(len(agreement), dtype=bool)
    return np.array([np.median(row[other]) for row, other in zip(agreement, others, strict=True)])


def _informative(codes, rates, num_examples, seed):
    """The informative dimensions of each run, for the same rows."""
    codes = [np.asarray(run, "float64") for run in codes]
    if len(codes) < 2 or len({len(run) for run in codes}) > 1 or len(codes[0]) < 2:
        shapes = [list(run.shape) for run in codes]
        raise ValueError(f"`codes` must be those of two runs or more, on the same examples. Received: {shapes}")
    rows = np.sort(np.random.RandomState(seed).permutation(len(codes[0]))[:num_examples])
    codes = [run[rows] for run in codes]
    rates = [np.full(run.shape[1], np.inf) for run in codes] if rates is None else rates
    kept = [
        run[:, varies(run) & (np.asarray(rate) >= INFORMATIVE_RATE)] for run, rate in zip(codes, rates, strict=True)
    ]
    return [standardized(run) if run.size else run for run in kept]


def _unit(columns):
    """Columns at mean 0 and length 1; a constant one, which the jackknife may leave, becomes zeros."""
    centred = columns - columns.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return _over(centred, np.broadcast_to(length, centred.shape))


def _over(a, b):
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
