"""Several devices, and several processes, give the numbers of one: the same batches, noise and weights."""

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae import jobs
from tfvae.cli import main
from tfvae.errors import ConfigError, TfvaeError
from tfvae.experiment import load_model
from tfvae.settings import Training
from tfvae.storage import read_json
from tfvae.training import addresses, workers
from tfvae.training.distribution import Cluster, cluster_of

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "pipelines" / "configs"
WAIT = 300
# One of each kind of noise: of normals, spheres, simplices, flows and classes; of corruptions; of several levels; none.
SAME = ["digits"]
SAME_TOO = ["ladder_vae", "vq_vae", "denoising_vae", "geco", "semi_supervised_vae", "spherical_vae"]
TINY = {
    "data": {"name": "digits", "binarize": "dynamic", "batch_size": 32},
    "training": {"epochs": 3, "checkpoint_steps": 7, "learning_rate": 0.003},
    "model": mlp_vae([16], latent_size=4),
}


# Several devices of one process.


@functools.cache
def on_devices(*names):
    """{configuration: what `two_devices` says of it}."""
    paths = [str(CONFIGS / f"{name}.toml") for name in names]
    command = [sys.executable, str(Path(__file__).with_name("two_devices.py")), *paths]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return {Path(each["config"]).stem: each for each in found}


@pytest.mark.parametrize(
    ("name", "names"),
    [(name, SAME) for name in SAME] + [pytest.param(name, SAME_TOO, marks=pytest.mark.slow) for name in SAME_TOO],
)
def test_two_devices_give_the_numbers_of_one_with_the_double_batch(name, names):
    found = on_devices(*names)[name]
    one, two = found["one"], found["mirrored"]
    for ours, theirs in zip([*one["steps"], one["test"]], [*two["steps"], two["test"]], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-4, abs=1e-4)  # sums of thousands of float32, in another order
    assert two["weights"] == pytest.approx(one["weights"], rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_what_is_fitted_after_training_on_two_devices_is_fitted_on_one(tmp_path):
    flow = {"name": "AutoregressiveFlow", "hidden_sizes": [8]}
    tree = {**TINY, "training": {"epochs": 1}, "model": {**TINY["model"]}}
    tree["model"]["prior"] = {"name": "FittedAfterTraining", "prior": flow}
    tree["model"]["objective"] = {"name": "Reconstruction"}
    tree["model"]["posterior"] = {"name": "Deterministic", "latent_size": 4}
    (tmp_path / "tiny.json").write_text(json.dumps(tree))
    script = str(Path(__file__).with_name("two_devices_and_a_prior.py"))
    command = [sys.executable, script, str(tmp_path / "tiny.json"), str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    model = load_model(tmp_path / "run")
    assert model.can_sample and np.all(np.isfinite(model.sample(10, (0, 1))))
    assert int(model.step.numpy()) == read_json(tmp_path / "run" / "training.json")["step"]


# Several processes.


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory):
    """The folder of the training by one process."""
    directory = tmp_path_factory.mktemp("alone")
    assert main(["train", str(config), "--output", str(directory)]) == 0
    return directory


@pytest.fixture(scope="module")
def together(config, tmp_path_factory):
    """The folder of the training by two processes."""
    directory = tmp_path_factory.mktemp("together")
    process = start(config, directory)
    assert process.wait(WAIT) == 0, (directory.parent / "log").read_text()
    return directory


def start(config, directory, *options):
    arguments = ["train", str(config), "--output", str(directory), "--workers", "2", "--log-json", *options]
    with open(directory.parent / "log", "w") as log:
        return subprocess.Popen([sys.executable, "-m", "tfvae.cli", *arguments], stdout=log, stderr=log)


def history(directory):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]
    return [(row["train"], row["validation"]) for row in rows]


def test_two_processes_give_the_losses_of_one(alone, together):
    for ours, theirs in zip(history(alone), history(together), strict=True):
        for one, two in zip(ours, theirs, strict=True):
            assert two == pytest.approx(one, rel=1e-5)


