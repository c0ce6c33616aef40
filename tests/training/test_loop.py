"""What a training leaves behind, and that no interruption and no grouping of steps changes one bit of it."""

import contextlib
import json
import os
import signal

import numpy as np
import pytest

from tfvae.data import Data, open_splits, pipeline
from tfvae.errors import NothingProducedError
from tfvae.experiment import load_model
from tfvae.storage import sha256_of_arrays
from tfvae.training import logs, loop

STEPS_PER_EPOCH = 9  # 144 images in batches of 16
CONVOLUTIONAL = {
    "model.encoder": {"name": "ConvEncoder", "filters": [4, 4], "hidden_size": 16},
    "model.decoder": {"name": "ConvDecoder", "filters": [4, 4], "hidden_size": 16},
}
TERMS = {"loss", "distortion", "rate", "negative_elbo"}


class Killed(BaseException):
    """The end of a process in which nothing more can be done, as by kill -9."""


def kill():
    raise Killed


def terminate(signum=signal.SIGTERM):
    os.kill(os.getpid(), signum)


def history_of(directory):
    return [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]


def without_times(rows):
    return [{key: value for key, value in row.items() if key not in ("seconds", "examples_per_second")} for row in rows]


# What is left.


def test_history_has_a_row_an_epoch_with_the_fields_of_the_documentation(finished):
    rows = history_of(finished)
    fields = {"epoch", "step", "seconds", "examples_per_second", "learning_rate", "train", "validation"}
    assert [(row["epoch"], row["step"]) for row in rows] == [(i, i * STEPS_PER_EPOCH) for i in (1, 2, 3)]
    assert all(set(row) == fields and set(row["train"]) == set(row["validation"]) == TERMS for row in rows)
    assert all(row["seconds"] > 0 and row["examples_per_second"] > 0 for row in rows)


def test_history_has_the_learning_rate_of_the_schedule(finished):
    expected = [0.005 * (1 + np.cos(np.pi * step / 30)) for step in (9, 18, 27)]
    np.testing.assert_allclose([row["learning_rate"] for row in history_of(finished)], expected, rtol=1e-5)


def test_terms_of_the_history_are_reported_apart(finished):
    for split in ("train", "validation"):
        for row in history_of(finished):
            terms = row[split]
            assert terms["negative_elbo"] == pytest.approx(terms["distortion"] + terms["rate"], rel=1e-5)
            assert row["step"] >= 20 or terms["loss"] < terms["negative_elbo"]  # the warm-up has not ended


def test_training_improves_the_validation(finished):
    rows = history_of(finished)
    assert rows[-1]["validation"]["negative_elbo"] < rows[0]["validation"]["negative_elbo"] - 1


@pytest.fixture(scope="module")
def overshot(run, tmp_path_factory):
    """A run whose beta jumps up after epoch 1 and whose learning rate after epoch 3: the best is one in between."""
    steps = {"name": "PiecewiseConstantDecay", "boundaries": [3 * STEPS_PER_EPOCH], "values": [0.01, 0.5]}
    beta = {"name": "PiecewiseConstantDecay", "boundaries": [STEPS_PER_EPOCH], "values": [0.0, 100.0]}
    changes = {"training.epochs": 30, "training.learning_rate": steps, "training.patience": 2}
    directory = tmp_path_factory.mktemp("overshot")
    return directory, run(directory, {**changes, "model.objective.beta": beta})


def test_best_epoch_is_that_of_the_negative_elbo_and_not_of_the_weighted_loss(overshot):
    directory, result = overshot
    losses, bounds = ([row["validation"][name] for row in history_of(directory)] for name in ("loss", "negative_elbo"))
    assert result["best_epoch"] == np.argmin(bounds) + 1 != np.argmin(losses) + 1
    assert result["validation"]["negative_elbo"] == min(bounds)


def test_training_stops_when_patience_ends(overshot):
    directory, result = overshot
    assert result["best_epoch"] < len(history_of(directory)) == result["epochs"] == result["best_epoch"] + 2


def test_model_file_holds_the_best_weights_optimizer_and_step(overshot, images):
    directory, result = overshot
    model, splits = load_model(directory), open_splits(Data(str(images), batch_size=16, binarize="dynamic"))
    assert int(model.step.numpy()) == int(model.optimizer.iterations.numpy()) == result["best_epoch"] * STEPS_PER_EPOCH
    terms = model.evaluate(pipeline.ordered_batches(splits.validation, 16), verbose=0, return_dict=True)
    assert terms["negative_elbo"] == pytest.approx(result["validation"]["negative_elbo"], rel=1e-6)


def test_hash_is_that_of_the_weights_in_the_model_file(overshot):
    directory, result = overshot
    assert sha256_of_arrays(v.numpy() for v in load_model(directory).weights) == result["weights_sha256"]


# The same bits, whatever comes between.


