"""The Frechet distance between features: that of two normals with their means and covariances."""

import functools
from typing import NamedTuple

import numpy as np

from tfvae.evaluation.groups import groups_of, without_each


class Moments(NamedTuple):
    """What is kept of features that are seen batch by batch, all float64.

    Attributes:
        count: Number N of rows.
        mean: [F].
        scatter: Sum over the rows of (x - mean) (x - mean)^T, [F, F].
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self):
        """The unbiased one, [F, F]."""
        return self.scatter / (self.count - 1)


def moments_of(batches):
    """The `Moments` of an iterable of features, each [B, F]: one batch is in memory at a time."""
    return functools.reduce(_merged, map(_moments, batches))


def frechet_distance(x, y, allow_singular=False):
    """The Frechet distance between two sets of features: 0 for equal sets.

    It is biased: by chance, two sets from one distribution differ, by more the fewer rows there are. Values can be
    compared for the same numbers of rows only.

    Args:
        x: Features, [N, F].
        y: Features, [M, F].
        allow_singular: Whether to compare sets of no more than F rows, whose covariances are singular.

    Raises:
        ValueError: If a set has no more than F rows and that is not allowed, or fewer than 3.

    Reference:
        Heusel et al., 2017. GANs Trained by a Two Time-Scale Update Rule, eq. 6. https://arxiv.org/abs/1706.08500
    """
    fewest = 2 if allow_singular else _fewest(x)
    if min(len(x), len(y)) <= fewest:
        raise ValueError(
            f"The Frechet distance of {x.shape[1]} features needs more than {fewest} rows in each set, or "
            f"`allow_singular=True`. Received: {len(x)} and {len(y)}"
        )
    return _between(_moments(x), _moments(y))


def frechet_distance_of(mean1, cov1, mean2, cov2):
    """|mean1 - mean2|^2 + tr(cov1 + cov2 - 2 (cov1 cov2)^(1/2)), of means [F] and covariances [F, F]."""
    # With cov = L L^T, the trace of the root is the sum of the singular values of L1^T L2. That is real for singular
    # covariances as well, and no eigenvalue of a product, of half the digits, has its root taken.
    root = np.linalg.norm(_factor(cov1).T @ _factor(cov2), "nuc")
    distance = np.sum((np.asarray(mean1) - mean2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2 * root
    return max(float(distance), 0.0)


class FrechetComparison(NamedTuple):
    """The Frechet distance of samples to data, and what it would be for perfect samples.

    Attributes:
        distance: Of the samples to the data.
        distance_error: Its standard error, by leaving out tenths of both sets.
        of_data: What other examples from the distribution of the data, as many as there are samples, would have on
            average; None where half of the data has no more than F rows.
        of_data_error: Its standard error.
    """

    distance: float
    distance_error: float
    of_data: float | None
    of_data_error: float | None


def frechet_comparison(data, samples, seed=0):
    """Compares samples [M, F] with data [N, F], and one half of the data with the other.

    The bias of the distance is proportional to 1/N + 1/M to the first order; by that, the distance between the halves,
    which are smaller, is brought to the sizes of the two sets. The errors take some 20 decompositions of [F, F]: a
    second for 64 features, minutes for 2048.

    Raises:
        ValueError: If a set has no more than F rows.
    """
    whole = frechet_distance(data, samples)
    groups = groups_of(data, samples, seed=seed)
    of_data, of_samples = (_by_group(x, group) for x, group in zip((data, samples), groups, strict=True))
    of_kept = lambda kept: _between(_union(of_data, kept), _union(of_samples, kept))  # noqa: E731
    _, error = without_each(of_kept, len(of_data))
    return FrechetComparison(whole, float(error), *_of_halves(data, 1 / len(data) + 1 / len(samples), seed))


def _of_halves(data, bias, seed):
    """The distance between halves of the data, brought to sizes 1/N + 1/M = `bias`, and its error; or None, None."""
    if len(data) // 2 <= _fewest(data):
        return None, None
    (group,) = groups_of(data, seed=seed)
    moments = _by_group(data, group)

    def between_halves(kept):
        halves = [_union(moments, kept[kept % 2 == parity]) for parity in (0, 1)]
        return _between(*halves) * bias / sum(1 / half.count for half in halves)

    return map(float, without_each(between_halves, len(moments)))


def _fewest(features):
    """Number of rows that is too few for a covariance that is not singular, and for leaving rows out."""
    return max(features.shape[1], 2)


def _by_group(features, group):
    return [_moments(features[group == number]) for number in range(group.max() + 1)]


def _union(moments, kept):
    return functools.reduce(_merged, [moments[number] for number in kept])


def _moments(features):
    features = np.asarray(features, "float64")
    mean = features.mean(axis=0)
    return Moments(len(features), mean, (features - mean).T @ (features - mean))


def _merged(one, other):
    """Chan et al., 1983. Algorithms for Computing the Sample Variance. https://doi.org/10.2307/2683386"""
    count, step = one.count + other.count, other.mean - one.mean
    scatter = one.scatter + other.scatter + np.outer(step, step) * (one.count * other.count / count)
    return Moments(count, one.mean + step * (other.count / count), scatter)


def _between(one, other):
    return frechet_distance_of(one.mean, one.covariance, other.mean, other.covariance)


def _factor(covariance):
    """L with L L^T = covariance; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))
