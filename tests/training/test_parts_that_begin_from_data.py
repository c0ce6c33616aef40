"""Parts that training starts from examples, fits at its end, or gives an optimizer of their own; and what it keeps."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import open_splits, pipeline
from tfvae.errors import ConfigError
from tfvae.experiment import build_model, experiment_from, load_model
from tfvae.training import checkpoint
from tfvae.training.train import fit_prior

FEW = {"training.epochs": 1, "training.learning_rate": 0.01}
AUTOENCODER = {
    **FEW,
    "model.posterior": {"name": "Deterministic", "latent_size": 2},
    "model.prior": {"name": "FittedAfterTraining", "prior": {"name": "MixtureOfNormals", "num_components": 3}},
    "model.objective": {"name": "Reconstruction"},
}
FACTOR = {
    "model.name": "FactorVAE",
    "model.discriminator": {"name": "MLP", "hidden_sizes": [8]},
    "model.weight": 5.0,
    "model.discriminator_learning_rate": 0.01,
}


class Killed(BaseException):
    """The end of a process in which nothing more can be done, as by kill -9."""


def kill():
    raise Killed


def training_json(directory):
    return json.loads((directory / "training.json").read_text())


def examples(tree, number, changes=None):
    source = open_splits(experiment_from(tree(changes)).data).train
    return pipeline.batch_of(source, tf.range(number, dtype="int64"))


@pytest.fixture
def dying_before(monkeypatch):
    """Has the process die before a file takes its place; returns the context in which it does."""

    def arrange(name):
        replace = os.replace

        def replace_unless_dead(source, target):
            if os.path.basename(target) == name:
                kill()
            replace(source, target)

        monkeypatch.setattr(os, "replace", replace_unless_dead)
        return pytest.raises(Killed)

    return arrange


# Fitted after training.


@pytest.fixture(scope="module")
def fitted(run, tmp_path_factory):
    directory = tmp_path_factory.mktemp("fitted")
    run(directory, AUTOENCODER)
    return directory


def test_before_training_there_is_nothing_to_sample_from_and_afterwards_there_is(fitted, tree):
    experiment = experiment_from(tree(AUTOENCODER))
    assert not build_model(experiment, open_splits(experiment.data).train).can_sample
    model = load_model(fitted)
    assert model.can_sample and model.sample(4, (0, 1)).shape == (4, 8, 8, 1)


def test_prior_is_fitted_to_the_codes_of_the_training_examples_that_the_kept_weights_give(fitted, tree):
    experiment, model = experiment_from(tree(AUTOENCODER)), load_model(fitted)
    weights = model.prior.get_weights()
    fit_prior(model, open_splits(experiment.data).train, experiment.data)
    for kept, again in zip(weights, model.prior.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, again)


def test_kill_before_the_prior_is_fitted_costs_nothing(run, fitted, at_step, tmp_path):
    at_step(9, kill)  # after the last step
    with pytest.raises(Killed):
        run(tmp_path, AUTOENCODER)
    assert run(tmp_path, AUTOENCODER)["weights_sha256"] == training_json(fitted)["weights_sha256"]


@pytest.mark.parametrize("file", ["model.keras", "training.json"])
def test_kill_between_training_and_the_end_of_fitting_costs_nothing(
    file, run, fitted, dying_before, tmp_path, monkeypatch
):
    with dying_before(file):
        run(tmp_path, AUTOENCODER)
    assert (tmp_path / "checkpoint.npz").exists() and not (tmp_path / "training.json").exists()
    monkeypatch.undo()
    assert run(tmp_path, AUTOENCODER)["weights_sha256"] == training_json(fitted)["weights_sha256"]
    assert load_model(tmp_path).can_sample


@pytest.mark.parametrize("binarize", ["static", "dynamic"])
def test_a_conditional_model_is_fitted_with_its_conditions(binarize, run, tmp_path):
    conditioned = {"name": "Conditioned", "network": {"name": "MLP", "hidden_sizes": [8]}}
    parts = {"model.encoder": conditioned, "model.decoder": conditioned, "data.conditional": True}
    run(tmp_path, {**AUTOENCODER, **parts, "data.binarize": binarize})
    assert load_model(tmp_path).can_sample


# Started from examples.

STARTED = {
    "VampPrior": ({"name": "VampPrior", "num_components": 5}, "pseudo_inputs"),
    "ExemplarPrior": ({"name": "ExemplarPrior", "num_exemplars": 5}, "exemplars"),
}
started = pytest.mark.parametrize("name", STARTED)


@started
def test_prior_starts_from_the_first_training_examples(name, run, tree, tmp_path):
    prior, weight = STARTED[name]
    still = {"name": "SGD"}
    run(tmp_path, {**FEW, "training.optimizer": still, "training.learning_rate": 1e-30, "model.prior": prior})
    first = examples(tree, 5)
    # A learning rate of 1e-30 moves zeros alone, and by next to nothing.
    np.testing.assert_allclose(getattr(load_model(tmp_path).prior, weight), first["x"], rtol=0, atol=1e-20)
    if name == "ExemplarPrior":
        np.testing.assert_array_equal(load_model(tmp_path).prior.places, [0, 1, 2, 3, 4])


@started
def test_resumed_run_goes_on_with_the_weights_of_the_checkpoint_and_does_not_start_again(name, run, at_step, tmp_path):
    changes = {**FEW, "model.prior": STARTED[name][0]}
    whole = run(tmp_path / "whole", changes)
    at_step(6, kill)
    with pytest.raises(Killed):
        run(tmp_path / "cut", changes)
    assert run(tmp_path / "cut", changes)["weights_sha256"] == whole["weights_sha256"]


def test_pseudo_inputs_are_learnt_and_exemplars_stay(run, tree, tmp_path):
    first = examples(tree, 5)["x"]
    for name, (prior, weight) in STARTED.items():
        run(tmp_path / name, {**FEW, "model.prior": prior})
        now = getattr(load_model(tmp_path / name).prior, weight).numpy()
        assert np.array_equal(now, first) == (name == "ExemplarPrior")


def test_more_examples_than_there_are_is_refused_with_one_sentence(run, tmp_path):
    prior = {"name": "VampPrior", "num_components": 145}
    with pytest.raises(ConfigError, match=r"^The model begins from 145 examples, and there are 144 to train on\.$"):
        run(tmp_path, {**FEW, "model.prior": prior})


# Two optimizers.


@pytest.fixture(scope="module")
def factor(run, tmp_path_factory):
    directory = tmp_path_factory.mktemp("factor")
    run(directory, FACTOR)
    return directory


@pytest.mark.parametrize("step", [3, 13], ids=["before a checkpoint", "mid-epoch"])
def test_factor_vae_that_was_killed_and_resumed_is_the_uninterrupted_one(step, run, factor, at_step, tmp_path):
    at_step(step, kill)
    with pytest.raises(Killed):
        run(tmp_path, FACTOR)
    again, whole = run(tmp_path, FACTOR), training_json(factor)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}


def test_optimizer_of_the_discriminator_is_in_the_checkpoint(factor, tree):
    experiment = experiment_from(tree(FACTOR))
    model = build_model(experiment, open_splits(experiment.data).train)
    running_means = [variable for mean in model.metrics for variable in mean.variables]
    checkpoint.restore(factor / "checkpoint.npz", [*model.variables, *model.optimizer_variables, *running_means])
    optimizer = model.discriminator_optimizer
    assert int(optimizer.iterations) == int(model.optimizer.iterations) == int(model.step) == 27
    moments = [
        variable for variable in optimizer.variables if "momentum" in variable.path or "velocity" in variable.path
    ]
    assert len(moments) == 2 * len(model.discriminator_weights) and all(np.any(m.numpy() != 0) for m in moments)


def test_history_of_a_factor_vae_has_what_it_adds(factor):
    row = json.loads((factor / "history.jsonl").read_text().splitlines()[0])
    assert {"total_correlation", "discriminator_loss"} <= set(row["train"]) == set(row["validation"])


# Which epoch is kept.

MONITORS = {
    "negative_elbo": {},
    "loss": {"model.objective": {"name": "Reconstruction"}},
    "negative_bound": {"model.objective": {"name": "ImportanceWeightedELBO", "num_samples": 3}},
}
RISING = {  # the learning rate jumps up after epoch 2 of 4, and what was learnt is lost
    "training.epochs": 4,
    "training.learning_rate": {"name": "PiecewiseConstantDecay", "boundaries": [18], "values": [0.01, 0.5]},
}
GECO = {
    "name": "GECO",
    "constraint": {"name": "DistortionBelow", "tolerance": 10.0},
}


@pytest.mark.parametrize("monitor", MONITORS)
def test_the_epoch_is_kept_that_is_best_by_the_monitor_of_the_objective(monitor, run, tmp_path):
    result = run(tmp_path, {**RISING, **MONITORS[monitor]})
    values = [json.loads(line)["validation"][monitor] for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert result["monitor"] == monitor
    assert result["best_epoch"] == np.argmin(values) + 1 < 4
    assert result["validation"][monitor] == min(values)
    assert int(load_model(tmp_path).step) == 9 * result["best_epoch"]


def test_an_objective_without_monitor_keeps_the_last_epoch_and_does_not_stop_early(run, tmp_path):
    result = run(tmp_path, {**RISING, "model.objective": GECO, "training.patience": 1})
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert result["monitor"] is None and result["best_epoch"] == result["epochs"] == len(rows) == 4
    assert result["validation"] == rows[-1]["validation"]
    assert int(load_model(tmp_path).step) == 36
    assert rows[-1]["validation"]["negative_elbo"] > min(row["validation"]["negative_elbo"] for row in rows)


def test_multiplier_of_a_resumed_run_is_that_of_the_uninterrupted_one(run, at_step, tmp_path):
    changes = {**FEW, "model.objective": GECO}
    whole = run(tmp_path / "whole", changes)
    at_step(6, kill)
    with pytest.raises(Killed):
        run(tmp_path / "cut", changes)
    assert run(tmp_path / "cut", changes)["weights_sha256"] == whole["weights_sha256"]
    assert float(load_model(tmp_path / "whole").objective.multiplier) != 1.0
