"""A chief that serves from a thread, its clients, and real processes of a search."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tfvae.tuning.chief import serve
from tfvae.tuning.client import Client
from tfvae.tuning.oracle import make_oracle
from tfvae.tuning.records import Records
from tfvae.tuning.space import values_of

WAIT = 240  # seconds after which a test gives up
BETA = "model.objective.beta"
SCORE = 20.123456789012345  # no float of 32 bits


@pytest.fixture(scope="session")
def wait_for():
    """Waits until a condition holds."""

    def wait(condition, seconds=WAIT):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "nothing happened"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def free_port():
    """Finds a port that nobody has."""

    def find():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return str(free.getsockname()[1])

    return find


class Chief:
    """A chief of a search of `trials` trials, serving from a thread of this process.

    Args:
        oracle: Its oracle.
        records: The records of the search.
        patience: Seconds.
    """

    def __init__(self, oracle, records, patience):
        self.oracle, self.records, self.patience, self.error = oracle, records, patience, None
        self.thread = threading.Thread(target=self._serve)

    def _serve(self):
        try:
            serve(self.oracle, self.records, self.patience)
        except Exception as error:
            self.error = error

    def start(self):
        self.thread.start()
        return self

    def has_ended(self):
        self.thread.join(0)
        return not self.thread.is_alive()

    def record(self, trial, message=None, score=SCORE):
        """Writes what a worker writes when a trial ended."""
        values = values_of(self.oracle.search.space, trial.hyperparameters.values)
        scores = {} if message else {"negative_log_likelihood": {"value": score}}
        status = "failed" if message else "completed"
        record = {"trial": trial.trial_id, "values": values, "status": status, "scores": scores, "message": message}
        self.records.write(record)


@pytest.fixture
def make_chief(make_experiment, tmp_path, monkeypatch, free_port):
    """Makes a chief of a random search; the address is in KerasTuner's variables."""
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", free_port())
    made = []

    def make(trials=2, patience=WAIT, oracle="random", **parameter):
        parameter = parameter or {"float": [0.25, 4.0], "scale": "log"}
        search = make_experiment(trials=trials, oracle=oracle, parameters={BETA: parameter}).search
        oracle = make_oracle(search, tmp_path / "oracle" / "oracle.json", seed=0, epochs=9)
        if oracle.path.exists():
            oracle.reload()
        oracle.save()
        made.append(Chief(oracle, Records(tmp_path), patience))
        return made[-1]

    yield make
    for chief in made:
        if chief.thread.ident:
            chief.oracle.search = None  # whatever it is asked next ends it
            with contextlib.suppress(Exception):
                Client(tmp_path, 1).create_trial("last")
            chief.thread.join(WAIT)


@pytest.fixture
def client(tmp_path):
    """What a worker asks the chief by."""
    return lambda patience=WAIT: Client(tmp_path, patience)


@pytest.fixture(scope="session")
def write(tree, tmp_path_factory):
    """Writes a configuration, some of its tables replaced, and returns its path."""

    def to_file(tables=None, **search):
        path = tmp_path_factory.mktemp("config") / "my.json"
        path.write_text(json.dumps({**tree, **(tables or {}), "search": {"num_samples": 10, **search}}))
        return path

    return to_file


@pytest.fixture
def start(tmp_path_factory):
    """Starts `tfvae tune` as a process that logs to a file, its attribute `log`; ends all that it started."""
    started = []

    def run(*arguments, **variables):
        log = tmp_path_factory.mktemp("log") / "log"
        environment = {**os.environ, **variables}
        command = [sys.executable, "-m", "tfvae.cli", "tune", *map(str, arguments), "--log-json"]
        with open(log, "w") as file:
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
        process.log = log
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
