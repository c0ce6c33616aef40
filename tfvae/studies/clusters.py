"""Clusters: how far points that are coloured by a class lie together, in figures rather than by eye."""

import numpy as np
from scipy.spatial.distance import cdist

from tfvae.evaluation.metrics import jackknife, metric


def clusters_of(points, labels, num_neighbours=10, seed=0):
    """Silhouette and neighbour purity of points, with jackknife errors over the points.

    The silhouette of a point is (b - a) / max(a, b), for its mean distance a from its own class and b from the nearest
    other class: 1 for tight classes far apart, 0 for classes that cannot be told apart, and by convention for a point
    that is alone in its class. Neighbour purity is the share of the nearest neighbours that are of the point's class;
    `chance` is what it would be if labels said nothing.

    Args:
        points: Codes or places in a plane, [N, L].
        labels: Integers [N], from 0 up; at least two classes.
        num_neighbours: Number k of neighbours, of which there are at most N - 1.
        seed: Integer that keys the groups of the jackknife.

    Returns:
        {"silhouette": metric, "neighbour_purity": metric}.

    Reference:
        Rousseeuw, 1987. Silhouettes. https://doi.org/10.1016/0377-0427(87)90125-7
    """
    distances, labels = cdist(points, points), np.asarray(labels)

    def figures(rows):
        among, classes = distances[np.ix_(rows, rows)], labels[rows]
        return [silhouette(among, classes).mean(), neighbour_purity(among, classes, num_neighbours).mean()]

    values, errors = jackknife(figures, np.arange(len(labels)), seed=seed)
    errors = [None if np.isnan(error) else error for error in errors]
    return {
        "silhouette": metric(values[0], "silhouette", errors[0]),
        "neighbour_purity": metric(values[1], "share", errors[1], chance=_chance(labels)),
    }


def silhouette(distances, labels):
    """Silhouette of each point from the distances [N, N] between all: [N]."""
    classes, index = np.unique(labels, return_inverse=True)
    own, sizes = np.arange(len(labels)), np.bincount(index)
    if len(classes) < 2:
        return np.zeros(len(labels))
    sums = distances @ np.eye(len(classes))[index]  # [N, K]
    within = sums[own, index] / np.maximum(sizes[index] - 1, 1)
    between = sums / sizes
    between[own, index] = np.inf
    nearest = between.min(axis=1)
    longer = np.maximum(within, nearest)
    is_defined = (longer > 0) & (sizes[index] > 1)
    return np.where(is_defined, (nearest - within) / np.where(is_defined, longer, 1.0), 0.0)


def neighbour_purity(distances, labels, num_neighbours):
    """Share of each point's k nearest neighbours that are of its class, from the distances [N, N] between all: [N].

    Where several points are equally far, it is the mean over all ways to choose among them: codes that have collapsed
    onto one point have the purity of chance, whatever the order of the data.
    """
    others = np.where(np.eye(len(labels), dtype=bool), np.inf, distances)
    k = min(num_neighbours, len(labels) - 1)
    kth = np.partition(others, k - 1, axis=1)[:, k - 1 : k]
    same, inside, at = labels[:, np.newaxis] == labels, others < kth, others == kth
    left = k - inside.sum(axis=1)
    return ((same & inside).sum(axis=1) + left * (same & at).sum(axis=1) / at.sum(axis=1)) / k


def _chance(labels):
    sizes = np.unique(labels, return_counts=True)[1]
    return float(np.sum(sizes * (sizes - 1)) / (len(labels) * (len(labels) - 1)))
