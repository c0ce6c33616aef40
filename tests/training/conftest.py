"""Small experiments on an .npz of random strokes, trained in this process."""

import json

import numpy as np
import pytest

from tfvae import jobs
from tfvae.experiment import experiment_from
from tfvae.training.train import train

MLP = {"name": "MLP", "hidden_sizes": [16]}
MODEL = {
    "name": "VAE",
    "encoder": MLP,
    "posterior": {"name": "DiagonalNormal", "latent_size": 2},
    "prior": {"name": "StandardNormal"},
    "decoder": MLP,
    "likelihood": {"name": "Bernoulli"},
    "objective": {"name": "ELBO"},
}
NETWORKS = {
    "MLP": {},
    "convolutional": {
        "model.encoder": {"name": "ConvEncoder", "filters": [4, 4], "hidden_size": 16},
        "model.decoder": {"name": "ConvDecoder", "filters": [4, 4], "hidden_size": 16},
    },
}
STEPS_PER_EPOCH = 9  # of 200 images: 40 for the test, 16 for validation, 144 to train on, in batches of 16


@pytest.fixture(autouse=True)
def no_handlers_left():
    """Handlers hold the captured streams of the test that set them up."""
    yield
    jobs.log.handlers.clear()


@pytest.fixture
def images(tmp_path):
    """An .npz of 200 grey images of 8 x 8 pixels, light on one side and dark on the other."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(-1, 1, 8) * rng.normal(size=(200, 1, 1))
    x = np.broadcast_to(255 / (1 + np.exp(-3 * ramp)), (200, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x=x, label=np.arange(200) % 3)
    return tmp_path / "images.npz"


@pytest.fixture
def tree(images):
    """Makes the nested dict of an experiment; values at dotted paths replace its own."""

    def make(replaced=None):
        data = {"name": str(images), "batch_size": 16, "binarize": "dynamic"}
        made = json.loads(json.dumps({"data": data, "training": {"epochs": 3}, "model": MODEL, "seed": 1}))
        for path, value in (replaced or {}).items():
            *parents, key = path.split(".")
            table = made
            for parent in parents:
                table = table.setdefault(parent, {})
            table[key] = value
        return made

    return make


@pytest.fixture
def run(tree, tmp_path):
    """Trains in a directory, and returns what is in its training.json."""

    def train_in(name, replaced=None):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        with jobs.Interruption() as interruption:
            return train(experiment_from(tree(replaced)), directory, interruption)

    return train_in


@pytest.fixture
def history(tmp_path):
    """The rows of a run's history."""
    return lambda name: [json.loads(line) for line in (tmp_path / name / "history.jsonl").read_text().splitlines()]
