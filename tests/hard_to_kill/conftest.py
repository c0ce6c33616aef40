"""Jobs in processes of their own, and what becomes of them when nothing happens."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae.cli import main
from tfvae.storage import read_json

WAIT = 600
CODES = {signal.SIGTERM: (0, 143, -signal.SIGTERM), signal.SIGKILL: (0, -signal.SIGKILL)}  # 0: it had ended before
TREE = {
    "data": {"name": "digits", "binarize": "dynamic", "batch_size": 32},
    "training": {"epochs": 300, "checkpoint_steps": 50, "learning_rate": 0.003, "threads": 2},
    "model": mlp_vae([16], latent_size=4),
    "evaluation": {"num_samples": 10, "measures": []},
    "gate": {"negative_elbo": {"at_most": 1000.0}},
    "search": {
        "oracle": "random",
        "trials": 4,
        "num_samples": 5,
        "parameters": {"model.objective.beta": {"float": [0.5, 2.0]}},
    },
}


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "my.json"
    path.write_text(json.dumps(TREE))
    return path


@pytest.fixture(scope="session")
def short(tmp_path_factory):
    """A configuration that two processes, which wait for each other at every step, can train by in half a minute."""
    path = tmp_path_factory.mktemp("short") / "my.json"
    path.write_text(json.dumps({**TREE, "training": {**TREE["training"], "epochs": 40, "threads": None}}))
    return path


@pytest.fixture(scope="session")
def undisturbed(config, tmp_path_factory):
    """The folder of a run that nothing happened to."""
    directory = tmp_path_factory.mktemp("undisturbed")
    assert main(["run", str(config), "--output", str(directory), "--until", "export"]) == 0
    return directory


@pytest.fixture(scope="session")
def searched(config, tmp_path_factory):
    """The folder of a search that nothing happened to."""
    directory = tmp_path_factory.mktemp("searched")
    assert main(["tune", str(config), "--output", str(directory)]) == 0
    return directory


@pytest.fixture(scope="session")
def by_two(short, tmp_path_factory):
    """The folder of a training by two processes that nothing happened to."""
    directory = tmp_path_factory.mktemp("by_two")
    assert main(["train", str(short), "--output", str(directory), "--workers", "2"]) == 0
    return directory


@pytest.fixture
def start(tmp_path):
    """Makes a `Job` of the arguments of `tfvae`."""
    return lambda *arguments: Job(tmp_path / "log", *arguments)


@pytest.fixture
def as_undisturbed(undisturbed):
    """Whether a run has trained as the undisturbed one did."""
    return lambda run: weights(run) == weights(undisturbed) and history(run) == history(undisturbed)


@pytest.fixture
def as_by_two(by_two):
    """Whether a run has trained as the undisturbed one of two processes did."""
    return lambda run: weights(run) == weights(by_two) and history(run) == history(by_two)


@pytest.fixture
def as_searched(searched):
    """Whether a search has found what the undisturbed one did."""
    return lambda directory: trials(directory) == trials(searched)


class Job:
    """A `tfvae` command that is started again and again.

    Args:
        log: Where its log goes.
        arguments: Of `tfvae`.
    """

    def __init__(self, log, *arguments):
        self.log, self.command = log, [sys.executable, "-m", "tfvae.cli", *map(str, arguments), "--log-json"]

    def kill(self, rng, marker="", longest=2.0):
        """Starts it and kills it at a random moment after a line of its log that has `marker`; whether it hit it."""
        process = self._started_until(marker)
        time.sleep(rng.uniform(0, longest))
        signum = rng.choice(list(CODES))
        process.send_signal(signum)
        code = process.wait(WAIT)
        assert code in CODES[signum], self.log.read_text()
        return code != 0

    def _started_until(self, marker):
        """Its process, as soon as its log has the marker."""
        with open(self.log, "w") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + WAIT
        while process.poll() is None and not re.search(marker, self.log.read_text(errors="replace")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process

    def kill_two(self, rng, marker):
        """Kills its chief or its worker, and a little later what started them; whether it hit that."""
        process = self._started_until(marker)
        while process.poll() == 1 and self.is_refused():  # by one that waits for the dead until its time is up
            process = self._started_until(marker)
        time.sleep(rng.uniform(0, 0.6))
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):  # it has ended, or is about to start them again
            rng.choice(psutil.Process(process.pid).children()).kill()
        time.sleep(rng.uniform(0, 6.0))  # while they end, begin again, or train again
        signum = rng.choice(list(CODES))
        process.send_signal(signum)
        return process.wait(WAIT) in CODES[signum][1:]

    def is_refused(self):
        """Whether another process was in its folder."""
        return "is in use by process" in self.log.read_text(errors="replace")

    def run(self):
        """Runs it to its end: exit code and log."""
        with open(self.log, "w") as log:
            code = subprocess.run(self.command, stdout=log, stderr=log, timeout=WAIT, check=False).returncode
        return code, self.log.read_text()


def history(directory):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "second" not in name} for row in rows]


def weights(directory):
    return read_json(directory / "training.json")["weights_sha256"]


def trials(directory):
    rows = [json.loads(line) for line in (directory / "trials.jsonl").read_text().splitlines()]
    for row in rows:
        row["seconds"] = None
        row["executions"] = [{**each, "seconds": None} for each in row["executions"]]
    return rows
