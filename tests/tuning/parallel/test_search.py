"""Searches by a chief and workers as real processes, which are killed: what they find is what one process finds."""

import json
import re
import signal
import time

import psutil
import pytest

from tfvae.cli import main

BETA = "model.objective.beta"
SEARCH = {"oracle": "random", "trials": 12, "parameters": {BETA: {"float": [0.2, 5.0]}}}
TABLES = {"training": {"epochs": 80, "checkpoint_steps": 5}}


@pytest.fixture(scope="module")
def config(write):
    return write(TABLES, **SEARCH)


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
    """The records of the first trials of the search, by one process that nothing happens to."""
    directory = tmp_path_factory.mktemp("alone")

    def first(number):
        known = trials_of(directory) if (directory / "trials.jsonl").exists() else []
        if len(known) < number:
            assert main(["tune", str(config), "--output", str(directory), "--trials", str(number)]) == 0
        return trials_of(directory)[:number]

    return first


@pytest.fixture
def role(free_port):
    """The variables of a chief or a worker of one search."""
    port = free_port()
    return lambda name: {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": port,
        "KERASTUNER_TUNER_ID": name,
        "TF_NUM_INTRAOP_THREADS": "1",
    }


def trials_of(directory):
    """Its records, without what a clock says."""
    records = [json.loads(line) for line in (directory / "trials.jsonl").read_text().splitlines()]
    for record in records:
        record["seconds"] = None
        for execution in record["executions"]:
            execution["seconds"] = None
    return records


def process_of(folder):
    """The process that holds a folder, or held it last."""
    found = re.search("process ([0-9]+)", (folder / ".lock").read_text()) if (folder / ".lock").exists() else None
    return int(found[1]) if found else None


def worker_of(directory, name):
    return process_of(directory / "workers" / name)


def in_training(directory, process=None):
    """Number of trainings, or of those that a process holds, that have a checkpoint and no end."""
    runs = [path.parent for path in directory.glob("runs/*/checkpoint.npz")]
    runs = [run for run in runs if process is None or process_of(run) == process]
    return sum(not (run / "training.json").exists() for run in runs)


def trains(directory, name):
    """Whether a worker is in the middle of a training."""
    process = worker_of(directory, name)
    return process and in_training(directory, process)


def num_ended(directory):
    return len(list(directory.glob("trials/*.json")))


def kill(process, signum=signal.SIGKILL):
    psutil.Process(process).send_signal(signum)


