"""What a trained model is scored by: figures of validation examples, never of the test set, at beta = 1."""

import math

from tfvae.data import pipeline
from tfvae.errors import NothingProducedError
from tfvae.evaluation import codes_of, measure
from tfvae.evaluation.disentanglement import udr
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.measures import Subject, factors
from tfvae.search.objectives import FACTOR_SCORES, OTHER

SEED = 0  # the draws are the same for every trial, which makes their differences smaller than their errors
OF_SEVERAL = "udr"  # the one score that needs all trainings of a trial


def needed(objectives):
    """Names of the figures of one training that objectives and their bounds look at."""
    bounded = [OTHER[objective.name] for objective in objectives if objective.bound is not None]
    return {objective.name for objective in objectives if objective.name != OF_SEVERAL} | set(bounded)


def measured(model, splits, experiment, search, training):
    """Every figure of a trained model that is a number with an error, or that an objective asks for.

    Args:
        model: The trained model.
        splits: Its `Splits`.
        experiment: Its `Experiment`.
        search: The `Search`.
        training: What is in its training.json.

    Returns:
        {name: {"value", "standard_error" (None where there is none), "unit"}}.

    Raises:
        NothingProducedError: If a figure that is needed is missing, or not finite.
    """
    batches, names = _batches(splits, experiment), needed(search.objectives)
    found = measure(model, batches, search.num_samples, search.num_examples, SEED)["metrics"]
    if names & set(FACTOR_SCORES):
        found |= factors(_subject(model, splits, batches))
    if "loss" in names:
        found["loss"] = {"value": training["validation"]["loss"], "unit": "nats/example"}
    plain = {name: _plain(figure) for name, figure in found.items() if "standard_error" in figure or name in names}
    for name in names:
        if name not in plain:
            raise NothingProducedError(f"The model has no {name}.")
        if not math.isfinite(plain[name]["value"]):
            raise NothingProducedError(f"The {name} of the validation examples is {plain[name]['value']}.")
    return {name: figure for name, figure in plain.items() if math.isfinite(figure["value"])}


def agreement(models, splits, experiment):
    """The UDR of each of several models that were trained alike, as `measured` gives figures."""
    batches = _batches(splits, experiment)
    codes = [codes_of(model, batches).codes for model in models]
    rates = [_rates(model, batches) for model in models]
    known = all(r is not None and len(r) == c.shape[1] for r, c in zip(rates, codes, strict=True))
    figure = udr(codes, rates if known else None, seed=SEED).metrics()["udr"]
    errors = figure.get("standard_error", [None] * len(codes))
    pairs = zip(figure["value"], errors, strict=True)
    return [_plain({"value": value, "standard_error": error, "unit": figure["unit"]}) for value, error in pairs]


def _rates(model, batches):
    """Rate of each dimension in nats, [L], or None for a model without."""
    if not model.has_rate:
        return None
    return measure(model, batches, 1, 1, SEED)["metrics"]["rate_per_dimension"]["value"]


def _batches(splits, experiment):
    return pipeline.ordered_batches(splits.validation, experiment.data.batch_size)


def _subject(model, splits, batches):
    unused = {"train": None, "grey": None, "options": None, "extractor": None, "held_out_class": None}
    names = splits.validation.factor_names
    return Subject(model=model, test=batches, factor_names=names, seed=SEED, progress=no_progress, **unused)


def _plain(figure):
    error = figure.get("standard_error")
    finite = error if error is not None and math.isfinite(error) else None
    return {"value": float(figure["value"]), "standard_error": finite, "unit": figure["unit"]}
