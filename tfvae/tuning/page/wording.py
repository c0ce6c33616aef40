"""How a page says what an objective is, what a trial reached, and with which values."""

import math

from tfvae.report.wording import listed, measured, number, unit_words, words

MOST_LETTERS = 34  # that go up the side of a figure
DIRECTIONS = {"min": "lower is better", "max": "higher is better"}
BOUND_WORDS = {"_at_most": "at most", "_at_least": "at least"}


def label_of(objective):
    """`"negative_elbo"` -> "negative ELBO, nats per example"."""
    return ", ".join(filter(None, [words(objective.name), unit_words(objective.unit)]))


def side_label_of(objective):
    """The same for an axis that goes up the side: on two lines if it is long."""
    label = label_of(objective)
    return label if len(label) <= MOST_LETTERS else label.replace(", ", ",\n")


def better(objective):
    """Which way is better, in words."""
    return DIRECTIONS[objective.direction]


def bounds_of(objective):
    """`{"distortion_at_most": 80.0}` -> "distortion at most 80"; nothing without bounds."""
    return listed(_bound(name, value) for name, value in objective.bounds.items())


def score_of(trial, objective):
    """What a trial reached, with its error and unit."""
    return f"{value_of(trial, objective.name)} {unit_words(objective.unit)}".strip()


def value_of(trial, name):
    """What a trial reached in an objective, or in what else was measured, with its error."""
    value = trial.score(name)
    return measured(value, trial.error(name)) if math.isfinite(value) else "not measured"


def values_of(trial, parameters):
    """`latent_size = 8 and beta = 1.5`, of the parameters that the trial has."""
    return listed(f"{parameter.name} = {parameter.value(trial)}" for parameter in parameters if parameter.has(trial))


def _bound(name, value):
    suffix = next(suffix for suffix in BOUND_WORDS if name.endswith(suffix))
    return f"{words(name.removesuffix(suffix))} {BOUND_WORDS[suffix]} {number(value)}"
