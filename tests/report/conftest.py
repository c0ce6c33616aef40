"""What the tests of reports share: the arguments of a report on a small, untrained model."""

import numpy as np
import pytest

from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal

TERMS = {"loss": 30.0, "distortion": 20.0, "rate": 10.0, "negative_elbo": 30.0}


@pytest.fixture(scope="session")
def report_arguments():
    """Makes the arguments of `write_report`, and of `sections` with them, for N images [H, W, C] and L latents."""

    def make(num_examples=24, shape=(8, 8, 1), latent_size=3, num_epochs=3, labels=None, **replaced):
        rates = [2.0, 0.001, *[0.5] * latent_size][:latent_size]
        arguments = {
            "model": untrained(shape, latent_size),
            "batch": {
                "x": np.random.default_rng(0).random((num_examples, *shape)).astype("float32"),
                "label": np.arange(num_examples) % 4 if labels is None else labels,
            },
            "class_names": ("ant", "bee", "cat", "<script>alert(1)</script>"),
            "experiment": {"seed": 7, "model": {"name": "VAE", "posterior": {"latent_size": latent_size}}},
            "history": [epoch(i + 1) for i in range(num_epochs)],
            "metrics": metrics(rates),
            "data": {
                "name": "digits",
                "splits": {"train": {"num_examples": 1149}, "test": {"num_examples": num_examples}},
                "image_shape": list(shape),
                "fingerprint": "9f" * 32,
            },
        }
        return {**arguments, **replaced}

    return make


def untrained(shape, latent_size):
    model = VAE(
        encoder=MLP([16]),
        posterior=DiagonalNormal(latent_size),
        prior=StandardNormal(),
        decoder=MLP([16]),
        likelihood=Bernoulli(),
        objective=ELBO(),
    )
    model.build((None, *shape))
    return model


def epoch(number):
    validation = {name: value + 1 for name, value in TERMS.items()}
    return {"epoch": number, "step": 22 * number, "seconds": 30.0, "train": dict(TERMS), "validation": validation}


def metrics(rates, collapsed=False):
    return {
        "split": "test",
        "num_examples": 360,
        "num_samples": 5000,
        "collapsed": collapsed,
        "verdict": "2 of 3 latent dimensions are active.",
        "metrics": {
            "negative_log_likelihood": {
                "value": 20.1234,
                "standard_error": 0.2345,
                "monte_carlo_standard_error": 0.031,
                "unit": "nats/example",
            },
            "active_units": {"value": 2, "unit": "dimensions"},
            "rate_per_dimension": {"value": rates, "unit": "nats/example"},
        },
    }
