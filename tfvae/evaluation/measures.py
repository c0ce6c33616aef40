"""Measures: what an evaluation can be asked for beside the ELBO and the importance-weighted bound."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.evaluation.aggregate_posterior import aggregate_posterior
from tfvae.evaluation.annealed_importance_sampling import annealed_importance_sampling, bidirectional_monte_carlo
from tfvae.evaluation.anomaly import anomaly_detection, scores_of
from tfvae.evaluation.classification import linear_probe, nearest_neighbours
from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.collapse import code_use
from tfvae.evaluation.disentanglement import disentanglement
from tfvae.evaluation.gaps import inference_gaps
from tfvae.evaluation.measure import judged, measure
from tfvae.evaluation.restoration import denoising, imputation
from tfvae.evaluation.samples import sample_quality

MOST_SCORED = 10_000  # test examples for scores of disentanglement
MOST_RESTORED = 10_000  # test images that are damaged and restored


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        model: A `LatentVariableModel`.
        train: Iterable of training batches {"x", "index", "label", ...}, each example once, read as often as needed.
        test: The same of test examples.
        grey: () -> test batches before they were binarised: what the means of p(x|z) are compared with; called, as
            `extractor` is, only where it is needed.
        options: An `Evaluation` of the experiment, or anything with its attributes.
        extractor: () -> the `Extractor` for the quality of samples.
        held_out_class: The class that training left out, or None.
        factor_names: Names of the factors that the batches know; may be empty.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.
    """

    model: Any
    train: Any
    test: Any
    grey: Callable
    options: Any
    extractor: Callable
    held_out_class: int | None
    factor_names: tuple
    seed: int
    progress: Callable

    @functools.cached_property
    def test_codes(self):
        """The `Codes` of the test examples, encoded once for all measures that look at them."""
        return codes_of(self.model, self.test, self.progress)


class First:
    """The first batches, as many as it takes for a number of examples; to be read as often as all of them."""

    def __init__(self, batches, num_examples):
        self.batches, self.num_examples = batches, num_examples

    def __iter__(self):
        number = 0
        for batch in self.batches:
            yield batch
            number += len(batch["x"])
            if number >= self.num_examples:
                return


def measure_all(subject, names):
    """Everything that is asked for: what `measure` returns, with more metrics, and why some measures were left out.

    Args:
        subject: A `Subject`.
        names: Of `MEASURES`.

    Returns:
        What `measure` returns, and "left_out": {name: sentence}.
    """
    options = subject.options
    numbers = (options.num_samples, options.num_examples)
    result, left_out = measure(subject.model, subject.test, *numbers, subject.seed, subject.progress), {}
    for name in names:
        try:
            result["metrics"] |= MEASURES[name](subject)
        except ValueError as error:
            left_out[name] = str(error)
    return result | judged(subject.model, result["metrics"]) | {"left_out": left_out}


def aggregate(subject):
    """Mutual information, total correlation, and how far the codes as a whole are from the prior."""
    model, seed = subject.model, subject.seed
    return aggregate_posterior(model, subject.test, seed=seed, progress=subject.progress).metrics()


def use(subject):
    """What the decoder loses when it is given another example's code."""
    return code_use(subject.model, subject.test, subject.seed, subject.progress).metrics()


def classes(subject):
    """What a linear probe and nearest neighbours read off the codes."""
    if subject.model.condition_size:
        raise ValueError("The codes of a model that is told the class do not say what is read off the data.")
    train, test = codes_of(subject.model, subject.train, subject.progress), subject.test_codes
    if train.labels is None:
        raise ValueError("The data has no labels.")
    codes = (train.codes, train.labels, test.codes, test.labels)
    return linear_probe(*codes, seed=subject.seed).metrics() | nearest_neighbours(*codes, seed=subject.seed).metrics()


def anomalies(subject):
    """How well the score tells the class that was held out from the others."""
    if subject.held_out_class is None:
        raise ValueError("No class was held out: set `data.held_out_class` and train.")
    scores = scores_of(subject.model, subject.test, subject.seed, subject.progress)
    labels = np.concatenate([batch["label"] for batch in subject.test])
    return anomaly_detection(scores, labels == subject.held_out_class, subject.seed).metrics()


def restoration(subject):
    """How near the model brings noisy images, and images with holes, to the clean ones."""
    batches = First(subject.test, MOST_RESTORED)
    given = {"model": subject.model, "batches": batches, "seed": subject.seed, "progress": subject.progress}
    return denoising(**given).metrics() | imputation(**given).metrics()


def factors(subject):
    """Scores of disentanglement against the factors that the data knows."""
    if not subject.factor_names:
        raise ValueError("The data knows no factors.")
    codes = subject.test_codes
    rows = slice(0, MOST_SCORED)
    has_stddevs = codes.stddevs is not None and codes.stddevs.shape == codes.codes.shape  # a code may hold a class, too
    stddevs = codes.stddevs[rows] if has_stddevs else None
    names = subject.factor_names
    return disentanglement(codes.codes[rows], codes.factors[rows], stddevs, names, subject.seed).metrics()


def samples(subject):
    """Distances of samples from test data in the features of an extractor, their precision, recall and sharpness."""
    number, extractor = subject.options.num_prior_samples, subject.extractor()
    return sample_quality(subject.model, subject.grey(), extractor, number, subject.seed, subject.progress).metrics()


def gaps(subject):
    """What the encoder, and what the family of posteriors, loses."""
    number, given = subject.options.num_annealed, {"seed": subject.seed, "progress": subject.progress}
    return inference_gaps(subject.model, subject.test, num_examples=number, **given).metrics()


def annealing(subject):
    """log p(x) by annealed importance sampling, and of simulated examples from both sides."""
    model, number = subject.model, subject.options.num_annealed
    given = {"num_examples": number, "seed": subject.seed, "progress": subject.progress}
    found = annealed_importance_sampling(model, subject.test, **given).metrics()
    conditions = _conditions(model, subject.test, number)
    return found | bidirectional_monte_carlo(model, condition=conditions, **given).metrics()


def _conditions(model, batches, number):
    """Conditions of the first examples, for a model that depends on one."""
    if not model.condition_size:
        return None
    return next(iter(batches.unbatch().batch(number)))["condition"].numpy()


MEASURES = {f.__name__: f for f in (aggregate, use, classes, anomalies, factors, restoration, samples, gaps, annealing)}
