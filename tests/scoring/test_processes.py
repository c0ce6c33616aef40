"""Jobs as processes: killed at any moment, stopped by a signal, two at once, and in memory that does not grow."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import LockedError
from tfvae.scoring import Scoring, read, score

ROOT = Path(__file__).parents[2]
# What `tfvae score` does.
JOB = """
import argparse, sys
from tfvae import jobs, scoring
from tfvae.scoring.arguments import add_arguments, scoring_of
parser = argparse.ArgumentParser()
add_arguments(parser)
args = parser.parse_args()
def job():
    with jobs.Interruption() as interruption:
        scoring.score(scoring_of(args), args.output, interruption)
sys.exit(jobs.run(job))
"""
# Two jobs, the second of many times the examples; prints by how many MiB the process has grown by the second.
GROWTH = """
import resource, sys
from tfvae.scoring import Scoring, score
model, few, many, output = sys.argv[1:]
peaks = []
for number, data in enumerate((few, many)):
    score(Scoring(model, data=data, signature="serving_default", batch_size=32, part_size=128), f"{output}/{number}")
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print((peaks[1] - peaks[0]) / 1024)
"""
SECONDS = 120  # for a process to come so far
SLOW = {"signature": "encode", "batch_size": 1, "part_size": 100}


@pytest.fixture(scope="module")
def many_images(tmp_path_factory):
    """So many that a job of one image a call takes some seconds."""
    path = tmp_path_factory.mktemp("many") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (20_000, 8, 8, 1), "uint8"))
    return path


def started(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def slow_job(model, data, output):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SLOW.items()]
    return started(JOB, model, "--data", data, "--output", output, *options)


def wait_for_parts(process, output, number):
    deadline = time.monotonic() + SECONDS
    while len(list(output.glob("part-*"))) < number:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.01)


def files(directory):
    return {path.name: path.read_bytes() for path in directory.glob("part-*")}


@pytest.mark.slow
def test_a_killed_job_leaves_whole_parts_and_the_next_makes_the_rest(plain_export, many_images, tmp_path):
    killed, scoring = tmp_path / "killed", Scoring(plain_export, data=str(many_images), **SLOW)
    process = slow_job(plain_export, many_images, killed)
    wait_for_parts(process, killed, 3)
    process.kill()
    assert process.wait(SECONDS) == -signal.SIGKILL
    left = files(killed)
    score(scoring, tmp_path / "whole")
    whole = files(tmp_path / "whole")
    assert 3 <= len(left) < len(whole) == 200
    assert left.items() <= whole.items()
    score(scoring, killed)
    assert files(killed) == whole


@pytest.mark.slow
def test_a_second_process_is_refused_and_a_signal_stops_the_first(plain_export, many_images, tmp_path):
    output, scoring = tmp_path / "scores", Scoring(plain_export, data=str(many_images), **SLOW)
    process = slow_job(plain_export, many_images, output)
    wait_for_parts(process, output, 1)
    with pytest.raises(LockedError, match=f"is in use by process {process.pid}"):
        score(scoring, output)
    process.terminate()
    printed = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 128 + signal.SIGTERM, printed
    assert "Stopped by SIGTERM." in printed and "Traceback" not in printed
    assert len(files(output)) < 200
    score(scoring, output)
    assert [record["index"] for record in read(output)] == list(range(20_000))


@pytest.mark.slow
def test_two_shards_work_side_by_side(plain_export, array_file, tmp_path):
    options = ["--data", array_file, "--part-size", 5]
    processes = [started(JOB, plain_export, "--output", tmp_path, *options, "--shard", f"{i}/2") for i in (0, 1)]
    printed = [process.communicate(timeout=SECONDS)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert "10 examples, shard 0 of 2, are in" in printed[0] and "13 examples, shard 1 of 2, are in" in printed[1]
    assert [record["index"] for record in read(tmp_path)] == list(range(23))


def write_arrays(directory, number):
    np.save(directory / f"{number}.npy", np.zeros((number, 128, 128, 1), "uint8"))
    return directory / f"{number}.npy"


def write_folder(directory, number):
    (directory / str(number)).mkdir()
    (directory / "one.png").write_bytes(tf.io.encode_png(np.zeros((128, 128, 1), "uint8")).numpy())
    for index in range(number):
        os.link(directory / "one.png", directory / str(number) / f"{index:05d}.png")
    return directory / str(number)


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_arrays, write_folder], ids=["array", "folder"])
def test_memory_does_not_grow_with_the_number_of_examples(write, export_function, tmp_path):
    model = export_function(lambda images: {"mean": tf.reduce_mean(images, axis=[1, 2, 3])}, (128, 128, 1))
    few, many = write(tmp_path, 512), write(tmp_path, 8192)
    process = started(GROWTH, model, few, many, tmp_path / "scores")
    printed = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, printed
    # All examples at once would be 512 MiB as the model takes them. What the allocator keeps varies by some MiB.
    assert float(printed.split()[-1]) < 40
