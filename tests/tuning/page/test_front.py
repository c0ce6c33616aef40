"""The Pareto front, against the definition of dominance written out."""

import itertools
import math

import numpy as np
import pytest

from tfvae.tuning.front import pareto_front


def dominates(a, b, directions):
    """By the definition, one objective at a time."""
    better = [x < y if d == "min" else x > y for x, y, d in zip(a, b, directions, strict=True)]
    return any(better) and all(x == y or is_better for x, y, is_better in zip(a, b, better, strict=True))


def by_brute_force(values, directions, feasible):
    counts = [ok and not any(math.isnan(x) for x in point) for point, ok in zip(values, feasible, strict=True)]
    rivals = [point for point, ok in zip(values, counts, strict=True) if ok]
    pairs = zip(values, counts, strict=True)
    return [ok and not any(dominates(rival, point, directions) for rival in rivals) for point, ok in pairs]


@pytest.mark.parametrize("directions", itertools.product(["min", "max"], repeat=3))
def test_is_what_no_feasible_point_dominates(directions):
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        values = rng.integers(0, 5, (size, 3)).astype(float)  # few values: many are equal in one objective, or in all
        values[rng.random(values.shape) < 0.05] = math.nan
        feasible = rng.random(size) < 0.7
        expected = by_brute_force(values.tolist(), directions, feasible)
        assert pareto_front(values, directions, feasible).tolist() == expected


def test_minimum_and_maximum_mixed():
    values = [[1, 1], [2, 2], [3, 1], [1, 0]]
    assert pareto_front(values, ["min", "max"]).tolist() == [True, True, False, False]
    assert pareto_front(values, ["min", "min"]).tolist() == [False, False, False, True]


def test_equal_points_are_on_it_together():
    assert pareto_front([[1, 2], [1, 2], [2, 1], [2, 2]], ["min", "min"]).tolist() == [True, True, True, False]


def test_what_breaks_a_bound_beats_nobody():
    assert pareto_front([[0, 0], [1, 1]], ["min", "min"], [False, True]).tolist() == [False, True]


def test_what_was_not_measured_is_not_on_it_and_beats_nobody():
    assert pareto_front([[math.nan, 0], [1, 1]], ["min", "min"]).tolist() == [False, True]


def test_of_one_objective_it_is_the_best():
    assert pareto_front([[3], [1], [2], [1]], ["min"]).tolist() == [False, True, False, True]


def test_of_nothing_is_empty():
    assert pareto_front([], ["min", "max"]).tolist() == []


def test_of_infinities_the_finite_one_is_better():
    assert pareto_front([[math.inf, 1], [2, 1]], ["min", "min"]).tolist() == [False, True]
