"""How the parameters of a search are named, and where their values lie on an axis."""

import math
from typing import NamedTuple

import numpy as np

from tfvae.report.figures.value_axis import ValueAxis
from tfvae.tuning.findings import Parameter, is_number, text_of


class Placed(NamedTuple):
    """A parameter with its axis.

    Attributes:
        parameter: The `Parameter`.
        name: What it is called on the page: the last words of its path that no other parameter shares.
        axis: Its `ValueAxis`.
        choices: Its values in the order of the axis; () for numbers of a range.
    """

    parameter: Parameter
    name: str
    axis: ValueAxis
    choices: tuple

    def value(self, trial):
        """The value of a trial as text; "not used" where its condition was not met."""
        values = trial.values
        return text_of(values[self.parameter.path]) if self.parameter.path in values else "not used"

    def has(self, trial):
        """Whether a trial has a value of it."""
        return self.parameter.path in trial.values

    def places(self, trials):
        """Where the values of trials lie on the axis, [N]; NaN where a trial has none."""
        return np.array([self._place(trial) if self.has(trial) else math.nan for trial in trials], "float64")

    def columns(self, trials):
        """The same on a line on which equal steps are equal to the eye, [N]."""
        return self.axis.positions(self.places(trials))

    def _place(self, trial):
        value = trial.values[self.parameter.path]
        return self.choices.index(value) if self.choices else value


def placed(findings):
    """The parameters of a search as `Placed`, in their order."""
    names = short_names([parameter.path for parameter in findings.parameters])
    return [
        _placed(parameter, name, findings.trials) for parameter, name in zip(findings.parameters, names, strict=True)
    ]


def short_names(paths):
    """Of each dotted path the fewest last words that no other path ends with; "name" alone would say nothing."""
    return [_short(path, [other for other in paths if other != path]) for path in paths]


def _short(path, others):
    words = path.split(".")
    for number in range(1, len(words)):
        ending = ".".join(words[-number:])
        if ending != "name" and not any(f".{other}".endswith(f".{ending}") for other in others):
            return ending
    return path


def _placed(parameter, name, trials):
    tried = [trial.values[parameter.path] for trial in trials if parameter.path in trial.values]
    if parameter.kind != "choice" and all(is_number(value) for value in tried):
        bounds = min([parameter.low, *tried]), max([parameter.high, *tried])
        axis = ValueAxis(name, (), parameter.scale == "log", parameter.kind == "int", bounds)
        return Placed(parameter, name, axis, ())
    choices = list(parameter.values)  # an earlier search may have tried others
    choices += [value for place, value in enumerate(tried) if value not in choices + tried[:place]]
    choices = sorted(choices) if all(is_number(value) for value in choices) else choices
    return Placed(parameter, name, ValueAxis(name, tuple(map(text_of, choices))), tuple(choices))
