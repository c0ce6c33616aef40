"""Variants of an experiment: what studies change, and what an evaluation is asked for."""

import re
from pathlib import Path

import pytest

from tfvae.errors import ConfigError
from tfvae.experiment import changed, load_experiment

CONFIGS = Path(__file__).parents[1] / "pipelines" / "configs"


def test_a_change_replaces_a_value_or_a_whole_part():
    experiment = load_experiment(CONFIGS / "digits.toml")
    objective = {"name": "ELBO", "beta": 4.0}
    other = changed(experiment, {"training.epochs": 3, "model.objective": objective, "model.posterior.latent_size": 2})
    assert (other.training.epochs, other.model["objective"]) == (3, objective)
    assert other.model["posterior"] == {"name": "DiagonalNormal", "latent_size": 2}
    assert experiment.model["objective"] == {"name": "ELBO"} and experiment.training.epochs == 300


def test_a_change_to_nothing_takes_a_part_away():
    experiment = load_experiment(CONFIGS / "digits.toml")
    assert "prior" not in changed(experiment, {"model.prior": None}).model
    assert changed(experiment, {"training.patience": None}).training.patience is None


def test_a_change_is_checked_as_the_file_is():
    with pytest.raises(ConfigError, match="`epochs` must be at least 1"):
        changed(load_experiment(CONFIGS / "digits.toml"), {"training.epochs": 0})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.measures=['blur']", "`measures` has no 'blur'. There are: aggregate, use"),
        ("evaluation.num_annealed=0", "`num_annealed` must be at least 1"),
    ],
)
def test_unknown_measures_are_refused(override, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_experiment(CONFIGS / "digits.toml", [override])


def test_measures_are_taken_in_one_order():
    def chosen(measures):
        return load_experiment(CONFIGS / "digits.toml", [f"evaluation.measures={measures}"]).evaluation.chosen()

    assert chosen(["use", "aggregate"]) == ["aggregate", "use"]
    assert len(chosen(["all"])) == 9
