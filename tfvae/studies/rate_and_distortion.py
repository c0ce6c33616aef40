"""Rate and distortion of a trained model, in figures and pictures, for studies of what weights them."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.latent_space import active_units
from tfvae.evaluation.metrics import mean_of
from tfvae.studies.costs import costs_of


class RateAndDistortion(NamedTuple):
    """What test examples cost a model, and how many dimensions of its code vary.

    Attributes:
        distortion: -log p(x|z) of one z ~ q(z|x), in nats, [N].
        rate: KL(q(z|x) || p(z)) in nats, [N].
        rates: Mean rate of each dimension or group, [R].
        active_units: Number of active units.
    """

    distortion: np.ndarray
    rate: np.ndarray
    rates: np.ndarray
    active_units: int

    def metrics(self):
        """Rate, distortion and negative ELBO (beta = 1) with standard errors over examples, and the active units."""
        return {
            "rate": mean_of(self.rate),
            "distortion": mean_of(self.distortion),
            "negative_elbo": mean_of(self.distortion + self.rate),
            "active_units": {"value": self.active_units, "unit": "dimensions"},
        }


def weighted(experiment, beta):
    """The experiment with distortion + beta * rate as its loss, and nothing beside it.

    `CapacityELBO` with a capacity of 0 is this loss, and keeps the last epoch: ELBO(beta) would keep the one with the
    best negative ELBO at beta = 1, which for another beta is not the optimum that is looked for.
    """
    num_samples = experiment.model["objective"].get("num_samples", 1)
    objective = {"name": "CapacityELBO", "gamma": beta, "capacity": 0.0, "num_samples": num_samples}
    return {"model.objective": objective, "model.regularizers": [], "training.patience": None}


def rate_and_distortion(trained, num_examples):
    """The `RateAndDistortion` of the first test examples; the noise is the same for all models of an experiment."""
    costs = costs_of(trained.model, trained.batches("test", num_examples), trained.experiment.seed)
    codes = codes_of(trained.model, trained.batches("test", num_examples)).codes
    rate = costs.rates.sum(axis=1).astype("float64")
    return RateAndDistortion(costs.distortion.astype("float64"), rate, costs.rates.mean(axis=0), active_units(codes))


def over_epochs(trained, term):
    """(epochs, values in validation) of a term of the objective."""
    return [row["epoch"] for row in trained.history], [row["validation"][term] for row in trained.history]


def curve_columns(names, runs, terms):
    """The validated terms of runs over their epochs, for the table beside a figure of `families`."""
    columns = {"run": [], "epoch": []} | {term: [] for term in terms}
    for name, trained in zip(names, runs, strict=True):
        epochs = [row["epoch"] for row in trained.history]
        columns["run"] += [name] * len(epochs)
        columns["epoch"] += epochs
        for term in terms:
            columns[term] += over_epochs(trained, term)[1]
    return columns


def generated(trained, number):
    """Means of p(x|z) for z from the prior, the same z for the same prior: [number, *event]; conditions go in turn."""
    batch, seed = trained.examples("test", number), (trained.experiment.seed, 0)
    given = trained.model.given(batch) if "condition" in batch else trained.model
    count = len(batch["x"]) if "condition" in batch else number
    return np.clip(np.asarray(given.sample(count, seed=seed)), 0, 1)


def rebuilt(trained, examples):
    """Reconstructions of examples {"x": [N, *event], ...}."""
    return np.clip(np.asarray(trained.model.given(examples).reconstruct(examples["x"])), 0, 1)
