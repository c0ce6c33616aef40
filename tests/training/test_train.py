"""The training job as a command: what it refuses, what it leaves alone, and that a real kill -9 costs nothing."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfvae import jobs
from tfvae.cli import main
from tfvae.experiment import experiment_from
from tfvae.storage import sha256_of_file
from tfvae.training.train import differences

WAIT = 120  # seconds after which a test gives up


@pytest.fixture
def config(tree, tmp_path):
    """Writes the configuration of the finished run, and returns its path."""
    path = tmp_path / "my.json"
    path.write_text(json.dumps(tree()))
    return path


@pytest.fixture
def command(config, tmp_path, capsys):
    """Calls `tfvae train` in this process: exit code, standard output, and the last sentence on standard error."""

    def train(*overrides, output="out"):
        sets = [part for override in overrides for part in ("--set", override)]
        code = main(["train", str(config), "--output", str(tmp_path / output), *sets])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.rpartition("tfvae: ")[2]

    return train


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run, in the directory of the command."""
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture
def begun(copy):
    """A run that was stopped after its last checkpoint."""
    (copy / "training.json").unlink()
    (copy / "model.keras").unlink()
    return copy


def files(directory):
    names = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(directory)): sha256_of_file(path) for path in names}


# A finished run.


def test_a_run_leaves_its_files_and_no_temporary_ones(finished):
    names = {path.name for path in finished.iterdir()}
    documented = {"experiment.json", "data.json", "model.keras", "training.json", "history.jsonl", "checkpoint.npz"}
    documented |= {"checkpoint-before.npz"}
    assert names == documented | {"tensorboard"}


def test_the_experiment_of_a_run_is_resolved_and_can_be_read(finished, tree):
    saved = json.loads((finished / "experiment.json").read_text())
    assert experiment_from(saved) == experiment_from(tree())
    assert saved["evaluation"]["num_samples"] == 5000


def test_a_finished_run_says_so_and_changes_nothing(command, copy):
    before, age = files(copy), (copy / "model.keras").stat().st_mtime_ns
    code, output, error = command()
    assert (code, error) == (0, "") and output == f"{copy} holds the finished training: nothing to do.\n"
    assert files(copy) == before and (copy / "model.keras").stat().st_mtime_ns == age


def test_how_to_evaluate_may_change_after_training(command, copy):
    assert command("evaluation.num_samples=7")[0] == 0
    assert json.loads((copy / "experiment.json").read_text())["evaluation"]["num_samples"] == 7


# Refusals.


@pytest.mark.parametrize("state", ["copy", "begun"])
def test_another_configuration_in_the_directory_is_refused_and_names_the_key(state, command, request):
    before = files(directory := request.getfixturevalue(state))
    code, _, error = command("model.posterior.latent_size=3")
    assert code == 2 and "model.posterior.latent_size is 2 there and 3 here): choose another --output" in error
    assert files(directory) == before


def test_another_configuration_may_take_a_directory_in_which_nothing_began(command, tmp_path):
    assert command("data.name=/no/where.npz")[0] == 4
    assert command("training.epochs=1")[0] == 0


def test_an_experiment_of_an_older_version_has_the_defaults_of_what_it_did_not_know(tree):
    ours = experiment_from(tree({})).to_dict()
    older = {name: value for name, value in ours["training"].items() if name not in ("jit_compile", "precision")}
    assert differences({**ours, "training": older}, ours) == []
    changed = {**ours, "training": {**ours["training"], "jit_compile": True}}
    assert differences({**ours, "training": older}, changed) == ["training.jit_compile is False there and True here"]


def test_differences_name_keys_that_one_side_lacks(tree):
    theirs, ours = (experiment_from(tree(changes)).to_dict() for changes in ({}, {"model.objective": {"name": "ELBO"}}))
    assert differences(theirs, ours) == [
        "model.objective.beta.name is 'LinearWarmup' there and None here",
        "model.objective.beta.steps is 20 there and None here",
    ]


def test_data_that_changed_since_training_began_is_refused(command, begun, images, tmp_path):
    arrays = dict(np.load(images))
    arrays["x"][0, 0, 0] ^= 1
    experiment = json.loads((begun / "experiment.json").read_text())
    experiment["data"]["name"] = str(tmp_path / "mine.npz")
    (begun / "experiment.json").write_text(json.dumps(experiment))
    np.savez(tmp_path / "mine.npz", **arrays)
    code, _, error = command(f"data.name={tmp_path / 'mine.npz'}")
    assert code == 4 and f"The data of {begun} has changed since its training began" in error


def test_grey_images_under_a_bernoulli_likelihood_are_refused_with_what_to_do(command):
    code, _, error = command("data.binarize=none")
    assert code == 4 and "grey values: set `binarize`" in error and "\n" not in error.strip()


