"""`tfvae run --tune` and `tfvae read-off` as commands."""

import json

import pytest

from tfvae.cli import main
from tfvae.storage import read_json

SIZE, BETA = "model.posterior.latent_size", "model.objective.beta"
SEARCH = {"oracle": "grid", "parameters": {SIZE: {"choice": [2, 4]}}}


@pytest.fixture(scope="module")
def write(tree, tmp_path_factory):
    """Writes a configuration with a search, and returns its path."""

    def to_file(**tables):
        path = tmp_path_factory.mktemp("config") / "my.json"
        path.write_text(json.dumps({**tree, **tables}))
        return str(path)

    return to_file


@pytest.fixture(scope="module")
def tuned(write, tmp_path_factory):
    """The folder of a run that a search was put in front of."""
    directory = tmp_path_factory.mktemp("tuned")
    assert main(["run", write(search=SEARCH), "--tune", "--until", "train", "--output", str(directory)]) == 0
    return directory


def test_the_run_is_that_of_the_best_trial(tuned):
    found = read_json(tuned / "tuning" / "search.json")
    trials = [json.loads(line) for line in (tuned / "tuning" / "trials.jsonl").read_text().splitlines()]
    (best,) = [trial for trial in trials if trial["trial"] == found["best"]]
    assert read_json(tuned / "experiment.json")["model"]["posterior"]["latent_size"] == best["values"][SIZE]
    trained = read_json(tuned / "tuning" / best["executions"][0]["directory"] / "training.json")
    assert read_json(tuned / "training.json")["weights_sha256"] == trained["weights_sha256"]


def test_the_same_again_neither_searches_nor_trains(tuned, write, capsys):
    before = {path: path.stat().st_mtime_ns for path in tuned.rglob("training.json")}
    assert len(before) == 3
    config = write(search=SEARCH)
    assert main(["run", config, "--tune", "--until", "train", "--output", str(tuned)]) == 0
    assert "train     skipped" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in tuned.rglob("training.json")}


def test_another_best_moves_the_run_aside_and_leaves_the_search(tuned, write, capsys):
    options = ["--until", "train", "--output", str(tuned), "--set", "training.epochs=1"]
    assert main(["run", write(), *options]) == 0
    assert list(tuned.glob("superseded/*/training.json")) and (tuned / "tuning" / "best.toml").exists()


def test_a_dry_run_searches_nothing(write, tmp_path, capsys):
    assert main(["run", write(search=SEARCH), "--tune", "--dry-run", "--output", str(tmp_path / "run")]) == 0
    assert "train     would run" in capsys.readouterr().out and not (tmp_path / "run" / "tuning").exists()


def test_a_front_has_no_best_to_run(write, tmp_path, capsys):
    search = {**SEARCH, "objective": ["rate", "distortion"], "parameters": {SIZE: {"choice": [2]}}}
    assert main(["run", write(search=search), "--tune", "--output", str(tmp_path)]) == 2
    assert "a front and no best" in capsys.readouterr().err
    assert not (tmp_path / "training.json").exists()


def test_a_run_without_a_search_table_cannot_be_tuned(write, tmp_path, capsys):
    assert main(["run", write(), "--tune", "--output", str(tmp_path)]) == 2
    assert "has no [search] table" in capsys.readouterr().err


@pytest.mark.slow
def test_read_off_makes_a_run_of_a_multi_rate_one(tree, write, tmp_path, capsys):
    model = {**tree["model"], "name": "MultiRateVAE", "objective": {"name": "MultiRate", "num_betas": 2}}
    multi, single = str(tmp_path / "multi"), str(tmp_path / "single")
    assert main(["train", write(model=model, training={"epochs": 1}), "--output", multi]) == 0
    assert main(["read-off", multi, "--beta", "0.5", "--output", single, "--set", "evaluation.num_samples=3"]) == 0
    assert "Read off beta = 0.5" in capsys.readouterr().out
    experiment = read_json(tmp_path / "single" / "experiment.json")
    assert (experiment["model"]["objective"]["beta"], experiment["evaluation"]["num_samples"]) == (0.5, 3)
    assert main(["read-off", multi, "--beta", "99", "--output", str(tmp_path / "far")]) == 2
    assert "was trained for beta from 0.1 to 10, and not for 99" in capsys.readouterr().err
