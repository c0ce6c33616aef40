"""Jobs that are killed at random moments, twenty times each, end as if nothing had happened."""

import datetime
import json
import os
import random
import shutil
import subprocess
import time

import numpy as np
import pytest

from tfvae.cli import main
from tfvae.serving.fingerprint import fingerprint
from tfvae.storage import PARTIAL
from tfvae.training import checkpoint

pytestmark = pytest.mark.slow
WAIT = 600
KILLS = 20


def kill_twenty_times(job, rng, begin_anew, look=lambda: None, **moments):
    """Kills a job twenty times in its work; one that has ended before begins anew in an empty place."""
    hits = 0
    while hits < KILLS:
        if job.kill(rng, **moments):
            hits += 1
        else:
            begin_anew()
        look()


def test_a_training_that_is_killed_twenty_times(config, as_undisturbed, start, tmp_path):
    run, rng = tmp_path / "run", random.Random(0)
    job = start("train", config, "--output", run)

    def begin_anew():
        assert as_undisturbed(run)
        shutil.rmtree(run)

    kill_twenty_times(job, rng, begin_anew, marker="Epoch|Going on", longest=0.6)
    assert job.run()[0] == 0
    assert as_undisturbed(run)
    assert not list(run.glob(f"{PARTIAL}*")) and len(list(run.glob("checkpoint*"))) == 2  # nothing half-written is left


def test_a_training_by_two_processes_that_is_killed_ten_times(short, as_by_two, start, tmp_path):
    """Each time the chief or its worker, and then all of it, while they begin again or train."""
    run, rng, hits = tmp_path / "run", random.Random(7), 0
    job = start("train", short, "--output", run, "--workers", "2")
    while hits < KILLS // 2:
        if job.kill_two(rng, "Epoch|Going on"):
            hits += 1
        else:
            assert as_by_two(run)
            shutil.rmtree(run)
    while (code := job.run()[0]) == 1 and job.is_refused():
        time.sleep(1)
    assert code == 0
    assert as_by_two(run)


def test_a_search_that_is_killed_twenty_times(config, as_searched, start, tmp_path):
    search = tmp_path / "search"
    job, rng = start("tune", config, "--output", search), random.Random(1)

    def begin_anew():
        assert as_searched(search)
        shutil.rmtree(search)

    kill_twenty_times(job, rng, begin_anew, marker="Trial 0", longest=1.0)
    assert job.run()[0] == 0
    assert as_searched(search)


def test_a_scoring_that_is_killed_twenty_times(undisturbed, start, tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (60_000, 8, 8), np.uint8) * 255
    np.save(tmp_path / "images.npy", images)
    data, parts = ["--data", tmp_path / "images.npy", "--part-size", "1000"], tmp_path / "parts"
    arguments = ["score", undisturbed / "export", *data]
    whole, job, rng = tmp_path / "whole", start(*arguments, "--output", parts), random.Random(2)
    assert main([*map(str, arguments), "--output", str(whole)]) == 0
    names = lambda folder: {path.name for path in folder.glob("[!.]*")}  # noqa: E731

    def begin_anew():
        assert names(parts) == names(whole)
        shutil.rmtree(parts)

    def look():
        for path in parts.glob("[!._]*"):  # whatever is to be seen is whole
            assert path.read_bytes() == (whole / path.name).read_bytes()

    kill_twenty_times(job, rng, begin_anew, look, longest=8.0)
    assert job.run()[0] == 0
    assert names(parts) == names(whole)


def test_a_run_that_is_killed_twenty_times_until_its_model_is_served(config, as_undisturbed, start, tmp_path):
    base, run = tmp_path / "models", tmp_path / "run"
    job, rng = start("run", config, "--output", run, "--saved-models", base), random.Random(3)

    def as_it_should_be():
        return [path.name for path in base.glob("[0-9]*")] == ["1"] and as_undisturbed(run)

    def begin_anew():
        assert as_it_should_be()
        shutil.rmtree(run)
        shutil.rmtree(base)

    def look():
        for path in base.glob("[0-9]*"):
            fingerprint(path)  # whole, or it raises

    kill_twenty_times(job, rng, begin_anew, look, longest=15.0)
    assert job.run()[0] == 0
    assert as_it_should_be()


def test_a_push_that_is_killed_twenty_times(undisturbed, start, tmp_path):
    assert main(["validate", str(undisturbed)]) == 0
    base, rng = tmp_path / "models", random.Random(6)
    job, whole = start("push", undisturbed, base), fingerprint(undisturbed / "export")
    began = time.monotonic()
    assert job.run()[0] == 0
    seconds = time.monotonic() - began

    def look():
        assert all(fingerprint(path) == whole for path in base.glob("[0-9]*"))
        shutil.rmtree(base, ignore_errors=True)  # a push is short: each is killed as it pushes the first version

    look()
    kill_twenty_times(job, rng, lambda: None, look, longest=seconds)
    base.mkdir()
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


@pytest.fixture
def jumping_clock(monkeypatch):
    """Every look at the clock is up to twelve days off, forth or back; the number of looks, [n]."""
    rng, looks, now, now_ns, real = random.Random(5), [0], time.time, time.time_ns, datetime.datetime

    def off():
        looks[0] += 1
        return rng.uniform(-1e6, 1e6)

    class Jumping(real):
        @classmethod
        def now(cls, tz=None):
            return real.now(tz) + datetime.timedelta(seconds=off())

    monkeypatch.setattr(time, "time", lambda: now() + off())
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + int(off() * 1e9))
    monkeypatch.setattr(datetime, "datetime", Jumping)
    return looks


def test_a_clock_that_jumps_changes_nothing(config, as_undisturbed, as_searched, jumping_clock, tmp_path):
    assert main(["run", str(config), "--output", str(tmp_path / "run"), "--until", "export"]) == 0
    assert as_undisturbed(tmp_path / "run") and jumping_clock[0] > 0
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert all(0 <= each < WAIT for each in seconds)
    jumping_clock[0] = 0
    assert main(["tune", str(config), "--output", str(tmp_path / "search")]) == 0
    assert as_searched(tmp_path / "search") and jumping_clock[0] > 0


def test_a_checkpoint_from_the_future_is_gone_on_from(config, as_undisturbed, start, tmp_path):
    job, rng, ahead = start("train", config, "--output", tmp_path / "run"), random.Random(8), time.time() + 1e6
    while not (tmp_path / "run" / "checkpoint.npz").exists():
        assert job.kill(rng, "Epoch|Going on", longest=0.6)
    for path in (tmp_path / "run").iterdir():
        os.utime(path, (ahead, ahead))
    assert job.run()[0] == 0
    assert as_undisturbed(tmp_path / "run")


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
