"""The default configuration among the trials: what the search has to beat."""

import math
from typing import NamedTuple

from tfvae.search.objectives import SIGNS

MISSING = object()


class Difference(NamedTuple):
    """By how much the best trial is better than the default configuration.

    Attributes:
        value: Positive where the best trial is better.
        error: Standard error, as if the two were independent; NaN where one has none.
    """

    value: float
    error: float


def default_trial(findings):
    """The completed trial whose values are those of the configuration that was searched from; None if there is none.

    Of several, which Hyperband has, the one that was trained for longest.
    """
    found = [trial for trial in findings.completed if _is_default(trial, findings.search.get("experiment"))]
    return max(found, key=lambda trial: trial.row.get("epochs") or 0, default=None)


def difference(objective, best, default):
    """The `Difference` between two trials in an objective."""
    value = SIGNS[objective.direction] * (default.score(objective.name) - best.score(objective.name))
    return Difference(value, math.hypot(best.error(objective.name), default.error(objective.name)))


def default_value(experiment, path):
    """The value at a dotted path of a nested dict; `MISSING` if there is none."""
    found = experiment
    for key in path.split("."):
        if not isinstance(found, dict) or key not in found:
            return MISSING
        found = found[key]
    return found


def _is_default(trial, experiment):
    return bool(trial.values) and all(default_value(experiment, path) == value for path, value in trial.values.items())
