"""Findings: what a search tried and found, read from the search.json and trials.jsonl that it wrote."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from tfvae.storage import read_json, read_json_lines

SEARCH, TRIALS = "search.json", "trials.jsonl"
COMPLETED = "completed"
ALSO = ("negative_elbo", "rate", "distortion")  # shown beside the objectives
BOUNDS = ("_at_most", "_at_least")


class Objective(NamedTuple):
    """What a search makes as low, or as high, as it can.

    Attributes:
        name: Name of a metric.
        direction: "min" or "max".
        unit: Of the metric.
        bounds: {"distortion_at_most": 80.0, ...}: what a trial must keep to.
    """

    name: str
    direction: str
    unit: str
    bounds: dict


class Parameter(NamedTuple):
    """What a search varies.

    Attributes:
        path: Dotted path of the configuration.
        kind: "choice", "int" or "float".
        values: Of a choice, in the order of the configuration; else ().
        low: Lowest value of a range, or None.
        high: Highest value of a range, or None.
        scale: "linear" or "log".
        when: {path: value} under which it is part of a trial; {} for always.
    """

    path: str
    kind: str
    values: tuple
    low: float | None
    high: float | None
    scale: str
    when: dict

    @property
    def is_ordered(self):
        """Whether its values lie on a line: all but choices between words."""
        return self.kind != "choice" or all(is_number(value) for value in self.values)


class Trial(NamedTuple):
    """One configuration that was tried.

    Attributes:
        name: The trial's id.
        number: Its place in the order of the file, from 1.
        row: Its line of trials.jsonl, a dict.
    """

    name: str
    number: int
    row: dict

    @property
    def is_completed(self):
        return self.row["status"] == COMPLETED

    @property
    def values(self):
        """{path: value}; without parameters whose condition was not met."""
        return self.row["values"]

    def score(self, name):
        """The value of an objective, or of what else was measured; NaN where there is none."""
        return _finite(self._metric(name).get("value"))

    def error(self, name):
        """The standard error of that value; NaN where there is none."""
        return _finite(self._metric(name).get("standard_error"))

    def _metric(self, name):
        found = {**(self.row.get("measured") or {}), **(self.row.get("scores") or {})} if self.is_completed else {}
        return found.get(name) or {}


class Findings(NamedTuple):
    """A search as its files tell it.

    Attributes:
        directory: The search's folder.
        objectives: `Objective`s, at least one.
        parameters: `Parameter`s, at least one.
        trials: `Trial`s in the order in which they were begun.
        search: The content of search.json.
    """

    directory: Path
    objectives: list
    parameters: list
    trials: list
    search: dict

    @property
    def completed(self):
        return [trial for trial in self.trials if trial.is_completed]

    @property
    def failed(self):
        return [trial for trial in self.trials if not trial.is_completed]

    @property
    def best(self):
        """The best `Trial`; None where nothing is best: no trial completed, or there are several objectives."""
        return next((trial for trial in self.completed if trial.name == str(self.search.get("best"))), None)

    @property
    def metrics(self):
        """Names of the objectives, and of what else is shown if any trial has it."""
        names = [objective.name for objective in self.objectives]
        also = [name for name in ALSO if any(math.isfinite(trial.score(name)) for trial in self.completed)]
        return names + [name for name in also if name not in names]

    def scored(self, *names):
        """Completed trials that have a finite value of each name."""
        return [trial for trial in self.completed if all(math.isfinite(trial.score(name)) for name in names)]

    def keeps_bounds(self, trial):
        """Whether a trial keeps to the bounds of all objectives; what was not measured does not."""
        return all(_keeps(trial, *bound) for objective in self.objectives for bound in objective.bounds.items())


def read_findings(directory):
    """The `Findings` of a search's folder; a search that has begun no trial has none."""
    directory = Path(directory)
    search = read_json(directory / SEARCH)
    rows = _rows(directory / TRIALS)
    trials = [Trial(str(row["trial"]), place, row) for place, row in enumerate(rows, 1)]
    objectives = [_objective(entry) for entry in search["objectives"]]
    return Findings(directory, objectives, [_parameter(entry) for entry in search["parameters"]], trials, search)


def is_number(value):
    """Whether a value of a configuration is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(value: Any):
    """A value of a configuration as a short text: `{"name": "MLP", "hidden_sizes": [64]}` -> MLP(hidden_sizes=[64])."""
    if is_number(value):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if isinstance(value, dict) and "name" in value:
        arguments = ", ".join(f"{name}={text_of(given)}" for name, given in value.items() if name != "name")
        return f"{value['name']}({arguments})" if arguments else value["name"]
    return value if isinstance(value, str) else json.dumps(value)


def _rows(path):
    return read_json_lines(path) if path.is_file() else []


def _objective(entry):
    bounds = {name: value for name, value in entry.items() if name.endswith(BOUNDS) and value is not None}
    return Objective(entry["name"], entry["direction"], entry.get("unit") or "", bounds)


def _parameter(entry):
    scale, when = entry.get("scale") or "linear", entry.get("when") or {}
    values = tuple(entry.get("values") or ())
    return Parameter(entry["path"], entry["kind"], values, entry.get("low"), entry.get("high"), scale, when)


def _keeps(trial, name, bound):
    suffix = next(suffix for suffix in BOUNDS if name.endswith(suffix))
    value = trial.score(name.removesuffix(suffix))
    return value <= bound if suffix == "_at_most" else value >= bound  # never true of NaN


def _finite(value):
    return float(value) if is_number(value) and math.isfinite(value) else math.nan