def test_only_the_chief_writes(alone, together):
    names = {path.name for path in alone.iterdir()}
    assert {path.name for path in together.iterdir()} == names
    assert len(list(together.glob("tensorboard/train/*"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["chief", "worker"])
def test_a_killed_worker_costs_nothing(whom, config, together, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    process = start(config, directory)
    wait_for(lambda: (directory / "checkpoint.npz").exists())
    os.kill(pids_of(process)[0 if whom == "chief" else 1], signal.SIGKILL)
    assert process.wait(WAIT) == 0, (tmp_path / "log").read_text()
    assert "starting all again" in (tmp_path / "log").read_text()
    ours, theirs = read_json(together / "training.json"), read_json(directory / "training.json")
    assert ours["weights_sha256"] == theirs["weights_sha256"]
    assert history(together) == history(directory)


@pytest.mark.slow
def test_a_signal_stops_all_at_one_step_and_the_same_command_goes_on(config, tmp_path):
    undisturbed, directory, longer = tmp_path / "undisturbed", tmp_path / "run", ("--set", "training.epochs=80")
    assert start(config, undisturbed, *longer).wait(WAIT) == 0
    process = start(config, directory, *longer)
    wait_for(lambda: (directory / "checkpoint.npz").exists())
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT) == 143
    assert not (directory / "training.json").exists()
    assert start(config, directory, *longer).wait(WAIT) == 0
    assert "Going on from step" in (tmp_path / "log").read_text()
    ours, theirs = read_json(undisturbed / "training.json"), read_json(directory / "training.json")
    assert ours["weights_sha256"] == theirs["weights_sha256"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_worker_that_waits_for_a_chief_ends_with_what_started_both(config, tmp_path):
    process = start(config, tmp_path / "run")
    wait_for(lambda: len(pids_of(process)) == 2)
    chief, worker = pids_of(process)
    os.kill(chief, signal.SIGSTOP)
    wait_for(lambda: is_listening(worker))
    time.sleep(2)  # until TensorFlow waits for the chief
    process.kill()
    process.wait(WAIT)
    os.kill(chief, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), 30)


def is_listening(pid):
    """Whether the worker of a process has opened its port."""
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    texts = [text.removeprefix("TF_CONFIG=") for text in variables if text.startswith("TF_CONFIG=")]
    if not texts:  # not yet: it still is a copy of what starts it
        return False
    said = json.loads(texts[0])
    host, port = said["cluster"]["worker"][said["task"]["index"]].split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def wait_for(condition, seconds=WAIT):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pids_of(process):
    """The processes of chief and worker."""
    return sorted(child.pid for child in psutil.Process(process.pid).children())


# What is refused.


def test_a_batch_that_cannot_be_shared_is_refused():
    cluster = cluster_of(Training(epochs=1))
    cluster.check(7)

    class Three(Cluster):
        num_replicas = 3

    with pytest.raises(ConfigError, match="3 devices cannot share a batch of 64"):
        Three(cluster.strategy).check(64)


@pytest.mark.parametrize(
    "variables", [{}, {addresses.HOSTS: "a:1,b:1"}, {addresses.HOSTS: "a:1,b:1", addresses.INDEX: "2"}]
)
def test_workers_that_know_not_of_each_other_are_told_what_to_set(variables, monkeypatch, config, tmp_path, capsys):
    for name in ("TF_CONFIG", addresses.HOSTS, addresses.INDEX):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    options = ["--output", str(tmp_path / "run"), "--set", "training.strategy=multi_worker"]
    assert main(["train", str(config), *options]) == 2
    assert "set TF_CONFIG, or TFVAE_WORKER_HOSTS" in capsys.readouterr().err and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "must be like"),
        ('{"cluster": {}}', "must be like"),
        (
            json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}),
            "chief,",
        ),
        (json.dumps({"cluster": {"worker": ["b:1"]}, "task": {"type": "evaluator", "index": 0}}), "evaluator,"),
        (json.dumps({"cluster": {"worker": ["b:1"]}, "task": {"type": "worker"}}), "must be like"),
        (addresses.tf_config(["a:1", "b:1"], 2), "2 workers, and this is worker 2"),
        (addresses.tf_config(["a:1", "b:1"], -1), "this is worker -1"),
    ],
    ids=["no JSON", "no task", "a chief", "an evaluator", "no index", "too high an index", "too low an index"],
)
def test_a_cluster_of_others_or_without_this_one_is_refused(text, said, monkeypatch, config, tmp_path, capsys):
    monkeypatch.setenv("TF_CONFIG", text)
    options = ["--output", str(tmp_path / "run"), "--set", "training.strategy=multi_worker"]
    assert main(["train", str(config), *options]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_jobs_that_train_on_the_way_are_for_one_machine(config, tmp_path, capsys):
    options = ["--output", str(tmp_path / "run"), "--set", "training.strategy=multi_worker"]
    assert main(["run", str(config), *options]) == 2
    assert "Several machines share one `tfvae train`" in capsys.readouterr().err


def test_an_indexed_job_says_which_worker_it_is(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")  # so that what is set here is gone after it
    monkeypatch.delenv("TF_CONFIG")
    monkeypatch.setenv(addresses.HOSTS, "train-0.train:2222, train-1.train:2222")
    monkeypatch.setenv(addresses.INDEX, "1")
    addresses.set_tf_config()
    expected = {"worker": ["train-0.train:2222", "train-1.train:2222"]}
    assert json.loads(os.environ["TF_CONFIG"]) == {"cluster": expected, "task": {"type": "worker", "index": 1}}


def test_workers_of_a_worker_are_refused(monkeypatch, config, tmp_path, capsys):
    monkeypatch.setenv("TF_CONFIG", addresses.tf_config(["a:1", "b:1"], 0))
    assert main(["train", str(config), "--output", str(tmp_path / "run"), "--workers", "2"]) == 2
    assert "unset TF_CONFIG" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_workers_on_a_folder_in_use_are_refused_before_they_start(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.5)
    with jobs.locked(tmp_path):
        assert main(["train", str(config), "--output", str(tmp_path), "--workers", "2"]) == 1
    said = capsys.readouterr()
    assert "is in use by process" in said.err and "starting all again" not in said.out + said.err


@pytest.mark.slow
def test_workers_that_keep_dying_are_given_up(config, tmp_path):
    (tmp_path / "file").touch()
    arguments = ["train", str(config), "--output", str(tmp_path / "file" / "run")]  # which the children cannot make
    with pytest.raises(TfvaeError, match=r"died 5 times without getting further(.|\n)*Not a directory"):
        workers.supervise(arguments, tmp_path / "run", 1)


@pytest.mark.parametrize(("name", "value"), [("strategy", "two"), ("precision", "float16")])
def test_an_unknown_switch_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"`{name}` must be one of"):
        Training(epochs=1, **{name: value})
