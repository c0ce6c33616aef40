"""Reading off: a run of one beta out of one of many, with which every job after training goes on as with any other."""

import json
import shutil

import keras
import numpy as np
import pytest

from tfvae import jobs, run_directory
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import experiment_from, load_model
from tfvae.models import VAE
from tfvae.serving.standalone.served_model import ServedModel
from tfvae.storage import read_json, sha256_of_arrays
from tfvae.training.train import train
from tfvae.tuning.read_off import read_off

BETA = 0.5


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    x = np.random.default_rng(0).integers(0, 256, (120, 6, 6), dtype=np.uint8)
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, x=x, label=np.arange(120) % 3)
    return path


@pytest.fixture(scope="module")
def experiment(images):
    network = {"name": "MLP", "hidden_sizes": [8]}
    model = {
        "name": "MultiRateVAE",
        "encoder": network,
        "posterior": {"name": "DiagonalNormal", "latent_size": 2},
        "prior": {"name": "StandardNormal"},
        "decoder": network,
        "likelihood": {"name": "Bernoulli"},
        "objective": {"name": "MultiRate", "lowest": 0.2, "highest": 5.0, "num_betas": 2, "num_samples": 2},
    }
    data = {"name": str(images), "binarize": "dynamic", "batch_size": 32}
    gate = {"negative_elbo": {"at_most": 100.0}}
    training = {"epochs": 2, "learning_rate": 0.01}
    return {"model": model, "data": data, "training": training, "gate": gate, "evaluation": {"num_samples": 5}}


@pytest.fixture(scope="module")
def multi(experiment, tmp_path_factory):
    """The folder of a finished multi-rate run."""
    return trained(experiment, tmp_path_factory.mktemp("runs") / "multi")


@pytest.fixture(scope="module")
def single(multi):
    """The folder of what was read off it."""
    read_off(multi, BETA, multi.parent / "single", ["gate.negative_elbo.at_most=50"])
    return multi.parent / "single"


def trained(tree, directory):
    directory.mkdir(exist_ok=True)
    with jobs.Interruption() as interruption:
        train(experiment_from(tree), directory, interruption)
    return directory


def test_its_model_is_the_multi_rate_one_at_that_beta(multi, single):
    loaded, many = load_model(single), load_model(multi)
    x = np.random.default_rng(1).integers(0, 2, (4, 6, 6, 1)).astype("float32")
    assert type(loaded) is VAE and loaded.objective.beta == BETA
    np.testing.assert_array_equal(loaded.reconstruct(x), many.at(BETA).reconstruct(x))
    with keras.StatelessScope([(many.objective.beta, keras.ops.convert_to_tensor(BETA))]):
        expected = many.variational_parameters(x)
    np.testing.assert_allclose(loaded.variational_parameters(x), expected, rtol=1e-5, atol=1e-6)  # float32 rounding
    assert np.max(np.abs(loaded.variational_parameters(x) - many.variational_parameters(x))) > 1e-4  # not beta = 1


def test_its_experiment_is_an_ordinary_one(multi, single, experiment):
    ours, theirs = read_json(single / "experiment.json"), read_json(multi / "experiment.json")
    assert ours["model"].pop("objective") == {"name": "ELBO", "beta": BETA, "num_samples": 2}
    assert ours["model"].pop("name") == "VAE" and ours.pop("gate")["negative_elbo"]["at_most"] == 50
    assert theirs["model"].pop("name") == "MultiRateVAE" and theirs["model"].pop("objective") and theirs.pop("gate")
    assert ours == theirs


def test_it_says_where_it_comes_from_and_what_it_is(multi, single):
    training, source = read_json(single / "training.json"), read_json(multi / "training.json")
    assert training["read_off"] == {"run": str(multi), "beta": BETA, "weights_sha256": source["weights_sha256"]}
    assert [training[name] for name in ("epochs", "step", "seconds")] == [
        source[n] for n in ("epochs", "step", "seconds")
    ]
    assert training["weights_sha256"] == sha256_of_arrays(v.numpy() for v in load_model(single).weights)
    assert read_json(single / "data.json") == read_json(multi / "data.json")


