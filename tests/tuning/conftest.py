"""Searches of a function whose optimum is known, and of a VAE that trains in a second."""

import copy

import pytest

from benchmarks.mlp_vae import mlp_vae
from tfvae import jobs
from tfvae.experiment import experiment_from
from tfvae.tuning.job import search

TREE = {
    "data": {"name": "digits", "binarize": "static", "batch_size": 64},
    "training": {"epochs": 2},
    "model": mlp_vae([8], latent_size=2),
}
BETA = "model.objective.beta"
LATENT_SIZE = "model.posterior.latent_size"
PARAMETERS = {LATENT_SIZE: {"choice": [2, 4, 8]}, BETA: {"float": [0.25, 4.0], "scale": "log"}}


@pytest.fixture(autouse=True)
def no_handlers_left():
    """Handlers hold the captured streams of the test that set them up."""
    yield
    jobs.log.handlers.clear()


@pytest.fixture(scope="session")
def tree():
    """The nested dict of an experiment without a search."""
    return copy.deepcopy(TREE)


@pytest.fixture(scope="session")
def make_experiment():
    """Makes an experiment with a search; keywords replace what stands in its table, `tree` parts of the others."""

    def make(tree=None, seed=0, **table):
        table = {"trials": 4, "parameters": PARAMETERS, **table}
        return experiment_from({**TREE, **(tree or {}), "seed": seed, "search": table})

    return make


@pytest.fixture(scope="session")
def outcome():
    """What an evaluation returns for {objective: value}."""

    def make(**values):
        figures = {
            name: {"value": value, "standard_error": 0.1, "unit": "nats/example"} for name, value in values.items()
        }
        empty = {"executions": [], "median": 0, "seconds": 0.0, "epochs": 1, "stopped": None}
        return {"scores": figures, "measured": figures, **empty}

    return make


@pytest.fixture
def search_function(tmp_path, make_experiment, outcome, monkeypatch):
    """Searches for the lowest value of a function of the values, and returns the values and costs of all trials."""
    # There is no training whose configuration could be written.
    monkeypatch.setattr("tfvae.tuning.records.write_configuration", lambda *arguments: None)

    def run(function, directory="search", **table):
        asked = []

        def evaluate(values, epochs=None, begun=0):
            asked.append((values, function(**_short(values))))
            return outcome(negative_log_likelihood=asked[-1][1])

        (tmp_path / directory).mkdir(exist_ok=True)
        found = search(make_experiment(**table), tmp_path / directory, evaluate)
        return asked, found

    return run


def _short(values):
    return {path.rpartition(".")[2]: value for path, value in values.items()}