def events_of(process):
    return [json.loads(line)["event"] for line in process.log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_a_killed_worker_goes_on_with_its_trial_bit_for_bit(config, start, wait_for, tmp_path):
    directory = tmp_path / "search"
    supervisor = start(config, "--output", directory, "--trials", 1, "--workers", 1)
    wait_for(lambda: trains(directory, "worker-0"))
    kill(worker_of(directory, "worker-0"))
    assert supervisor.wait(240) == 0, supervisor.log.read_text()
    events = events_of(supervisor)
    assert "worker-0 was killed by SIGKILL: starting it again." in events
    assert "worker-0 is back, and goes on with trial 0000." in events
    assert any(event.startswith("Going on from step") for event in events)
    (run,) = directory.glob("runs/*/training.json")
    assert main(["train", str(directory / "best.toml"), "--output", str(tmp_path / "undisturbed")]) == 0
    ours, theirs = json.loads(run.read_text()), json.loads((tmp_path / "undisturbed" / "training.json").read_text())
    assert ours["weights_sha256"] == theirs["weights_sha256"]


@pytest.mark.slow
def test_twelve_trials_with_a_worker_and_a_chief_that_are_killed(config, alone, start, wait_for, tmp_path):
    supervisor = start(config, "--output", tmp_path, "--workers", 2)
    wait_for(lambda: num_ended(tmp_path) >= 2 and trains(tmp_path, "worker-1"))
    kill(worker_of(tmp_path, "worker-1"))
    wait_for(lambda: num_ended(tmp_path) >= 6 and in_training(tmp_path))
    kill(process_of(tmp_path))
    assert supervisor.wait(900) == 0, supervisor.log.read_text()
    events = events_of(supervisor)
    assert "worker-1 was killed by SIGKILL: starting it again." in events
    assert any(event.startswith("worker-1 is back, and goes on with trial") for event in events)
    assert "chief was killed by SIGKILL: starting it again." in events
    assert trials_of(tmp_path) == alone(12)
    assert json.loads((tmp_path / "search.json").read_text())["workers"] == 2
    started = [event for event in events if re.match("Trial [0-9]+: ", event)]
    assert len(started) <= 12 + 3  # nothing was run again that had ended: two were going on, and one was killed


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_search_that_is_stopped_as_a_whole_goes_on(config, alone, start, wait_for, tmp_path, signum):
    arguments = (config, "--output", tmp_path, "--workers", 2, "--trials", 4)
    supervisor = start(*arguments)
    wait_for(lambda: num_ended(tmp_path) >= 1 and in_training(tmp_path))
    children = psutil.Process(supervisor.pid).children()
    assert len(children) == 3
    supervisor.send_signal(signum)
    assert supervisor.wait(60) == (128 + signum if signum != signal.SIGKILL else -signum)
    wait_for(lambda: not any(child.is_running() and child.status() != "zombie" for child in children), 60)
    left = in_training(tmp_path)
    assert left
    if signum != signal.SIGKILL:  # else nobody is there to pass it on
        assert sum(event.startswith("Checkpoint at step") for event in events_of(supervisor)) == left
    again = start(*arguments)
    assert again.wait(600) == 0, again.log.read_text()
    assert sum(event.startswith("Going on from step") for event in events_of(again)) == left
    assert trials_of(tmp_path) == alone(4)


@pytest.mark.slow
def test_the_trial_of_a_worker_that_never_returns_is_ended_by_another(config, alone, start, role, wait_for, tmp_path):
    arguments = (config, "--output", tmp_path, "--trials", 3, "--worker-timeout", 30)
    chief, lost, worker = (start(*arguments, **role(name)) for name in ("chief", "worker-0", "worker-1"))
    wait_for(lambda: trains(tmp_path, "worker-0") and worker_of(tmp_path, "worker-1"))
    lost.kill()
    namesake = start(*arguments, **role("worker-1"))
    assert namesake.wait(120) == 1 and "worker-1 is in use by process" in events_of(namesake)[-1]
    assert (chief.wait(400), worker.wait(60)) == (0, 0)
    assert any(event.startswith("worker-0 gave no sign of life for 30 s: trial") for event in events_of(chief))
    assert any(event.startswith("Going on from step") for event in events_of(worker))
    assert trials_of(tmp_path) == alone(3)


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_its_trial_ends(config, alone, start, wait_for, tmp_path):
    supervisor = start(config, "--output", tmp_path, "--workers", 2, "--trials", 4, "--worker-timeout", 30)
    wait_for(lambda: trains(tmp_path, "worker-0"))
    kill(worker_of(tmp_path, "worker-0"), signal.SIGSTOP)
    assert supervisor.wait(400) == 0, supervisor.log.read_text()
    assert "worker-0 gave no sign of life for 30 s: killing it." in events_of(supervisor)
    assert trials_of(tmp_path) == alone(4)


@pytest.mark.slow
def test_a_chief_that_all_workers_left_ends_with_what_it_has(config, start, role, wait_for, tmp_path):
    arguments = (config, "--output", tmp_path, "--trials", 5, "--worker-timeout", 30)
    chief, worker = (start(*arguments, **role(name)) for name in ("chief", "worker-0"))
    wait_for(lambda: num_ended(tmp_path) >= 1 and in_training(tmp_path))
    worker.kill()
    assert chief.wait(120) == 0
    assert any(event.startswith("No worker for 30 s: ending with what there is") for event in events_of(chief))
    assert num_ended(tmp_path) == len(trials_of(tmp_path)) < 5


@pytest.mark.slow
def test_a_chief_without_any_worker_ends_with_nothing(config, start, role, tmp_path):
    started = time.monotonic()
    assert start(config, "--output", tmp_path, "--worker-timeout", 10, **role("chief")).wait(120) == 3
    assert time.monotonic() - started > 10


@pytest.mark.slow
def test_a_lone_process_goes_on_with_the_trials_of_workers_and_they_with_its_own(
    config, alone, start, wait_for, tmp_path
):
    arguments = (config, "--output", tmp_path, "--trials", 4)
    several = start(*arguments, "--workers", 2)
    wait_for(lambda: in_training(tmp_path))
    several.terminate()
    assert several.wait(60) == 143
    lone = start(*arguments)
    wait_for(lambda: num_ended(tmp_path) >= 1 and in_training(tmp_path))
    lone.terminate()
    assert lone.wait(60) == 143
    last = start(*arguments, "--workers", 2)
    assert last.wait(400) == 0, last.log.read_text()
    assert trials_of(tmp_path) == alone(4)


@pytest.mark.slow
def test_a_search_in_which_nothing_finished_exits_3(write, start, tmp_path):
    rates = {"training.learning_rate": {"choice": [1e30, 1e31, 1e32, 1e33]}}
    supervisor = start(write(oracle="grid", parameters=rates), "--output", tmp_path, "--workers", 2)
    assert supervisor.wait(240) == 3
    assert any(event.startswith("None of 4 trials finished.") for event in events_of(supervisor))
    assert [record["status"] for record in trials_of(tmp_path)] == ["failed"] * 4


@pytest.mark.slow
def test_a_mistake_is_said_once(write, start, tmp_path):
    wrong = write(oracle="grid", parameters={"model.posterior.latent": {"choice": [2]}})
    supervisor = start(wrong, "--output", tmp_path / "out", "--workers", 2)
    assert supervisor.wait(120) == 2
    assert sum("has no `latent`" in event for event in events_of(supervisor)) == 1
    assert not (tmp_path / "out").exists()
