"""Runs that are moved aside: nothing is lost, whenever the move is killed."""

import json
import shutil

import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae.cli import main
from tfvae.experiment import experiment_from
from tfvae.storage import write_json

TREE = {"data": {"name": "digits", "binarize": "dynamic"}, "training": {"epochs": 2}, "model": mlp_vae([8], 2)}
OTHERS = ("checkpoint.npz", "checkpoint-before.npz", "model.keras", "training.json")


@pytest.fixture
def config(tmp_path):
    """A configuration, and a run of another one."""
    (tmp_path / "my.json").write_text(json.dumps(TREE))
    run = tmp_path / "run"
    (run / "tuning").mkdir(parents=True)
    (run / "tuning" / "trials.jsonl").touch()
    for name in OTHERS:
        (run / name).write_text(name)
    write_json(run / "experiment.json", experiment_from({**TREE, "training": {"epochs": 3}}).to_dict())
    write_json(run / "data.json", {})
    return tmp_path / "my.json"


@pytest.mark.parametrize("number", range(len(OTHERS) + 2))
def test_a_run_of_which_a_kill_left_a_part_is_moved_by_the_next(number, config, tmp_path, monkeypatch):
    run, moved = tmp_path / "run", []
    command = ["run", str(config), "--output", str(run), "--until", "data"]

    def move(path, target):
        if len(moved) == number:
            raise SystemExit(137)
        moved.append(path)
        return path.rename(target)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(shutil, "move", move)
        main(command)
    assert main(command) == 0
    found = sorted(path.name for path in run.glob("superseded/*/*"))
    assert found == sorted([*OTHERS, "experiment.json", "data.json"])
    assert {path.name for path in run.iterdir()} == {".lock", "data.json", "steps", "superseded", "tuning"}
