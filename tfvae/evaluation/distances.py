"""Squared distances between all rows of two sets, by a matrix product, and exactly 0 for equal rows."""

import numpy as np

PAIRS = 2**24  # that are in memory at a time: 128 MiB of distances
ROUNDING = 1e-12  # of the squared norms: below it, a difference of float64 numbers is noise


def squared_distances(x, y):
    """Squared Euclidean distances of rows x [N, F] and y [M, F], float64: [N, M].

    |x|^2 + |y|^2 - 2 x.y cancels where rows are close. In float64 what remains of equal rows is some 1e-15 of their
    norms, and is set to 0; rows of float32 that differ do so by more than the threshold, but for their last bits.
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    norms = np.sum(x**2, axis=1)[:, np.newaxis] + np.sum(y**2, axis=1)
    squares = norms - 2 * x @ y.T
    return np.where(squares < ROUNDING * norms, 0.0, squares)


def blocks(num_rows, num_columns):
    """Slices of rows, such that the pairs of a slice with all columns fit in memory."""
    size = max(1, PAIRS // max(num_columns, 1))
    return [slice(first, first + size) for first in range(0, num_rows, size)]
