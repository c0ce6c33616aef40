"""The gap between the two dimensions that know most of a factor: what the mutual information gap and SAP share."""

from typing import NamedTuple

import numpy as np


class Gaps(NamedTuple):
    """Gaps of F factors.

    Attributes:
        score: Their mean.
        standard_error: Of the mean over the draw of the values, which dimensions lead held fixed; 0 for one value.
        per_factor: [F].
    """

    score: float
    standard_error: float
    per_factor: np.ndarray


def gaps_of(values, scale, floor):
    """Mean over factors of (highest - second highest) / scale, where a dimension's value is the mean of `values`.

    Two dimensions that know nothing always take part, so that there is a second one, and dead ones change nothing.

    Args:
        values: [S, A, F], a share of each dimension's value from each of S examples.
        scale: What each gap is divided by, [F].
        floor: Value of a dimension that knows nothing, [F].
    """
    nothing = np.broadcast_to(floor, (len(values), 2, len(floor)))
    values = np.concatenate([values, nothing], axis=1)
    order = np.argsort(-values.mean(axis=0), axis=0, kind="stable")[:2]
    first, second = (np.take_along_axis(values, order[np.newaxis, i : i + 1], axis=1)[:, 0] for i in (0, 1))
    shares = (first - second) / scale  # [S, F]
    error = np.std(shares.mean(axis=1), ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else 0.0
    return Gaps(float(shares.mean()), float(error), shares.mean(axis=0))
