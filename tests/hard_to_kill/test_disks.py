"""A disk that is full, or may not be written: jobs say so, and go on when it has room, as if nothing had happened."""

import subprocess

import numpy as np
import pytest

from tfvae.cli import main
from tfvae.serving.fingerprint import fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, in memory, that `remount` makes small or read-only."""
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def remount(disk, option):
    subprocess.run(["mount", "-o", f"remount,{option}", disk], check=True)


def size_of(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def on_a_full_disk(job, disk, size):
    """Runs a job to its end on a disk that is too small at first, then larger, then large."""
    for share in (0.1, 0.4, 0.8, 0.96):
        remount(disk, f"size={int(share * size)}")
        code, log = job.run()
        assert code == 1 and "Traceback" not in log and "No space left" in log, log
    remount(disk, "size=1g")
    assert job.run()[0] == 0


def test_a_full_disk_costs_a_training_nothing(config, undisturbed, as_undisturbed, disk, start):
    names = ["checkpoint.npz", "checkpoint-before.npz", "history.jsonl", "tensorboard", "model.keras"]
    run, of_training = disk / "run", [undisturbed / name for name in names]
    on_a_full_disk(start("train", config, "--output", run), disk, sum(map(size_of, of_training)))
    assert as_undisturbed(run)


def test_a_full_disk_costs_a_search_nothing(config, searched, as_searched, disk, start):
    on_a_full_disk(start("tune", config, "--output", disk / "search"), disk, size_of(searched))
    assert as_searched(disk / "search")


def test_a_full_disk_costs_a_scoring_nothing(undisturbed, disk, start, tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 2, (5000, 8, 8), np.uint8) * 255)
    arguments = ["score", undisturbed / "export", "--data", tmp_path / "images.npy", "--part-size", "1000"]
    whole = tmp_path / "whole"
    assert main([*map(str, arguments), "--output", str(whole)]) == 0
    on_a_full_disk(start(*arguments, "--output", disk / "parts"), disk, size_of(whole))
    for path in whole.glob("[!._]*"):
        assert path.read_bytes() == (disk / "parts" / path.name).read_bytes()


def test_a_full_disk_costs_a_run_nothing(config, undisturbed, as_undisturbed, disk, start):
    run, base = disk / "run", disk / "models"
    size = size_of(undisturbed) + size_of(undisturbed / "export")
    on_a_full_disk(start("run", config, "--output", run, "--saved-models", base), disk, size)
    assert as_undisturbed(run)
    assert [path.name for path in base.glob("*[0-9]*")] == ["1"]  # and no half of one
    fingerprint(base / "1")


@pytest.mark.parametrize("command", ["train", "tune", "run"])
def test_a_folder_that_must_not_be_written_is_told(command, config, disk, start):
    remount(disk, "ro")
    code, log = start(command, config, "--output", disk / "run").run()
    assert code == 1 and "Traceback" not in log and "Read-only file system" in log
