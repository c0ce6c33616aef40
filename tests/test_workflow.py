"""The main job, run as a user runs it: `python -m pipelines.run`, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tfvae import cli
from tfvae.experiment import load_model
from tfvae.storage import sha256_of_arrays

ROOT = Path(__file__).parents[1]
CONFIG = """
[data]
name = "{data}"
binarize = "dynamic"
batch_size = 32
[training]
epochs = 2
[model]
name = "VAE"
encoder = {{ name = "MLP", hidden_sizes = [8] }}
posterior = {{ name = "DiagonalNormal", latent_size = 2 }}
prior = {{ name = "StandardNormal" }}
decoder = {{ name = "MLP", hidden_sizes = [8] }}
likelihood = {{ name = "Bernoulli" }}
objective = {{ name = "ELBO" }}
[evaluation]
num_samples = 20
[gate]
negative_elbo = {{ at_most = 1000.0 }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data and configuration, in which the main job has run once."""
    folder = tmp_path_factory.mktemp("workflow")
    write_data(folder, seed=0)
    (folder / "tiny.toml").write_text(CONFIG.format(data=folder / "data.npz"))
    result = job(folder, "run", "tiny.toml")
    assert result.returncode == 0, result.stderr
    return folder


def write_data(folder, seed):
    random = np.random.RandomState(seed)
    images = (random.rand(200, 6, 6) * random.rand(200, 1, 1) * 255).astype("uint8")
    np.savez(folder / "data.npz", x=images, label=random.randint(0, 3, 200))


def job(folder, name, *arguments):
    command = [sys.executable, "-m", f"pipelines.{name}", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def manifest(folder, step):
    return json.loads((folder / "runs" / "tiny" / "steps" / f"{step}.json").read_text())


def test_main_job_leaves_model_page_and_version(folder):
    made = ["runs/tiny/model.keras", "runs/tiny/metrics.json", "runs/tiny/report.html", "saved_models/tiny/1"]
    assert all((folder / path).exists() for path in made)


def test_second_run_skips_all_but_the_look_at_the_data(folder):
    result = job(folder, "run", "tiny.toml")
    assert result.returncode == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if "skipped" in line] == [
        "train", "evaluate", "report", "export", "validate", "push",
    ]  # fmt: skip
    assert [path.name for path in (folder / "saved_models" / "tiny").glob("[0-9]*")] == ["1"]


@pytest.mark.slow
def test_another_evaluation_and_other_thresholds_run_no_training_again(folder):
    trained = manifest(folder, "train")["started"]
    others = ["--set", "evaluation.num_samples=30", "--set", "gate.negative_elbo.at_most=900.0"]
    result = job(folder, "run", "tiny.toml", *others)
    assert result.returncode == 0, result.stderr
    assert manifest(folder, "train")["started"] == trained
    assert json.loads((folder / "runs/tiny/metrics.json").read_text())["num_samples"] == 30
    assert manifest(folder, "validate")["inputs"]["gate"]["negative_elbo"]["at_most"] == 900.0


def test_lost_output_is_made_again(folder):
    (folder / "runs/tiny/report.html").unlink()
    assert "report    ..." in job(folder, "run", "tiny.toml", "--until", "report").stdout
    assert (folder / "runs/tiny/report.html").exists()


def lost(path):
    path.unlink()


def flipped(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 4
    path.write_bytes(whole)


@pytest.mark.parametrize("damage", [lost, flipped])
@pytest.mark.parametrize("name", ["model.keras", "training.json", "history.jsonl"])
def test_what_a_training_left_is_made_again_of_its_checkpoint(name, damage, folder, monkeypatch, capsys):
    run = folder / "runs" / "tiny"
    before = {output: (run / output).read_text() for output in ("training.json", "history.jsonl")}
    damage(run / name)
    monkeypatch.chdir(folder)
    assert cli.main(["run", "tiny.toml", "--until", "train"]) == 0
    assert "Going on from step" in capsys.readouterr().out
    assert before == {output: (run / output).read_text() for output in before}
    weights = sha256_of_arrays(variable.numpy() for variable in load_model(run / "model.keras").weights)
    assert weights == json.loads(before["training.json"])["weights_sha256"]


def test_a_model_that_is_lost_with_its_checkpoint_is_told(folder, tmp_path, capsys):
    for name in ("experiment.json", "training.json", "history.jsonl"):
        (tmp_path / name).write_bytes((folder / "runs" / "tiny" / name).read_bytes())
    assert cli.main(["train", str(folder / "tiny.toml"), "--output", str(tmp_path)]) == 4
    assert "has lost its model.keras, and has no checkpoint" in capsys.readouterr().err


@pytest.mark.slow
def test_training_that_was_done_by_itself_is_taken_over(folder, tmp_path):
    trained = job(folder, "train", "tiny.toml", "--output", tmp_path / "run", "--set", "training.epochs=1")
    assert trained.returncode == 0, trained.stderr
    arguments = ["--output", tmp_path / "run", "--until", "train", "--set", "training.epochs=1"]
    result = job(folder, "run", "tiny.toml", *arguments)
    assert "nothing to do" in result.stdout and not (tmp_path / "run" / "superseded").exists()


def test_dry_run_changes_nothing(folder, monkeypatch, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock" and path.is_file()}
    monkeypatch.chdir(folder)
    assert cli.main(["run", "tiny.toml", "--dry-run", "--from", "export"]) == 0
    said = capsys.readouterr().out
    assert "export    would run." in said and "train     skipped" in said
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_manifest_says_what_went_in_and_came_out(folder):
    train = manifest(folder, "train")
    assert train["seed"] == 0 and train["versions"]["keras"] and len(train["outputs"]["model.keras"]) == 64
    assert train["inputs"]["experiment"]["training"]["epochs"] == 2


@pytest.mark.slow
def test_withdrawn_version_is_not_pushed_again_by_the_next_run(folder):
    job(folder, "run", "tiny.toml", "--set", "training.epochs=3")
    versions = sorted(int(path.name) for path in (folder / "saved_models/tiny").glob("[0-9]*"))
    assert job(folder, "push", "--rollback", "saved_models/tiny").returncode == 0
    job(folder, "run", "tiny.toml", "--set", "training.epochs=3")
    left = sorted(int(path.name) for path in (folder / "saved_models/tiny").glob("[0-9]*"))
    assert left == versions[:-1]


@pytest.mark.slow
def test_changed_data_trains_anew_and_keeps_the_old_run(folder):
    write_data(folder, seed=1)
    result = job(folder, "run", "tiny.toml", "--until", "train")
    assert result.returncode == 0, result.stderr
    assert "train     ..." in result.stdout and "evaluate" not in result.stdout
    assert list((folder / "runs/tiny/superseded").glob("*/model.keras"))


def test_evaluation_refuses_data_that_the_model_was_not_trained_on(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    before = (folder / "data.npz").read_bytes()
    write_data(folder, seed=2)
    assert cli.main(["evaluate", "runs/tiny"]) == 4
    assert "has changed since" in capsys.readouterr().err
    (folder / "data.npz").write_bytes(before)


@pytest.mark.slow
def test_killed_run_goes_on_and_finishes(folder, tmp_path):
    arguments = ["run", folder / "tiny.toml", "--output", tmp_path / "run", "--until", "report"]
    arguments += ["--set", "training.epochs=500", "--set", "training.checkpoint_steps=20"]
    command = [sys.executable, "-m", "tfvae.cli", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(tmp_path / "run" / "checkpoint.npz")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143, process.stdout.read()
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0 and "Going on from step" in result.stdout
    assert (tmp_path / "run" / "report.html").exists() and not (tmp_path / "run" / "export").exists()


def wait_for(path, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("gate={}", "is not blessed: set thresholds in [gate]"),
        ("gate.negative_elbo.at_most=-1e3", "and must be at most -1000.0"),
    ],
    ids=["no thresholds", "thresholds that are not kept"],
)
def test_a_model_that_is_not_blessed_any_more_is_reported_and_not_pushed(gate, words, folder, tmp_path):
    result = job(folder, "run", "tiny.toml", "--set", gate, "--saved-models", tmp_path)
    assert result.returncode == 5 and words in result.stderr and "Traceback" not in result.stderr
    assert (folder / "runs/tiny/report.html").exists() and not list(tmp_path.glob("[0-9]*"))


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["train", "missing.toml", "--output", "out"], 2, "missing.toml"),
        (["run", "tiny.toml", "--from", "export", "--until", "train"], 2, "export comes after step train"),
        (["train", "tiny.toml", "--output", "out", "--set", "training.epoch=3"], 2, "epochs"),
        (["train", "tiny.toml", "--output", "out", "--set", "data.name=./no-such-folder"], 4, "no-such-folder"),
        (["train", "tiny.toml", "--output", "out", "--set", "data.name=mnits"], 4, "mnist"),
        (["train", "tiny.toml", "--output", "out", "--set", "data.binarize=none"], 4, "binarize"),
        (["evaluate", "no-run"], 2, "no-run"),
        (["export", "no-run"], 2, "no-run"),
        (["validate", "no-export"], 2, "no-export"),
        (["validate", "."], 5, "saved_model.pb"),
        (["push", "--rollback", "no-base"], 2, "no-base"),
        (["report", "no-run"], 2, "no-run"),
    ],
)
def test_mistakes_get_one_sentence_and_their_exit_code(folder, monkeypatch, capsys, arguments, code, word):
    monkeypatch.chdir(folder)
    assert cli.main(arguments) == code
    error = capsys.readouterr().err
    assert word in error and "Traceback" not in error
