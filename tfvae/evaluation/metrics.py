"""How a figure is reported: {"value", "unit", "standard_error"}, plain values for metrics.json."""

import math

import numpy as np

GROUPS = 10  # of examples, each left out once


def mean_of(values, unit="nats/example"):
    """Mean and standard error of per-example values, [N]."""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return metric(np.mean(values, dtype="float64"), unit, error)


def metric(value, unit, standard_error=None, **more):
    """One figure; `more` is what a reader should know beside it, such as the number of examples."""
    error = {} if standard_error is None else {"standard_error": float(standard_error)}
    return {"value": float(value), **error, "unit": unit, **more}


def jackknife(statistic, *arrays, num_groups=GROUPS, seed=0):
    """A statistic of all rows, and its standard error by leaving out one group of rows after the other.

    Unlike the bootstrap it repeats no row, which would bias estimates that look at neighbours or at entropies.

    Args:
        statistic: Function of the arrays, -> a number, or an array of any shape.
        *arrays: Rows that belong together, each [N, ...].
        num_groups: Number G of groups.
        seed: Integer that keys which rows form a group.

    Returns:
        (value, standard error), each of the statistic's shape; the error is NaN where a group would be empty.

    Reference:
        Efron and Stein, 1981. The Jackknife Estimate of Variance. https://doi.org/10.1214/aos/1176345462
    """
    value, size = np.asarray(statistic(*arrays), "float64"), len(arrays[0])
    if size < num_groups:
        return value, np.full(value.shape, np.nan)
    group = np.random.RandomState(seed).permutation(size) % num_groups
    left = [np.asarray(statistic(*(a[group != g] for a in arrays)), "float64") for g in range(num_groups)]
    spread = np.sum((left - np.mean(left, axis=0)) ** 2, axis=0)
    return value, np.sqrt((num_groups - 1) / num_groups * spread)
