"""Mutual information of codes and factors: of joint tables, of binned codes, and of codes with normal noise."""

import numpy as np

NUM_BINS = 20
NUM_SAMPLES = 2000  # rows of which a z is drawn; its density is that of the mixture over all rows
ELEMENTS = 4_000_000  # densities in memory at a time


def mutual_information_of_table(table):
    """I(a; b) in nats of a joint table of counts or probabilities, [A, B]."""
    joint = np.asarray(table, "float64") / np.sum(table)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return float(max(np.sum(joint[seen] * np.log(joint[seen] / independent[seen])), 0.0))


def entropies(classes):
    """Entropy in nats of each column of integer classes [N, F]: [F]."""
    shares = [np.bincount(column) / len(column) for column in classes.T]
    return np.array([-np.sum(p[p > 0] * np.log(p[p > 0])) for p in shares])


def mutual_information_of_classes(a, b):
    """I in nats of each column of `a` [N, A] with each of `b` [N, B], both integer classes: [A, B]."""
    return np.array([[mutual_information_of_table(_table(x, y)) for y in b.T] for x in a.T]).reshape(-1, b.shape[1])


def binned(codes, num_bins=NUM_BINS):
    """Which of `num_bins` bins of equal width between least and largest code each code is in, integers [N, A]."""
    if not codes.shape[1]:
        return np.zeros(codes.shape, int)
    edges = [np.histogram_bin_edges(column, num_bins)[1:-1] for column in codes.T]
    return np.stack([np.digitize(column, e) for column, e in zip(codes.T, edges, strict=True)], axis=1)


def information_of_samples(examples, num_samples=NUM_SAMPLES, seed=0):
    """log q(z_a|v_f) - log q(z_a) in nats for z_a ~ q(z_a|x): [S, A, F], whose mean over S is the mutual information.

    Both densities are mixtures over the examples: q(z_a|v_f) over those with the class of x in factor f. The noise of
    an example is the same in all dimensions, which the information of one dimension at a time does not notice, and
    copies of a dimension stay copies.
    """
    random = np.random.RandomState(seed)
    rows = random.permutation(len(examples.codes))[:num_samples]
    noise = random.standard_normal(len(rows))
    members, own = _members(examples.factors, rows)
    values = np.empty((len(rows), *examples.codes.shape[1:], examples.factors.shape[1]))
    for a, (mean, stddev) in enumerate(zip(examples.codes.T, examples.stddevs.T, strict=True)):
        values[:, a] = _log_ratios(mean, stddev, mean[rows] + stddev[rows] * noise, members, own)
    return values


def log_mixtures(mean, stddev, z, members):
    """Logarithms of the means over groups of rows of N(z; mean_n, stddev_n^2): z [S], members [N, C] -> [S, C].

    Args:
        mean: [N].
        stddev: [N].
        z: Where to look, [S].
        members: Weight of each row in each group, [N, C]; columns sum to 1.
    """
    parts, size = [], max(1, ELEMENTS // len(mean))
    for first in range(0, len(z), size):
        log_density = -0.5 * ((z[first : first + size, np.newaxis] - mean) / stddev) ** 2 - np.log(stddev)
        highest = log_density.max(axis=1, keepdims=True)
        parts.append(highest + np.log(np.maximum(np.exp(log_density - highest) @ members, np.finfo("float64").tiny)))
    return np.concatenate(parts) - 0.5 * np.log(2 * np.pi)


def _log_ratios(mean, stddev, z, members, own):
    log_density = log_mixtures(mean, stddev, z, members)
    return np.take_along_axis(log_density, own, axis=1) - log_density[:, :1]


def _members(factors, rows):
    """Weights [N, 1 + C] of the rows in the whole and in each class, and the classes of some rows as columns of it."""
    sizes = factors.max(axis=0) + 1
    starts = 1 + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    columns = factors + starts
    weights = np.zeros((len(factors), 1 + sizes.sum()))
    weights[:, 0] = 1
    np.put_along_axis(weights, columns, 1.0, axis=1)
    return weights / weights.sum(axis=0), columns[rows]


def _table(a, b):
    width = b.max() + 1
    return np.bincount(a * width + b, minlength=(a.max() + 1) * width).reshape(-1, width)
