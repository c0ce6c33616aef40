"""Trainings of trials: each made once, continued where it was, and the same bit for bit however it came about."""

import json
import shutil
import threading
import time

import pytest

from tfvae import jobs, storage
from tfvae.experiment import changed
from tfvae.training.loop import Loop
from tfvae.tuning.execution import Executions, OpenedData, held, key_of


@pytest.fixture(scope="session")
def executions(make_experiment):
    """Makes the `Executions` of a search in a folder."""

    def make(directory, earlier=(), **table):
        with jobs.Interruption() as interruption:
            return Executions(make_experiment(**table).search, directory, interruption, earlier)

    return make


@pytest.fixture(scope="session")
def experiment(make_experiment):
    return changed(make_experiment(), {"search": None})


@pytest.fixture(scope="session")
def done(executions, experiment, tmp_path_factory):
    """A search's folder with one finished training, and what `run` returned."""
    directory = tmp_path_factory.mktemp("done")
    return directory, *executions(directory).run(experiment)


def longer(experiment, epochs):
    return changed(experiment, {"training.epochs": epochs})


# Once.


def test_a_training_lies_under_the_hash_of_what_shapes_it(done, experiment):
    directory, run, _ = done
    assert run == directory / "runs" / key_of(experiment)
    assert "search" not in json.loads((run / "experiment.json").read_text())


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({"evaluation.num_samples": 3}, True),
        ({"data.data_dir": "elsewhere"}, True),
        ({"seed": 1}, False),
        ({"training.epochs": 3}, False),
        ({"model.objective.beta": 2.0}, False),
    ],
)
def test_the_hash_is_of_what_shapes_the_training_and_of_nothing_else(experiment, changes, is_same):
    assert (key_of(changed(experiment, changes)) == key_of(experiment)) == is_same


def test_a_finished_training_is_read_and_not_made_again(done, executions, experiment, monkeypatch):
    directory, run, score = done
    monkeypatch.setattr(Loop, "run", None)  # a training would fail
    assert executions(directory).run(experiment) == (run, score)


def test_an_earlier_search_gives_what_it_finished(done, executions, experiment, tmp_path, monkeypatch):
    directory, run, score = done
    monkeypatch.setattr(Loop, "run", None)
    assert executions(tmp_path, earlier=[directory]).run(experiment) == (run, score)
    assert executions(tmp_path, earlier=[directory]).found_earlier(longer(experiment, 3)) is None


def test_figures_that_are_missing_are_measured_without_training(done, executions, experiment, monkeypatch):
    directory, run, score = done
    before = (run / "score.json").read_text()
    monkeypatch.setattr(Loop, "run", None)
    _, other = executions(directory, num_samples=7).run(experiment)
    (run / "score.json").write_text(before)
    assert other["asked"]["num_samples"] == 7 and other["weights_sha256"] == score["weights_sha256"]
    # The bound of 7 samples is looser than that of 100, over 144 examples by far more than the draws of samples change.
    name = "negative_log_likelihood"
    assert other["measured"][name]["value"] > score["measured"][name]["value"]


def test_the_data_is_opened_once_for_trials_that_share_it(experiment):
    open_data = OpenedData()
    first = open_data(experiment.data)
    assert open_data(changed(experiment, {"data.batch_size": 8}).data) is first
    assert open_data(changed(experiment, {"data.binarize": "none"}).data) is not first


def test_a_folder_is_waited_for_while_another_holds_it(tmp_path):
    released = []

    def hold():
        with held(tmp_path):
            begun.set()
            time.sleep(0.5)
            released.append(True)

    begun, other = threading.Event(), threading.Thread(target=hold)
    other.start()
    begun.wait()
    with held(tmp_path):
        assert released
    other.join()


# The same, bit for bit.


def test_scores_are_of_validation_examples(done, experiment):
    from tfvae.data import open_splits, pipeline
    from tfvae.evaluation import measure
    from tfvae.experiment import load_model

    _, run, score = done
    splits = open_splits(experiment.data)
    batches = pipeline.ordered_batches(splits.validation, 64)
    figures = measure(load_model(run), batches, 100, seed=0)["metrics"]
    assert score["measured"]["rate"]["value"] == figures["rate"]["value"]
    name = "negative_log_likelihood"
    assert score["measured"][name]["value"] == figures[name]["value"]
    assert score["measured"][name]["standard_error"] == figures[name]["standard_error"]


def test_a_training_continues_a_shorter_one_and_ends_as_if_it_had_begun_anew(done, executions, experiment, tmp_path):
    directory, _, _ = done
    steps = []
    advance = Loop._call

    def count(loop, feed, num_steps):
        steps.append(num_steps)
        advance(loop, feed, num_steps)

    anew = executions(tmp_path).run(longer(experiment, 4))[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_call", count)
        continued = executions(directory).run(longer(experiment, 4), begun=2)[1]
    assert continued["weights_sha256"] == anew["weights_sha256"]
    assert continued["measured"] == anew["measured"]
    assert sum(steps) == 2 * (1293 // 64)  # of four epochs only the last two


def test_a_training_is_stopped_by_the_median_of_the_others_and_keeps_its_best(done, executions, experiment, tmp_path):
    directory = shutil.copytree(done[0], tmp_path / "search")
    slow = changed(experiment, {"training.learning_rate": 1e-6})
    run, score = executions(directory, stop_by_median_after=1).run(slow)
    assert (score["stopped"], score["epochs"]) == ("median", 1)
    assert storage.read_json(run / "training.json")["epochs"] == 1 and (run / "model.keras").exists()
    assert executions(tmp_path / "next", earlier=[directory]).found_earlier(slow) is None