@pytest.mark.parametrize("binarize", ["static", "dynamic"])
def test_binarised_images_are_what_a_bernoulli_likelihood_takes(binarize, command):
    assert command(f"data.binarize={binarize}", "training.epochs=1")[0] == 0


def test_grey_images_are_what_a_normal_likelihood_takes(command):
    likelihood = "model.likelihood={name='Normal', scale={name='LearnedScale'}}"
    assert command("data.binarize=none", "training.epochs=1", likelihood)[0] == 0


def test_a_loss_that_is_not_finite_exits_3_with_step_and_term(command):
    code, _, error = command("training.learning_rate=1e20")
    assert code == 3 and error.startswith("error: Training stopped at step ") and " became " in error


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_ends_alike(command, begun, finished, capsys):
    (begun / "checkpoint.npz").write_bytes(b"PK\x03\x04 damaged")
    code, _, warning = command()
    assert code == 0 and "going on from the one before" in warning
    ours, theirs = (json.loads((run / "training.json").read_text()) for run in (begun, finished))
    assert ours["weights_sha256"] == theirs["weights_sha256"]


def test_two_damaged_checkpoints_exit_4_and_name_the_file(command, begun):
    for name in ("checkpoint.npz", "checkpoint-before.npz"):
        (begun / name).write_bytes(b"PK\x03\x04 damaged")
    code, _, error = command()
    assert code == 4 and error.startswith(f"error: The checkpoint {begun / 'checkpoint.npz'} is damaged")


def test_a_wrong_key_exits_2_with_one_sentence(command):
    code, output, error = command("training.epoch=3")
    assert (code, output) == (2, "") and error.startswith("error: [training] has no `epoch`. Did you mean `epochs`?")


def test_a_folder_that_must_not_be_written_exits_1_with_one_sentence(command, tmp_path):
    (tmp_path / "out").write_text("a file")
    code, _, error = command()
    assert code == 1 and "File exists" in error and "Traceback" not in error


def test_a_directory_in_use_exits_1_and_says_by_whom(command, tmp_path):
    with jobs.locked(tmp_path / "out"):
        code, _, error = command()
    assert code == 1 and "is in use by process" in error


# A process of its own.


def start(config, output, *arguments):
    command = [sys.executable, "-m", "tfvae.cli", "train", str(config), "--output", str(output), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_after_a_checkpoint(process, output, signum):
    """Sends a signal as soon as there is a checkpoint; returns the exit code and standard error."""
    end = time.monotonic() + WAIT
    while not (output / "checkpoint.npz").exists() and time.monotonic() < end:
        time.sleep(0.001)
    process.send_signal(signum)
    _, error = process.communicate(timeout=WAIT)
    assert not (output / "training.json").exists(), "it ended before the signal came"
    return process.returncode, error


LONG = {"training.epochs": 20, "training.patience": 20, "training.checkpoint_steps": 6}


@pytest.mark.slow
def test_kill_9_and_the_same_command_again_is_the_uninterrupted_run(run, tree, tmp_path):
    (tmp_path / "long.json").write_text(json.dumps(tree(LONG)))
    process = start(tmp_path / "long.json", tmp_path / "cut")
    assert stop_after_a_checkpoint(process, tmp_path / "cut", signal.SIGKILL)[0] == -signal.SIGKILL
    resumed, whole = (run(tmp_path / name, LONG) for name in ("cut", "whole"))
    assert resumed["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_to_the_command_saves_and_every_line_of_its_log_is_json(signum, code, run, tree, tmp_path):
    (tmp_path / "long.json").write_text(json.dumps(tree(LONG)))
    process = start(tmp_path / "long.json", tmp_path / "cut", "--log-json")
    returned, error = stop_after_a_checkpoint(process, tmp_path / "cut", signum)
    entries = [json.loads(line) for line in error.splitlines()]
    assert (returned, entries[-1]["event"]) == (code, f"Stopped by {signum.name}.")
    assert entries[-2]["event"].startswith("Checkpoint at step ")
    resumed, whole = (run(tmp_path / name, LONG) for name in ("cut", "whole"))
    assert resumed["weights_sha256"] == whole["weights_sha256"]


def test_weights_do_not_depend_on_whether_the_data_was_prepared_before(command, tmp_path):
    options = ["data.name=digits", f"data.data_dir={tmp_path / 'tfds'}", "training.epochs=1"]
    hashes = set()
    for output in ("preparing", "prepared"):
        assert command(*options, output=output)[0] == 0
        hashes.add(json.loads((tmp_path / output / "training.json").read_text())["weights_sha256"])
    assert len(hashes) == 1
