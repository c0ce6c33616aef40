"""Jobs that are killed at random moments, twenty times each, end as if nothing had happened."""

import json
import random
import shutil
import subprocess
import time

import numpy as np
import pytest

from tfvae.cli import main
from tfvae.serving.fingerprint import fingerprint
from tfvae.training import checkpoint

pytestmark = pytest.mark.slow
WAIT = 600
KILLS = 20


def test_a_training_that_is_killed_twenty_times(config, as_undisturbed, start, tmp_path):
    run, rng = tmp_path / "run", random.Random(0)
    job = start("train", config, "--output", run)
    hits = sum(job.kill(rng, "Epoch|Going on", longest=0.6) for _ in range(KILLS))
    assert hits >= KILLS / 2
    assert job.run()[0] == 0
    assert as_undisturbed(run)
    assert not list(run.glob(".*.npz")) and len(list(run.glob("checkpoint*"))) == 2  # nothing half-written is left


def test_a_search_that_is_killed_twenty_times(config, as_searched, start, tmp_path):
    job, rng = start("tune", config, "--output", tmp_path / "search"), random.Random(1)
    hits = sum(job.kill(rng, "Trial 0", longest=1.0) for _ in range(KILLS))
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert as_searched(tmp_path / "search")


def test_a_scoring_that_is_killed_twenty_times(undisturbed, start, tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (60_000, 8, 8), np.uint8) * 255
    np.save(tmp_path / "images.npy", images)
    data = ["--data", tmp_path / "images.npy", "--part-size", "1000"]
    arguments = ["score", undisturbed / "export", *data]
    whole, job, rng = tmp_path / "whole", start(*arguments, "--output", tmp_path / "parts"), random.Random(2)
    assert main([*map(str, arguments), "--output", str(whole)]) == 0
    hits = 0
    for _ in range(KILLS):
        hits += job.kill(rng, longest=8.0)
        for path in (tmp_path / "parts").glob("[!._]*"):  # whatever is to be seen is whole
            assert path.read_bytes() == (whole / path.name).read_bytes()
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert {path.name for path in (tmp_path / "parts").glob("[!.]*")} == {path.name for path in whole.glob("[!.]*")}


def test_a_run_that_is_killed_twenty_times_until_its_model_is_served(config, as_undisturbed, start, tmp_path):
    base = tmp_path / "models"
    job, rng = start("run", config, "--output", tmp_path / "run", "--saved-models", base), random.Random(3)
    hits = 0
    for _ in range(KILLS):
        hits += job.kill(rng, longest=15.0)
        for path in base.glob("[0-9]*"):
            fingerprint(path)  # whole, or it raises
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert [path.name for path in base.glob("[0-9]*")] == ["1"] and as_undisturbed(tmp_path / "run")


def test_a_push_that_is_killed_twenty_times(undisturbed, start, tmp_path):
    assert main(["validate", str(undisturbed)]) == 0
    base, rng, hits = tmp_path / "models", random.Random(6), 0
    job, whole = start("push", undisturbed, base), fingerprint(undisturbed / "export")
    began = time.monotonic()
    assert job.run()[0] == 0
    seconds = time.monotonic() - began
    for _ in range(KILLS):
        shutil.rmtree(base)
        hits += job.kill(rng, longest=seconds)
        base.mkdir(exist_ok=True)
        assert all(fingerprint(path) == whole for path in base.glob("[0-9]*"))
    assert hits >= KILLS / 4
    assert job.run()[0] == 0
    assert [path.name for path in base.iterdir() if path.is_dir()] == ["1"] and fingerprint(base / "1") == whole


# What else happens to jobs.


def cut(whole):
    return whole[: len(whole) // 2]


def empty(whole):
    return b""


def flipped(whole):
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, empty, flipped])
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(damage, config, as_undisturbed, start, tmp_path):
    run, rng = tmp_path / "run", random.Random(4)
    job = start("train", config, "--output", run)
    while not checkpoint.before_of(run / "checkpoint.npz").exists():
        assert job.kill(rng, "Epoch|Going on", longest=0.6)
    newest = run / "checkpoint.npz"
    newest.write_bytes(damage(newest.read_bytes()))
    code, log = job.run()
    assert code == 0 and "going on from the one before" in log
    assert as_undisturbed(run)


def test_a_clock_that_jumps_changes_nothing(config, as_undisturbed, tmp_path, monkeypatch):
    real, rng = time.time, random.Random(5)
    monkeypatch.setattr(time, "time", lambda: real() + rng.uniform(-1e6, 1e6))
    assert main(["run", str(config), "--output", str(tmp_path / "run"), "--until", "export"]) == 0
    assert as_undisturbed(tmp_path / "run")
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert all(0 <= each < WAIT for each in seconds)


def test_two_jobs_on_one_folder_do_not_meet(config, as_undisturbed, start, tmp_path):
    job, other = (start("train", config, "--output", tmp_path / "run") for _ in range(2))
    other.log = tmp_path / "other"
    with open(job.log, "w") as log:
        process = subprocess.Popen(job.command, stdout=log, stderr=log)
    while "Epoch" not in job.log.read_text() and process.poll() is None:
        time.sleep(0.05)
    code, log = other.run()
    assert code == 1 and "is in use by process" in log
    assert process.wait(WAIT) == 0 and as_undisturbed(tmp_path / "run")
