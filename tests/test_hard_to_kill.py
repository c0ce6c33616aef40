"""Jobs that are killed at random moments, twenty times each, end as if nothing had happened."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae.cli import main
from tfvae.serving.fingerprint import fingerprint
from tfvae.storage import read_json
from tfvae.training import checkpoint

pytestmark = pytest.mark.slow
WAIT = 600
KILLS = 20
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


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "my.json"
    path.write_text(json.dumps(TREE))
    return path


@pytest.fixture(scope="module")
def undisturbed(config, tmp_path_factory):
    """The folder of a run that nothing happened to."""
    directory = tmp_path_factory.mktemp("undisturbed")
    assert main(["run", str(config), "--output", str(directory), "--until", "export"]) == 0
    return directory


class Job:
    """A `tfvae` command that is started again and again.

    Args:
        folder: Where its log goes.
        arguments: Of `tfvae`.
    """

    def __init__(self, folder, *arguments):
        self.log, self.command = folder / "log", [sys.executable, "-m", "tfvae.cli", *map(str, arguments), "--log-json"]

    def kill(self, rng, marker="", longest=2.0):
        """Starts it and kills it at a random moment after a line of its log that has `marker`; whether it hit it."""
        with open(self.log, "w") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + WAIT
        while process.poll() is None and not re.search(marker, self.log.read_text(errors="replace")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(rng.uniform(0, longest))
        signum = rng.choice(list(CODES))
        process.send_signal(signum)
        code = process.wait(WAIT)
        assert code in CODES[signum], self.log.read_text()
        return code != 0

    def run(self, **options):
        """Runs it to its end: exit code and log."""
        with open(self.log, "w") as log:
            code = subprocess.run(self.command, stdout=log, stderr=log, timeout=WAIT, check=False, **options).returncode
        return code, self.log.read_text()


def history(directory):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "second" not in name} for row in rows]


def test_a_training_that_is_killed_twenty_times(config, undisturbed, tmp_path):
    job, rng, run = Job(tmp_path, "train", config, "--output", tmp_path / "run"), random.Random(0), tmp_path / "run"
    hits = sum(job.kill(rng, "Epoch|Going on", longest=0.6) for _ in range(KILLS))
    assert hits >= KILLS / 2
    assert job.run()[0] == 0
    assert read_json(run / "training.json")["weights_sha256"] == weights(undisturbed)
    assert history(run) == history(undisturbed)
    assert not list(run.glob(".*.npz")) and len(list(run.glob("checkpoint*"))) == 2  # nothing half-written is left


def weights(directory):
    return read_json(directory / "training.json")["weights_sha256"]


def test_a_search_that_is_killed_twenty_times(config, tmp_path):
    job, rng = Job(tmp_path, "tune", config, "--output", tmp_path / "search"), random.Random(1)
    alone = tmp_path / "alone"
    assert main(["tune", str(config), "--output", str(alone)]) == 0
    hits = sum(job.kill(rng, "Trial 0", longest=1.0) for _ in range(KILLS))
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert trials(tmp_path / "search") == trials(alone)


def trials(directory):
    rows = [json.loads(line) for line in (directory / "trials.jsonl").read_text().splitlines()]
    for row in rows:
        row["seconds"] = None
        row["executions"] = [{**each, "seconds": None} for each in row["executions"]]
    return rows


def test_a_scoring_that_is_killed_twenty_times(undisturbed, tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (60_000, 8, 8), np.uint8) * 255
    np.save(tmp_path / "images.npy", images)
    data = ["--data", tmp_path / "images.npy", "--part-size", "1000"]
    arguments = ["score", undisturbed / "export", *data]
    whole, job, rng = tmp_path / "whole", Job(tmp_path, *arguments, "--output", tmp_path / "parts"), random.Random(2)
    assert main([*map(str, arguments), "--output", str(whole)]) == 0
    hits = 0
    for _ in range(KILLS):
        hits += job.kill(rng, longest=8.0)
        for path in (tmp_path / "parts").glob("[!._]*"):  # whatever is to be seen is whole
            assert path.read_bytes() == (whole / path.name).read_bytes()
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert {path.name for path in (tmp_path / "parts").glob("[!.]*")} == {path.name for path in whole.glob("[!.]*")}


def test_a_run_that_is_killed_twenty_times_until_its_model_is_served(config, undisturbed, tmp_path):
    base = tmp_path / "models"
    arguments = ["run", config, "--output", tmp_path / "run", "--saved-models", base]
    job, rng = Job(tmp_path, *arguments), random.Random(3)
    hits = 0
    for _ in range(KILLS):
        hits += job.kill(rng, longest=15.0)
        for path in base.glob("[0-9]*"):
            fingerprint(path)  # whole, or it raises
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert [path.name for path in base.glob("[0-9]*")] == ["1"] and weights(tmp_path / "run") == weights(undisturbed)


# What else happens to jobs.


def test_a_full_disk_is_told_and_costs_nothing(config, undisturbed, tmp_path):
    job, run = Job(tmp_path, "train", config, "--output", tmp_path / "run"), tmp_path / "run"
    full = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))}  # no larger file
    code, log = job.run(**full)
    assert code == 1 and "Traceback" not in log and "File too large" in log
    assert job.run()[0] == 0 and weights(run) == weights(undisturbed)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written_is_told(config, tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    code, log = Job(tmp_path, "train", config, "--output", tmp_path / "run").run()
    assert code == 1 and "Traceback" not in log and "Permission denied" in log


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b""], ids=["cut", "empty"])
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(damage, config, undisturbed, tmp_path):
    job, run, rng = Job(tmp_path, "train", config, "--output", tmp_path / "run"), tmp_path / "run", random.Random(4)
    while not checkpoint.before_of(run / "checkpoint.npz").exists():
        assert job.kill(rng, "Epoch|Going on", longest=0.6)
    newest = run / "checkpoint.npz"
    newest.write_bytes(damage(newest.read_bytes()))
    code, log = job.run()
    assert code == 0 and "going on from the one before" in log
    assert weights(run) == weights(undisturbed) and history(run) == history(undisturbed)


def test_a_clock_that_jumps_changes_nothing(config, undisturbed, tmp_path, monkeypatch):
    real, rng = time.time, random.Random(5)
    monkeypatch.setattr(time, "time", lambda: real() + rng.uniform(-1e6, 1e6))
    assert main(["run", str(config), "--output", str(tmp_path / "run"), "--until", "export"]) == 0
    assert weights(tmp_path / "run") == weights(undisturbed)
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert all(0 <= each < WAIT for each in seconds)


def test_two_jobs_on_one_folder_do_not_meet(config, undisturbed, tmp_path):
    job, other = (Job(folder, "train", config, "--output", tmp_path / "run") for folder in (tmp_path, tmp_path.parent))
    with open(job.log, "w") as log:
        process = subprocess.Popen(job.command, stdout=log, stderr=log)
    while "Epoch" not in job.log.read_text() and process.poll() is None:
        time.sleep(0.05)
    code, log = other.run()
    assert code == 1 and "is in use by process" in log
    assert process.wait(WAIT) == 0 and weights(tmp_path / "run") == weights(undisturbed)
