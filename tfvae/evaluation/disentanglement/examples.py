"""What every metric looks at: codes and factors in one canonical form.

Dimensions that never change are left out. The others are brought to mean 0 and standard deviation 1, turned to the same
side and put into an order that only their values decide. So permuted, flipped and rescaled codes give the same scores,
and so do codes with dead dimensions added.
"""

from typing import NamedTuple

import numpy as np

NUM_EXAMPLES = 10_000  # of which a seeded draw is looked at where there are more
ROUNDING = 1e-6  # of the largest code: a dimension that varies less is constant in float32
ACTIVE_SHARE = 0.01  # of the variance of z that x must explain; at unit variance the threshold of active units
SMALLEST_STDDEV = 1e-6  # in standard deviations of the code: what a standard deviation of 0 counts as


class Examples(NamedTuple):
    """N examples with A dimensions that vary and F factors that vary.

    Attributes:
        codes: Canonical codes, [N, A].
        unscaled: The same dimensions in their own units, [N, A].
        stddevs: Standard deviation of q(z|x) in the units of `codes`, [N, A], or None.
        factors: Classes from 0 to K_f - 1, [N, F].
        dimensions: Where each of the A dimensions stands among the L given ones, [A].
        columns: Where each of the F factors stands among the given ones.
        num_latents: Number L of dimensions that were given.
    """

    codes: np.ndarray
    unscaled: np.ndarray
    stddevs: np.ndarray | None
    factors: np.ndarray
    dimensions: np.ndarray
    columns: tuple
    num_latents: int

    @property
    def num_classes(self):
        """Number of classes of each factor, [F]."""
        return self.factors.max(axis=0) + 1

    @property
    def is_active(self):
        """Whether x explains a hundredth of the variance of each dimension of z, [A]; always without `stddevs`."""
        if self.stddevs is None:
            return np.ones(self.codes.shape[1], bool)
        return 1 / (1 + np.mean(self.stddevs**2, axis=0)) >= ACTIVE_SHARE

    def in_given_order(self, matrix, missing=0.0):
        """[A, ...] -> [L, ...], with `missing` for dimensions that never change."""
        full = np.full((self.num_latents, *matrix.shape[1:]), missing, matrix.dtype)
        full[self.dimensions] = matrix
        return full

    def halves(self, seed):
        """Rows to train on and rows to test on, each [N / 2]."""
        order = np.random.RandomState(seed).permutation(len(self.codes))
        return np.sort(order[: (len(order) + 1) // 2]), np.sort(order[(len(order) + 1) // 2 :])


def examples_of(codes, factors, stddevs=None, num_examples=NUM_EXAMPLES, seed=0):
    """Brings codes and factors into the canonical form.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        stddevs: Standard deviations of q(z|x), [N, L], or None.
        num_examples: Number of rows to look at, drawn by `seed` where there are more.
        seed: Integer.

    Raises:
        ValueError: If the arrays do not belong together, are not finite, or no factor varies.
    """
    codes, factors = np.asarray(codes), np.asarray(factors)
    _check(codes, factors, stddevs)
    if len(codes) > num_examples:
        rows = np.sort(np.random.RandomState(seed).permutation(len(codes))[:num_examples])
        codes, factors, stddevs = codes[rows], factors[rows], None if stddevs is None else np.asarray(stddevs)[rows]
    classes, columns = _classes(factors)
    return _canonical(codes.astype("float64"), stddevs, classes, columns)


def varies(codes):
    """Whether each dimension changes by more than rounding, [L]."""
    codes = np.asarray(codes)
    return np.ptp(codes, axis=0) > ROUNDING * np.max(np.abs(codes), axis=0)


def standardized(codes):
    """Codes [N, A] at mean 0 and standard deviation 1, rounded so that the units they come in leave no trace."""
    return ((codes - codes.mean(axis=0)) / codes.std(axis=0)).astype("float32").astype("float64")


def _canonical(codes, stddevs, classes, columns):
    num_latents, dimensions = codes.shape[1], np.flatnonzero(varies(codes))
    codes = codes[:, dimensions]
    scaled = standardized(codes) if len(dimensions) else codes
    signs = np.sign(np.take_along_axis(scaled, np.argmax(np.abs(scaled), axis=0)[np.newaxis], axis=0))
    scaled, unscaled = scaled * signs, codes * signs
    if stddevs is not None:
        stddevs = np.asarray(stddevs, "float64")[:, dimensions] / codes.std(axis=0)
        stddevs = np.maximum(stddevs.astype("float32").astype("float64"), SMALLEST_STDDEV)
    keys = [(scaled[:, a].tobytes(), b"" if stddevs is None else stddevs[:, a].tobytes()) for a in range(len(scaled.T))]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), int)
    ordered = None if stddevs is None else stddevs[:, order]
    return Examples(scaled[:, order], unscaled[:, order], ordered, classes, dimensions[order], columns, num_latents)


def _classes(factors):
    """Classes from 0 on of the factors that vary, [N, F], and their columns."""
    found = [np.unique(factors[:, f], return_inverse=True) for f in range(factors.shape[1])]
    columns = tuple(f for f, (values, _) in enumerate(found) if len(values) > 1)
    if not columns:
        raise ValueError("`factors` must have a factor that varies. Received: the same classes in every row.")
    return np.stack([found[f][1].reshape(-1) for f in columns], axis=1), columns


def _check(codes, factors, stddevs):
    shapes = f"codes={list(codes.shape)}, factors={list(factors.shape)}"
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < 2:
        raise ValueError(f"`codes` must be [N, L] and `factors` [N, F], of 2 rows or more. Received: {shapes}")
    if factors.dtype.kind not in "biu":
        raise ValueError(f"`factors` must be integer classes. Received: dtype {factors.dtype}")
    if stddevs is not None and np.shape(stddevs) != codes.shape:
        raise ValueError(f"`stddevs` must have the shape of `codes`. Received: {list(np.shape(stddevs))}, {shapes}")
    if not np.all(np.isfinite(codes)) or (stddevs is not None and not np.all(np.isfinite(stddevs))):
        raise ValueError("`codes` and `stddevs` must be finite. Received: NaN or infinity.")
