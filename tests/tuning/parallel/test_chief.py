"""A chief over a real socket: no trial is lost, none counts twice, and nobody is waited for for ever."""

import math
import threading
import time

import pytest
from keras_tuner.engine.trial import TrialStatus

from tfvae.errors import TfvaeError
from tfvae.tuning.chief import has_ended
from tfvae.tuning.presence import present
from tfvae.tuning.space import values_of

BETA = "model.objective.beta"
SCORE = 20.123456789012345


def end(chief, client, trial, message=None):
    chief.record(trial, message)
    trial.status = TrialStatus.FAILED if message else TrialStatus.COMPLETED
    client.end_trial(trial)


def test_scores_are_not_rounded_on_their_way(make_chief, client):
    chief, worker = make_chief(trials=1).start(), client()
    trial = worker.create_trial("worker-0")
    end(chief, worker, trial)
    assert chief.oracle.trials[trial.trial_id].score == SCORE


def test_a_failed_trial_is_one_that_ended_and_has_no_score(make_chief, client):
    chief, worker = make_chief(trials=1).start(), client()
    end(chief, worker, worker.create_trial("worker-0"), "Out of memory")
    (trial,) = chief.oracle.trials.values()
    assert (trial.status, trial.message, trial.score) == ("FAILED", "Out of memory", None)
    assert chief.oracle.num_ended == 1


def test_two_workers_have_different_trials_and_one_that_is_back_has_its_own(make_chief, client):
    make_chief().start()
    first, second = client().create_trial("worker-0"), client().create_trial("worker-1")
    assert (first.trial_id, second.trial_id) == ("0000", "0001")
    again = client().create_trial("worker-0")
    assert again.trial_id == "0000" and again.hyperparameters.values == first.hyperparameters.values


def test_a_worker_waits_while_another_has_a_trial_and_the_chief_ends_when_all_are_told(make_chief, client, wait_for):
    chief, worker = make_chief(trials=1).start(), client()
    trial = worker.create_trial("worker-0")
    assert worker.create_trial("worker-1").status == TrialStatus.IDLE
    end(chief, worker, trial)
    assert worker.create_trial("worker-1").status == TrialStatus.STOPPED
    time.sleep(1.5)  # three looks
    assert not chief.has_ended()
    assert worker.create_trial("worker-0").status == TrialStatus.STOPPED
    wait_for(chief.has_ended, 10)
    assert chief.error is None


def test_the_trial_of_a_silent_worker_goes_to_another_and_counts_once_if_both_end_it(
    make_chief, client, tmp_path, wait_for
):
    chief, worker = make_chief(trials=1, patience=5).start(), client()
    trial = worker.create_trial("worker-0")
    with present(tmp_path, "worker-1"):
        assert worker.create_trial("worker-1").status == TrialStatus.IDLE
        wait_for(lambda: "worker-0" not in chief.oracle.ongoing_trials, 30)
        taken = worker.create_trial("worker-1")
        assert (taken.trial_id, taken.status) == (trial.trial_id, TrialStatus.RUNNING)
        end(chief, worker, trial)
        end(chief, worker, taken)
        assert chief.oracle.end_order == [trial.trial_id] and not chief.oracle.ongoing_trials


def test_a_trial_in_the_queue_that_its_worker_ends_after_all_is_not_run_again(make_chief, client):
    chief, worker = make_chief(trials=1).start(), client()
    trial = worker.create_trial("worker-0")
    chief.oracle.release("worker-0")
    end(chief, worker, trial)
    assert worker.create_trial("worker-1").status == TrialStatus.STOPPED
    assert chief.oracle.num_ended == 1


def test_a_worker_that_shows_its_life_keeps_its_trial(make_chief, client, tmp_path):
    chief, worker = make_chief(trials=1, patience=4).start(), client()
    with present(tmp_path, "worker-0"):
        worker.create_trial("worker-0")
        time.sleep(8)
        assert list(chief.oracle.ongoing_trials) == ["worker-0"]


def test_a_chief_without_workers_ends_with_what_it_has(make_chief, client, wait_for, tmp_path):
    chief, worker = make_chief(trials=2, patience=2).start(), client()
    end(chief, worker, worker.create_trial("worker-0"))
    wait_for(chief.has_ended, 30)
    assert chief.error is None and chief.oracle.num_ended == 1
    assert has_ended(tmp_path).exists()


