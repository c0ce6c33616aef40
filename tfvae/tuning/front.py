"""The Pareto front: the trials that no other trial beats in one objective without losing in another."""

import numpy as np

from tfvae.search.objectives import SIGNS


def pareto_front(values, directions, feasible=None):
    """Which points are on the front.

    A point dominates another if it is at least as good in every objective and better in one. On the front are the
    feasible points that no feasible point dominates; of equal points, all or none.

    Args:
        values: [N, M]; a point with a NaN has not been measured, and is not on the front.
        directions: "min" or "max" of each objective, [M].
        feasible: Whether each point keeps to its bounds, [N]; None for all.

    Returns:
        Booleans, [N].
    """
    costs = np.asarray(values, "float64").reshape(-1, len(directions)) * [SIGNS[name] for name in directions]
    counts = ~np.isnan(costs).any(axis=1)
    if feasible is not None:
        counts &= np.asarray(feasible, bool)
    rivals = costs[counts]
    beaten = [bool(np.any(np.all(rivals <= cost, axis=1) & np.any(rivals < cost, axis=1))) for cost in costs]
    return counts & ~np.array(beaten, bool)
