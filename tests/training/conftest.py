"""Small experiments on an .npz of grey images, trained in this process, and one finished run to look at."""

import copy
import json

import numpy as np
import pytest

from tfvae import jobs
from tfvae.experiment import experiment_from
from tfvae.training.loop import Loop
from tfvae.training.train import train

MLP = {"name": "MLP", "hidden_sizes": [16]}
TREE = {  # with all that a resumed run has to go on with: dynamic draws, a warm-up, a schedule, the best epoch so far
    "seed": 1,
    "data": {"batch_size": 16, "binarize": "dynamic"},
    "training": {
        "epochs": 3,
        "learning_rate": {"name": "CosineDecay", "initial_learning_rate": 0.01, "decay_steps": 30},
        "patience": 5,
        "checkpoint_steps": 5,
    },
    "model": {
        "name": "VAE",
        "encoder": MLP,
        "posterior": {"name": "DiagonalNormal", "latent_size": 2},
        "prior": {"name": "StandardNormal"},
        "decoder": MLP,
        "likelihood": {"name": "Bernoulli"},
        "objective": {"name": "ELBO", "beta": {"name": "LinearWarmup", "steps": 20}},
    },
}


@pytest.fixture(autouse=True)
def no_handlers_left():
    """Handlers hold the captured streams of the test that set them up."""
    yield
    jobs.log.handlers.clear()


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """An .npz of 200 grey images of 8 x 8 pixels, light on one side: 144 to train on, 16 to validate, 40 to test."""
    slope = np.linspace(-5, 5, 8) * np.random.default_rng(0).normal(size=(200, 1, 1))
    x = np.broadcast_to(255 / (1 + np.exp(-slope)), (200, 8, 8)).astype(np.uint8)
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, x=x, label=np.arange(200) % 3)
    return path


@pytest.fixture(scope="session")
def tree(images):
    """Makes the nested dict of an experiment; values at dotted paths replace its own."""

    def make(replaced=None):
        made = copy.deepcopy(TREE)
        for path, value in {"data.name": str(images), **(replaced or {})}.items():
            *parents, key = path.split(".")
            table = made
            for parent in parents:
                table = table[parent]
            table[key] = value
        return made

    return make


@pytest.fixture(scope="session")
def run(tree):
    """Trains in a directory, and returns what is in its training.json."""

    def train_in(directory, replaced=None):
        directory.mkdir(exist_ok=True)
        with jobs.Interruption() as interruption:
            return train(experiment_from(tree(replaced)), directory, interruption)

    return train_in


@pytest.fixture(scope="session")
def finished(run, tmp_path_factory):
    """The directory of a finished run, to be left as it is."""
    directory = tmp_path_factory.mktemp("finished")
    run(directory)
    return directory


@pytest.fixture
def result(finished):
    return json.loads((finished / "training.json").read_text())


@pytest.fixture
def at_step(monkeypatch):
    """Has something happen after the call that reaches a step, once."""

    def arrange(step, happen):
        call, pending = Loop._call, [happen]

        def call_then_happen(loop, feed, num_steps):
            call(loop, feed, min(num_steps, max(1, step - loop.step)))
            if pending and loop.step >= step:
                pending.pop()()

        monkeypatch.setattr(Loop, "_call", call_then_happen)

    return arrange