def test_its_history_is_one_row_with_the_costs_of_this_model(single):
    (row,) = [json.loads(line) for line in (single / "history.jsonl").read_text().splitlines()]
    for split in ("train", "validation"):
        terms = row[split]
        assert terms["loss"] == pytest.approx(terms["distortion"] + BETA * terms["rate"], rel=1e-5)  # float32 rounding
    assert row["validation"] == read_json(single / "training.json")["validation"] != row["train"]


@pytest.mark.slow
def test_every_job_after_training_goes_on_with_it(single, tmp_path):
    copy = shutil.copytree(single, tmp_path / "single")
    metrics = run_directory.evaluate_run(copy)["metrics"]
    assert np.isfinite(metrics["negative_elbo"]["value"])
    assert "beta" in run_directory.report_run(copy).read_text()
    run_directory.export_run(copy)
    x = np.random.default_rng(1).integers(0, 2, (3, 6, 6, 1)).astype("float32")
    served = ServedModel(copy / "export").call("reconstruct", {"x": x})
    np.testing.assert_allclose(next(iter(served.values())), load_model(copy).reconstruct(x), rtol=1e-4, atol=1e-5)
    manifest = json.loads(next((copy / "export").rglob("tfvae_manifest.json")).read_text())
    assert manifest["training"]["read_off"]["beta"] == BETA


def test_training_is_finished_for_every_command(single):
    before = (single / "model.keras").stat().st_mtime_ns
    with jobs.Interruption() as interruption:
        train(run_directory.load_run(single), single, interruption)
    assert (single / "model.keras").stat().st_mtime_ns == before


def test_the_same_again_does_nothing_and_what_was_broken_off_is_made_whole(multi, single, tmp_path):
    before = (single / "model.keras").stat().st_mtime_ns
    read_off(multi, BETA, single, ["gate.negative_elbo.at_most=50"])
    assert (single / "model.keras").stat().st_mtime_ns == before
    broken = shutil.copytree(single, tmp_path / "broken")
    (broken / "training.json").unlink()  # which is written last
    (broken / "model.keras").unlink()
    read_off(multi, BETA, broken)
    assert read_json(broken / "training.json") == read_json(single / "training.json")


@pytest.mark.parametrize("beta", [0.19, 5.1, -1.0, float("nan")])
def test_a_beta_outside_of_the_range_is_refused_before_anything_is_written(beta, multi, tmp_path):
    with pytest.raises(ConfigError, match=r"was trained for beta from 0.2 to 5, and not for"):
        read_off(multi, beta, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_one_beta_has_no_others(single, tmp_path):
    with pytest.raises(ConfigError, match="holds a VAE, and only a MultiRateVAE has many betas"):
        read_off(single, 1.0, tmp_path / "out")


def test_an_unfinished_training_is_refused(multi, tmp_path):
    copy = shutil.copytree(multi, tmp_path / "copy")
    (copy / "training.json").unlink()
    with pytest.raises(ConfigError, match="holds no finished training"):
        read_off(copy, 1.0, tmp_path / "out")


def test_a_folder_with_another_model_is_refused(multi, single):
    with pytest.raises(ConfigError, match=r"model.objective.beta is 0.5 there and 2.0 here"):
        read_off(multi, 2.0, single)


def test_the_model_of_another_training_is_refused(multi, single, tmp_path):
    copy = shutil.copytree(multi, tmp_path / "copy")
    training = read_json(copy / "training.json") | {"weights_sha256": "0" * 64}
    (copy / "training.json").write_text(json.dumps(training))
    with pytest.raises(ConfigError, match="holds the model of another training"):
        read_off(copy, BETA, single)


def test_other_data_than_that_of_the_training_is_refused(multi, tmp_path):
    copy = shutil.copytree(multi, tmp_path / "copy")
    (copy / "data.json").write_text("{}")
    with pytest.raises(DataError, match="has changed since"):
        read_off(copy, 1.0, tmp_path / "out")


@pytest.mark.parametrize("override", ["training.epochs=3", "model.objective.beta=2", "gate", "seed=1"])
def test_only_how_it_is_judged_can_be_set(override, multi, tmp_path):
    with pytest.raises(ConfigError, match=r"\[evaluation\] and \[gate\] can be set"):
        read_off(multi, 1.0, tmp_path / "out", [override])
