"""The median stopping rule, on curves whose averages are counted by hand."""

import json

import pytest

from tfvae.tuning.median import MedianRule


def rows(*values):
    return [{"epoch": i + 1, "validation": {"negative_elbo": float(value)}} for i, value in enumerate(values)]


@pytest.fixture
def rule(tmp_path):
    """The rule for other trainings with these curves."""

    def make(*curves, after=1):
        paths = [tmp_path / f"{i}.jsonl" for i in range(len(curves))]
        for path, curve in zip(paths, curves, strict=True):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows(*curve)))
        return MedianRule(paths, after)

    return make


CURVES = ([50, 30, 10], [40, 30, 20], [90, 60, 30])  # averages up to epoch 2: 40, 35, 75; up to 3: 30, 30, 60


def test_a_training_is_stopped_when_its_best_is_above_the_median_of_averages(rule):
    assert rule(*CURVES)(rows(60, 40.1))
    assert rule(*CURVES)(rows(40.1, 60))  # by its best epoch, not its last


def test_a_training_at_the_median_goes_on(rule):
    assert not rule(*CURVES)(rows(60, 40.0))
    # Above the median of the others' bests (30 up to epoch 2), and of their last values, but not of their averages.
    assert not rule(*CURVES)(rows(60, 39.0))


def test_nothing_is_stopped_before_its_time(rule):
    assert not rule(*CURVES, after=3)(rows(1000, 1000))
    assert rule(*CURVES, after=3)(rows(1000, 1000, 1000))


def test_a_curve_counts_as_far_as_it_went(rule):
    short = [[20], *CURVES]  # stopped after an epoch: the median up to 2 is that of the three others
    assert not rule(*short)(rows(60, 40.0))
    assert rule(*short)(rows(60, 40.1))
    assert not rule([20])(rows(60, 40.0))


def test_the_first_training_has_none_to_be_held_against(rule):
    assert not rule()(rows(1000))


def test_a_training_that_has_not_begun_goes_on(rule):
    assert not rule(*CURVES)([])
