"""Precision and recall: which samples lie where data is, and which data lies where samples are."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.distances import blocks, squared_distances
from tfvae.evaluation.groups import groups_of, without_each

NOWHERE = -1.0  # squared radius of a ball that holds nothing, not even its centre


class PrecisionRecall(NamedTuple):
    """For each row, whether it lies in the other set's manifold.

    Attributes:
        sample_on_data: Whether a sample is near data, [M]; the mean is the precision.
        data_on_samples: Whether an example of the data is near samples, [N]; the mean is the recall.
        precision_error: Standard error of the precision, by leaving out tenths of both sets. It counts what the balls
            owe to chance, which is more than the spread of a share of M, and was seen to be too large by up to a half.
        recall_error: The same of the recall.
    """

    sample_on_data: np.ndarray
    data_on_samples: np.ndarray
    precision_error: float
    recall_error: float


def precision_recall(data, samples, num_neighbours=3, seed=0):
    """Improved precision and recall: membership in the union of balls that reach to each row's k-th neighbour.

    Both depend on the numbers of rows, as the balls shrink with them: compare values for the same numbers only.

    Args:
        data: Features, [N, F].
        samples: Features, [M, F].
        num_neighbours: Number k of neighbours, the row itself not counted.
        seed: Integer that keys which rows are left out together.

    Raises:
        ValueError: If a set has no more than `num_neighbours` rows.

    Reference:
        Kynkaanniemi et al., 2019. Improved Precision and Recall Metric for Assessing Generative Models, eq. 1 and 2.
        https://arxiv.org/abs/1904.06991
    """
    if num_neighbours < 1 or min(len(data), len(samples)) <= num_neighbours:
        raise ValueError(
            "`num_neighbours` must be at least 1, and less than the rows in each set. "
            f"Received: num_neighbours={num_neighbours} for {len(data)} and {len(samples)} rows"
        )
    group_of_data, group_of_samples = groups_of(data, samples, seed=seed)
    sample_on_data = _covered(samples, data, _radii(data, group_of_data, num_neighbours))
    data_on_samples = _covered(data, samples, _radii(samples, group_of_samples, num_neighbours))
    errors = _error(sample_on_data, group_of_samples), _error(data_on_samples, group_of_data)
    return PrecisionRecall(sample_on_data[0], data_on_samples[0], *errors)


def _radii(points, group, num_neighbours):
    """Squared distance to the k-th neighbour of each point [M, F]: of all points, then without one group each.

    Returns:
        [1 + G, M]; the points of the group that is left out have no ball.
    """
    nearest = _nearest_of_groups(points, group, num_neighbours)
    number = nearest.shape[1]
    radii = [np.sort(nearest.reshape(len(points), -1), axis=1)[:, num_neighbours - 1]]
    for left_out in range(number):
        others = np.delete(nearest, left_out, axis=1).reshape(len(points), -1)
        radii.append(np.where(group == left_out, NOWHERE, np.sort(others, axis=1)[:, num_neighbours - 1]))
    return np.array(radii)


def _nearest_of_groups(points, group, num_neighbours):
    """Squared distances of each point to its k nearest others of each group; infinite where there are fewer: [M, G, k].

    Enough to know the k nearest of all, and those without any one group, from a single look at all pairs.
    """
    nearest = np.full((len(points), group.max() + 1, num_neighbours), np.inf)
    for rows in blocks(len(points), len(points)):
        squares = squared_distances(points[rows], points)
        squares[np.arange(len(squares)), np.arange(len(points))[rows]] = np.inf
        for number in range(nearest.shape[1]):
            found = np.sort(_smallest(squares[:, group == number], num_neighbours), axis=1)
            nearest[rows, number, : found.shape[1]] = found
    return nearest


def _smallest(values, number):
    return values if values.shape[1] <= number else np.partition(values, number - 1, axis=1)[:, :number]


def _covered(queries, centres, radii):
    """Whether each query [Q, F] is in a ball around one of the centres [M, F], for each of the radii [R, M]: [R, Q]."""
    covered = np.zeros((len(radii), len(queries)), bool)
    for rows in blocks(len(queries), len(centres)):
        squares = squared_distances(queries[rows], centres)
        covered[:, rows] = [np.any(squares <= radius, axis=1) for radius in radii]
    return covered


def _error(covered, group):
    """Standard error of a share: membership [1 + G, Q] of all, then as each group [Q] of centres is left out."""

    def share(kept):
        left_out = np.setdiff1d(np.arange(len(covered) - 1), kept)
        row = left_out[0] + 1 if len(left_out) else 0
        return np.mean(covered[row, np.isin(group, kept)])

    return float(without_each(share, len(covered) - 1)[1])