@pytest.mark.parametrize(("most", "seconds"), [(1, 0), (256, 1e9)], ids=["one step a call", "an epoch a call"])
def test_grouping_of_steps_into_calls_changes_nothing(most, seconds, run, result, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "MAX_CALL_STEPS", most)
    monkeypatch.setattr(loop, "CALL_SECONDS", seconds)
    assert run(tmp_path, {"training.checkpoint_steps": 1000})["weights_sha256"] == result["weights_sha256"]


def same_as_finished(directory, finished, result):
    again = json.loads((directory / "training.json").read_text())
    rows, expected = without_times(history_of(directory)), without_times(history_of(finished))
    return rows == expected and {**again, "seconds": 0} == {**result, "seconds": 0}


@pytest.mark.parametrize("step", [4, 13, 18, 27], ids=["first epoch", "mid-epoch", "end of epoch", "last step"])
def test_sigterm_and_the_same_command_again_is_the_uninterrupted_run(step, run, finished, result, at_step, tmp_path):
    at_step(step, terminate)
    with pytest.raises(SystemExit, match="143"):
        run(tmp_path)
    assert len(history_of(tmp_path)) == step // STEPS_PER_EPOCH
    run(tmp_path)
    assert same_as_finished(tmp_path, finished, result)


def test_sigint_exits_130_and_says_where_the_checkpoint_is(run, at_step, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("tfvae.jobs.log.propagate", True)
    at_step(7, lambda: terminate(signal.SIGINT))
    with caplog.at_level("INFO", "tfvae"), pytest.raises(SystemExit, match="130"):
        run(tmp_path)
    assert "Checkpoint at step 7; the same command goes on from there." in caplog.messages
    assert "Stopped by SIGINT." in caplog.messages


@pytest.mark.parametrize("step", [3, 13, 18], ids=["before a checkpoint", "mid-epoch", "end of epoch"])
def test_kill_and_the_same_command_again_is_the_uninterrupted_run(step, run, finished, result, at_step, tmp_path):
    at_step(step, kill)
    with pytest.raises(Killed):
        run(tmp_path)
    run(tmp_path)
    assert same_as_finished(tmp_path, finished, result)


@pytest.fixture
def dying_at(monkeypatch):
    """A context in which the process dies before a file takes its place, or after a row of the history is written."""

    @contextlib.contextmanager
    def until_dead(place):
        append, replace = logs.append_history, os.replace

        def append_then_die(path, row):
            append(path, row)
            if place == path.name:
                kill()

        def replace_unless_dead(source, target):
            if place != "history.jsonl" and place == os.path.basename(target):
                kill()
            replace(source, target)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(logs, "append_history", append_then_die)
            patch.setattr(os, "replace", replace_unless_dead)
            yield

    return until_dead


@pytest.mark.parametrize("place", ["history.jsonl", "model.keras", "training.json"])
def test_kill_between_two_files_loses_nothing(place, run, finished, result, dying_at, tmp_path):
    with dying_at(place):
        run(tmp_path)
    run(tmp_path)
    assert same_as_finished(tmp_path, finished, result)


@pytest.mark.slow
@pytest.mark.parametrize("end", [terminate, kill])
def test_resumed_convolutional_run_is_the_uninterrupted_one(end, run, at_step, tmp_path):
    whole = run(tmp_path / "whole", CONVOLUTIONAL)
    at_step(13, end)
    with pytest.raises((SystemExit, Killed)):
        run(tmp_path / "cut", CONVOLUTIONAL)
    assert run(tmp_path / "cut", CONVOLUTIONAL)["weights_sha256"] == whole["weights_sha256"]


# Numbers that are none.


def test_a_loss_that_is_not_finite_stops_training_and_names_step_and_term(run, tmp_path):
    message = r"Training stopped at step \d+: (distortion|rate|negative_elbo)(, \w+)* became (nan|inf). Try a smaller"
    with pytest.raises(NothingProducedError, match=message):
        run(tmp_path, {"training.learning_rate": 1e20})
    assert not (tmp_path / "model.keras").exists()


def test_the_first_bad_step_is_the_one_that_is_named(run, tmp_path):
    schedule = {"name": "PiecewiseConstantDecay", "boundaries": [12], "values": [0.01, 1e30]}
    # Keras's boundary is inclusive and counts from 0: the 14th update is the first too large, and step 15 shows it.
    with pytest.raises(NothingProducedError, match="Training stopped at step 15: "):
        run(tmp_path, {"training.learning_rate": schedule})


def test_a_bad_number_in_validation_is_told_as_such(run, tmp_path):
    schedule = {"name": "PiecewiseConstantDecay", "boundaries": [7], "values": [0.01, 1e30]}
    with pytest.raises(NothingProducedError, match=r"Training stopped at step 9: .* in validation became"):
        run(tmp_path, {"training.learning_rate": schedule})
