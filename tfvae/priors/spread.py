"""The spread of codes, by which they are scaled before a density is fitted to them."""

import numpy as np

ROUNDING = 1e-6  # of float32: codes that differ by less are one value


def spread_of(codes):
    """Stddev of codes [N, L] along each dimension, float64 [L], and 1 where they do not differ but by rounding."""
    codes = np.asarray(codes, "float64")
    stddev = codes.std(axis=0)
    return np.where(stddev > ROUNDING * np.abs(codes).max(axis=0), stddev, 1.0)
