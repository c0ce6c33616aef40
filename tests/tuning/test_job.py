"""`tfvae tune` as a command: its files, what it refuses, a warm start, and that a real kill -9 costs nothing."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib

import pytest

from tfvae.cli import main
from tfvae.experiment import load_experiment

WAIT = 240  # seconds after which a test gives up
BETA, SIZE = "model.objective.beta", "model.posterior.latent_size"
NLL = "negative_log_likelihood"
SEARCH = {"oracle": "grid", "parameters": {SIZE: {"choice": [2, 4]}}}


@pytest.fixture(scope="module")
def write(tree, tmp_path_factory):
    """Writes a configuration, some of its tables replaced, and returns its path."""

    def to_file(tables=None, **search):
        path = tmp_path_factory.mktemp("config") / "my.json"
        path.write_text(json.dumps({**tree, **(tables or {}), "search": {**SEARCH, **search}}))
        return path

    return to_file


@pytest.fixture(scope="module")
def finished(write, tmp_path_factory):
    """The folder of a finished search, to be left as it is."""
    directory = tmp_path_factory.mktemp("finished")
    assert main(["tune", str(write()), "--output", str(directory)]) == 0
    return directory


@pytest.fixture
def tune(capsys):
    """Calls `tfvae tune`: exit code, standard output, and the last sentence on standard error."""

    def call(config, output, *options):
        code = main(["tune", str(config), "--output", str(output), *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.rpartition("tfvae: ")[2]

    return call


def trials_of(directory):
    return [json.loads(line) for line in (directory / "trials.jsonl").read_text().splitlines()]


def without_seconds(record):
    executions = [{**execution, "seconds": None} for execution in record["executions"]]
    return {**record, "seconds": None, "executions": executions}


# Its files.


def test_each_trial_has_its_line_and_the_best_its_place(finished):
    records = trials_of(finished)
    assert [record["values"] for record in records] == [{SIZE: 2}, {SIZE: 4}]
    assert all(record["status"] == "completed" and record["origin"] is None for record in records)
    written = json.loads((finished / "search.json").read_text())
    assert written["best"] == min(records, key=lambda record: record["scores"][NLL]["value"])["trial"]
    assert written["objectives"] == [{"name": NLL, "direction": "min", "unit": "nats/example"}]
    assert written["parameters"] == [{"path": SIZE, "kind": "choice", "values": [2, 4], "when": {}}]
    assert written["front"] == [] and written["workers"] == 1 and "search" not in written["experiment"]
    assert written["seconds"] >= sum(record["seconds"] for record in records) - 0.01


def test_rate_and_distortion_of_a_trial_add_up_to_its_negative_elbo(finished):
    for record in trials_of(finished):
        value = {name: figure["value"] for name, figure in record["measured"].items()}
        # Sums of float32 over 144 examples.
        assert value["negative_elbo"] == pytest.approx(value["rate"] + value["distortion"], rel=1e-5)
        assert value[NLL] <= value["negative_elbo"] + 1e-3


def test_the_best_configuration_trains_to_the_same_weights(finished, tmp_path):
    best = json.loads((finished / "search.json").read_text())["best"]
    (record,) = [record for record in trials_of(finished) if record["trial"] == best]
    assert "search" not in tomllib.loads((finished / "best.toml").read_text())
    assert main(["train", str(finished / "best.toml"), "--output", str(tmp_path)]) == 0
    ours = json.loads((tmp_path / "training.json").read_text())
    theirs = json.loads((finished / record["executions"][0]["directory"] / "training.json").read_text())
    assert ours["weights_sha256"] == theirs["weights_sha256"]


def test_a_finished_search_says_what_is_best_and_changes_nothing(finished, tune, write):
    before = (finished / "trials.jsonl").read_text()
    code, output, _ = tune(write(), finished)
    assert code == 0 and "\nBest: trial " in output
    assert (finished / "trials.jsonl").read_text() == before


# What is refused, before any work.


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"objective": "loss", "oracle": "random", "trials": 2, "parameters": {BETA: {"float": [0.1, 9.0]}}},
            f"`loss` cannot be the objective of a search over `{BETA}`",
        ),
        ({"parameters": {"model.posterior.latent": {"choice": [2]}}}, "has no `latent`"),
        ({"objective": "mig"}, "take udr"),
    ],
)
def test_what_could_not_end_well_is_refused_before_any_work(tune, write, tmp_path, table, message):
    code, _, error = tune(write(**table), tmp_path / "out")
    assert code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_configuration_without_a_search_is_refused(tune, tree, tmp_path):
    (tmp_path / "my.json").write_text(json.dumps(tree))
    code, _, error = tune(tmp_path / "my.json", tmp_path / "out")
    assert code == 2 and "no [search] table" in error


@pytest.mark.parametrize(
    ("tables", "search", "difference"),
    [(None, {"executions": 2}, "search.executions"), ({"training": {"epochs": 3}}, {}, "training.epochs is 2")],
)
def test_a_folder_of_another_search_is_refused(finished, tune, write, tables, search, difference):
    code, _, error = tune(write(tables, **search), finished)
    assert code == 2 and f"{finished} holds another search ({difference}" in error and "--from-search" in error


@pytest.mark.slow
def test_a_search_in_which_nothing_finished_exits_3_and_says_why(tune, write, tmp_path):
    table = {"parameters": {"training.learning_rate": {"choice": [1e30, 1e31, 1e32, 1e33]}}}
    code, _, error = tune(write(**table), tmp_path)
    assert code == 3 and error.startswith("error: None of 4 trials finished. The last one: Training stopped at step")
    assert [record["status"] for record in trials_of(tmp_path)] == ["failed"] * 4  # KerasTuner ends after three
    assert not (tmp_path / "best.toml").exists()


# What was done before is not done again.


def test_a_warm_start_runs_only_what_is_new(finished, tune, write, tmp_path):
    config = write(parameters={SIZE: {"choice": [2, 4, 8]}})
    code, output, _ = tune(config, tmp_path / "next", "--from-search", str(finished))
    assert code == 0 and "Of 2 trials of earlier searches 2 are trials of this one." in output
    before, after = trials_of(finished), trials_of(tmp_path / "next")
    assert [record["values"][SIZE] for record in after] == [2, 4, 8]
    assert [record["origin"] is None for record in after] == [False, False, True]
    assert [record["scores"] for record in after[:2]] == [record["scores"] for record in before]
    assert len(list((tmp_path / "next" / "runs").iterdir())) == 1
    assert (tmp_path / "next" / after[0]["executions"][0]["directory"] / "model.keras").exists()


def test_a_front_has_a_configuration_for_each_of_its_trials(finished, tune, write, tmp_path):
    config = write(objective=["rate", "distortion"])
    code, output, _ = tune(config, tmp_path / "next", "--from-search", str(finished))
    front = json.loads((tmp_path / "next" / "search.json").read_text())["front"]
    assert code == 0 and front and output.count("On the front: trial") == len(front)
    assert sorted(path.stem for path in (tmp_path / "next" / "front").iterdir()) == front
    assert not (tmp_path / "next" / "best.toml").exists() and not (tmp_path / "next" / "runs").exists()


def test_a_search_in_which_no_trial_keeps_the_bound_exits_3(finished, tune, write, tmp_path):
    config = write(objective={"name": "rate", "distortion_at_most": 1.0})
    code, _, error = tune(config, tmp_path / "next", "--from-search", str(finished))
    assert code == 3 and "No trial keeps the distortion at most 1: the nearest, trial 000" in error


def test_a_folder_without_a_search_gives_no_warm_start(tune, write, tmp_path):
    code, _, error = tune(write(), tmp_path / "next", "--from-search", str(tmp_path))
    assert code == 2 and "is not the folder of a search" in error


def test_another_search_in_the_same_folder_is_locked_out(finished, write):
    from tfvae import jobs
    from tfvae.errors import LockedError
    from tfvae.tuning.job import search_here

    with jobs.locked(finished), jobs.Interruption() as interruption, pytest.raises(LockedError):
        search_here(load_experiment(write()), finished, interruption)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_search_that_is_killed_in_a_trial_ends_like_an_undisturbed_one(write, tune, tmp_path, signum):
    training = {"epochs": 40, "checkpoint_steps": 5}
    config = write({"training": training}, oracle="random", trials=3, parameters={BETA: {"float": [0.2, 5.0]}})
    assert tune(config, tmp_path / "whole")[0] == 0
    command = [sys.executable, "-m", "tfvae.cli", "tune", str(config), "--output", str(tmp_path / "killed")]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for(lambda: _in_the_second_trial(tmp_path / "killed") or process.poll() is not None)
    process.send_signal(signum)
    assert process.wait(WAIT) == (-signal.SIGKILL if signum == signal.SIGKILL else 143)
    (unfinished,) = _unfinished(tmp_path / "killed")
    code, output, _ = tune(config, tmp_path / "killed")
    assert code == 0 and "Going on from step" in output and "Trial 0000:" not in output
    assert (unfinished / "score.json").exists()
    whole, killed = ([without_seconds(record) for record in trials_of(tmp_path / name)] for name in ("whole", "killed"))
    assert killed == whole
    assert (tmp_path / "killed" / "best.toml").read_text() == (tmp_path / "whole" / "best.toml").read_text()


def _unfinished(directory):
    """The trainings that have a checkpoint and no score."""
    runs = [path.parent for path in directory.glob("runs/*/checkpoint.npz")]
    return [run for run in runs if not (run / "score.json").exists()]


def _in_the_second_trial(directory):
    return len(list(directory.glob("trials/*.json"))) == 1 and _unfinished(directory)


def _wait_for(condition):
    until = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.02)
