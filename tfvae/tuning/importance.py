"""Importance: which parameters of a search mattered, by random forests asked only about trials they never saw."""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestRegressor

LEAST_TRIALS = 10  # completed: with fewer, out-of-bag predictions rest on a handful of points
NUM_TREES = 40
NUM_FORESTS = 19  # what exceeds the highest of 19 draws of chance has by chance alone a probability of 1/20
NUM_SHUFFLES = 5  # of each column, in each forest


class Importance(NamedTuple):
    """What the forests find.

    Attributes:
        values: Share of the variance of the trials' ranks that goes through each parameter, alone or together with
            others (total Sobol index), [P].
        errors: Standard deviation of that share from forest to forest, [P].
        chance: The highest share that any column of shuffled values got.
        r2: Out-of-bag R2 of the forests.
        chance_r2: The highest R2 of forests of which the scores were shuffled.
        num_trials: Number of trials they saw.
    """

    values: np.ndarray
    errors: np.ndarray
    chance: float
    r2: float
    chance_r2: float
    num_trials: int

    @property
    def says_something(self):
        """Whether the forests predict better than chance."""
        return self.r2 > max(self.chance_r2, 0.0)

    @property
    def matters(self):
        """Whether each parameter matters more than chance would have it, [P]."""
        return self.says_something & (self.values > max(self.chance, 0.0))


def importance(columns, scores, seed=0):
    """Permutation importance of parameters on out-of-bag trials (Breiman, 2001).

    The forests predict ranks, so that one trial that went far off does not decide everything. Beside each parameter
    stands its shadow, the same values shuffled between trials: what a shadow gets is chance (Kursa and Rudnicki, 2010.
    Feature selection with the Boruta package. https://doi.org/10.18637/jss.v036.i11). Half of what a shuffle adds to
    the squared error is the total Sobol index where parameters were drawn independently (Gregorutti et al., 2017.
    Correlation and variable importance in random forests. https://arxiv.org/abs/1310.5726).

    Args:
        columns: A number for each parameter of each trial, [N, P]; NaN where a trial lacks a parameter.
        scores: The objective, [N].
        seed: Integer that keys forests and shuffles.

    Returns:
        An `Importance`; None if there are fewer than 10 trials, or all have the same score.
    """
    columns, ranks = np.asarray(columns, "float32"), rankdata(scores)
    if len(ranks) < LEAST_TRIALS or np.ptp(ranks) == 0:
        return None
    rng = np.random.default_rng(seed)
    found = [_with_shadows(columns, ranks, rng) for _ in range(NUM_FORESTS)]
    r2 = float(np.mean([forest_r2 for forest_r2, _ in found]))
    shares, shadows = np.split(np.stack([share for _, share in found]), 2, axis=1)
    chance_r2 = max(_r2(columns, rng.permutation(ranks), rng) for _ in range(NUM_FORESTS))
    return Importance(shares.mean(axis=0), shares.std(axis=0), float(shadows.max()), r2, chance_r2, len(ranks))


def _with_shadows(columns, ranks, rng):
    """(R2, shares [2 P]) of one forest that sees the parameters and their shadows."""
    columns = np.concatenate([columns, rng.permuted(columns, axis=0)], axis=1)
    places = range(columns.shape[1])
    shuffled = [_shuffled(columns, place, rng) for _ in range(NUM_SHUFFLES) for place in places]
    r2 = _out_of_bag_r2(_forest(columns, ranks, rng), np.stack([columns, *shuffled]), ranks)
    return r2[0], (r2[0] - r2[1:]).reshape(NUM_SHUFFLES, -1).mean(axis=0) / 2


def _r2(columns, ranks, rng):
    return float(_out_of_bag_r2(_forest(columns, ranks, rng), columns[np.newaxis], ranks)[0])


def _forest(columns, ranks, rng):
    forest = RandomForestRegressor(NUM_TREES, min_samples_leaf=2, random_state=int(rng.integers(2**31)))
    return forest.fit(columns, ranks)


def _shuffled(columns, place, rng):
    columns = columns.copy()
    columns[:, place] = rng.permutation(columns[:, place])
    return columns


def _out_of_bag_r2(forest, versions, ranks):
    """R2 of out-of-bag predictions for versions of the same trials, [V, N, P] -> [V]."""
    num_versions, num_trials, num_columns = versions.shape
    totals, counts = np.zeros((num_versions, num_trials)), np.zeros(num_trials)
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(num_trials), drawn)
        predicted = tree.predict(versions[:, unseen].reshape(-1, num_columns), check_input=False)
        totals[:, unseen] += predicted.reshape(num_versions, -1)
        counts[unseen] += 1
    seen = counts > 0  # a trial is in all of 40 bags with probability 1e-8
    residuals = totals[:, seen] / counts[seen] - ranks[seen]
    return 1 - (residuals**2).mean(axis=1) / ranks[seen].var()