def test_a_record_that_cannot_be_read_yet_is_waited_for(make_chief, client, wait_for):
    chief, worker = make_chief(trials=1).start(), client()
    trial = worker.create_trial("worker-0")
    trial.status = TrialStatus.COMPLETED
    thread = threading.Thread(target=worker.end_trial, args=(trial,))
    thread.start()
    time.sleep(1.5)
    assert chief.oracle.num_ended == 0 and thread.is_alive()
    chief.record(trial)
    wait_for(lambda: not thread.is_alive(), 20)
    assert chief.oracle.num_ended == 1


def test_a_chief_that_is_back_knows_whose_the_trial_is_and_takes_the_end_that_it_missed(
    make_chief, client, tmp_path, wait_for
):
    lost, worker = make_chief(trials=1), client()
    trial = lost.oracle.create_trial("worker-0")  # saved, and the process killed
    lost.record(trial)
    trial.status = TrialStatus.COMPLETED
    thread = threading.Thread(target=worker.end_trial, args=(trial,))
    thread.start()
    time.sleep(2)
    assert thread.is_alive()
    chief = make_chief(trials=1).start()
    wait_for(lambda: not thread.is_alive(), 20)
    assert chief.oracle.trials["0000"].score == SCORE and chief.oracle.end_order == ["0000"]


def test_what_goes_wrong_in_an_answer_ends_the_chief_and_not_only_the_answer(make_chief, client, tmp_path, wait_for):
    chief, worker = make_chief(trials=2).start(), client(patience=2)
    trial = worker.create_trial("worker-0")
    chief.oracle.path = tmp_path / "oracle" / "oracle.json" / "no folder"
    chief.record(trial)
    trial.status = TrialStatus.COMPLETED
    with pytest.raises(TfvaeError, match="No chief at"):
        worker.end_trial(trial)
    wait_for(chief.has_ended, 20)
    assert isinstance(chief.error, OSError)


def test_a_second_chief_at_the_same_address_is_refused(make_chief, client):
    make_chief().start()
    client().create_trial("worker-0")
    second = make_chief().start()
    second.thread.join(20)
    assert "is another one there?" in str(second.error)


@pytest.mark.parametrize(("oracle", "number"), [("random", 8), ("bayesian", 8), ("grid", 5), ("hyperband", None)])
def test_every_oracle_ends_with_each_trial_once_though_workers_die(make_chief, client, wait_for, oracle, number):
    """Three workers, each of which forgets its second trial once and comes back; the cost is lowest at a beta of 1."""
    steps = {"float": [0.25, 4.0], "scale": "log", "step": 2} if oracle == "grid" else {}
    chief = make_chief(trials=None if number in (5, None) else number, oracle=oracle, **steps).start()
    ended = []

    def work(name):
        asked = 0
        while (trial := client().create_trial(name)).status != TrialStatus.STOPPED:
            if trial.status == TrialStatus.IDLE:
                time.sleep(0.05)
                continue
            asked += 1
            if asked != 2:
                cost = values_of(chief.oracle.search.space, trial.hyperparameters.values)[BETA]
                chief.record(trial, score=abs(math.log(cost)))
                trial.status = TrialStatus.COMPLETED
                client().end_trial(trial)
                ended.append(trial.trial_id)

    threads = [threading.Thread(target=work, args=(f"worker-{place}",)) for place in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: not any(thread.is_alive() for thread in threads), 120)
    wait_for(chief.has_ended, 10)
    assert chief.error is None
    assert sorted(ended) == sorted(chief.oracle.end_order) == sorted(chief.oracle.trials)
    assert len(ended) == (number or chief.oracle.planned) == chief.oracle.num_ended


# Without a chief.


def test_a_worker_gives_up_when_no_chief_answers(make_chief, client):
    make_chief()
    started = time.monotonic()
    with pytest.raises(TfvaeError, match=r"No chief at 127\.0\.0\.1:[0-9]+ for 2 s"):
        client(patience=2).create_trial("worker-0")
    assert 2 <= time.monotonic() - started < 6


def test_a_worker_that_comes_when_all_is_over_has_nothing_to_do(make_chief, client, tmp_path):
    make_chief()
    has_ended(tmp_path).touch()
    assert client(patience=2).create_trial("worker-0").status == TrialStatus.STOPPED
