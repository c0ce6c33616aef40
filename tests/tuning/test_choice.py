"""Which trials are best: bounds that are kept, and fronts that are counted by hand."""

import pytest

from tfvae.search import Objective
from tfvae.tuning.choice import best_of, front_of, score_of

RATE = (Objective("rate", 80.0),)  # with the distortion at most 80
BOTH = (Objective("rate"), Objective("mig"))


@pytest.fixture
def record(outcome):
    def make(trial, status="completed", **values):
        return {"trial": trial, "status": status, **outcome(**values)}

    return make


def names(records):
    return [record["trial"] for record in records]


def test_what_is_to_be_large_is_a_small_score(record):
    assert score_of(record("a", mig=0.25), (Objective("mig"),)) == -0.25


def test_a_kept_bound_costs_nothing_and_a_broken_one_ten_times_its_excess(record):
    assert score_of(record("a", rate=5.0, distortion=80.0), RATE) == 5.0
    assert score_of(record("a", rate=5.0, distortion=80.5), RATE) == 10.0


def test_the_best_keeps_the_bound_whatever_it_scores(record):
    broken = record("broken", rate=1.0, distortion=80.1)
    assert score_of(broken, RATE) == pytest.approx(2.0)
    kept = [record("kept", rate=9.0, distortion=79.0), record("dearer", rate=9.5, distortion=70.0)]
    assert best_of([broken, *kept], RATE)["trial"] == "kept"
    assert best_of([broken], RATE) is None


def test_a_failed_trial_is_not_the_best(record):
    failed = {"trial": "a", "status": "failed", "scores": {}, "measured": {}}
    assert best_of([failed, record("b", mig=0.1)], (Objective("mig"),))["trial"] == "b"


def test_the_front_holds_what_no_other_beats(record):
    records = [
        record("cheap", rate=1.0, mig=0.1),
        record("between", rate=2.0, mig=0.3),
        record("dear", rate=3.0, mig=0.5),
        record("beaten", rate=3.0, mig=0.4),
        record("beaten_twice", rate=2.5, mig=0.2),
        record("equal", rate=2.0, mig=0.3),
    ]
    assert names(front_of(records, BOTH)) == ["cheap", "between", "dear", "equal"]
    assert best_of(records, BOTH) is None


def test_one_objective_has_no_front(record):
    assert front_of([record("a", mig=0.1)], (Objective("mig"),)) == []
