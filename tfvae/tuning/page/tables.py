"""The tables of a search's page: the best against the default, what failed and why, and all trials."""

import math
from typing import NamedTuple

from tfvae.report.pictures import write_table
from tfvae.report.wording import counted, duration, unit_words, words
from tfvae.tuning.findings import text_of
from tfvae.tuning.page.columns import trial_columns
from tfvae.tuning.page.default import MISSING, default_trial, default_value
from tfvae.tuning.page.wording import bounds_of, value_of

MOST_NAMED = 8  # trials of one reason


class Table(NamedTuple):
    """Columns and rows of texts.

    Attributes:
        columns: Names of the columns.
        rows: Lists of texts, the first of each the head of its row.
    """

    columns: list
    rows: list


def values_table(findings, parameters, chosen):
    """Values and scores of some trials beside those of the default configuration, as far as it was tried."""
    experiment, default = findings.search.get("experiment") or {}, default_trial(findings)
    rows = [[p.name, _default(experiment, p), *[p.value(trial) for trial in chosen]] for p in parameters]
    for name in findings.metrics:
        rows.append([words(name), *["not tried" if t is None else value_of(t, name) for t in (default, *chosen)]])
    return Table(["", "default", *[f"trial {trial.name}" for trial in chosen]], rows)


def failures_table(findings):
    """Reasons for which trials failed, the most frequent first."""
    reasons = {}
    for trial in findings.failed:
        reasons.setdefault(trial.row.get("message") or "No reason was recorded.", []).append(trial.name)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return Table(["Reason", "Number", "Trials"], [[text, str(len(names)), _some(names)] for text, names in ordered])


def trials_table(findings, parameters):
    """All trials with their values, scores, epochs and time."""
    names = findings.metrics
    columns = ["Trial", "Status", *[p.name for p in parameters], *map(words, names), "epochs", "time"]
    return Table(columns, [_row(trial, parameters, names) for trial in findings.trials])


def write_trials(path, findings, parameters):
    """The same as a CSV file, with full paths and full precision."""
    names, trials = findings.metrics, findings.trials
    columns = {"trial": [t.name for t in trials], "status": [t.row["status"] for t in trials]}
    columns |= {p.parameter.path: [_plain(t.values.get(p.parameter.path)) for t in trials] for p in parameters}
    columns |= trial_columns(trials, names=names)
    for name in ("epochs", "seconds", "stopped", "message", "origin"):
        columns[name] = [t.row.get(name) for t in trials]
    write_table(path, columns)


def facts(findings):
    """[(name, text)] about the search."""
    search = findings.search
    rows = [("Objective", _objective(o)) for o in findings.objectives]
    rows += [("Oracle", text_of(search.get("oracle", "not known")))]
    rows += [("Searched", f"{p.path}: {_range(p)}") for p in findings.parameters]
    rows += [("Budget", counted(search["trials"], "trial"))] if search.get("trials") else []
    rows += [("Trainings per trial", str(search.get("executions") or 1))]
    rows += [("Time", duration(search["seconds"]))] if search.get("seconds") else []
    return [*rows, ("Workers", str(search.get("workers") or 1))]


def _row(trial, parameters, names):
    status = "stopped early" if trial.row.get("stopped") and trial.is_completed else trial.row["status"]
    scores = [value_of(trial, name) if math.isfinite(trial.score(name)) else "" for name in names]
    epochs, seconds = trial.row.get("epochs"), trial.row.get("seconds")
    time = "" if seconds is None else duration(seconds)
    return [trial.name, status, *[p.value(trial) for p in parameters], *scores, text_of(epochs or ""), time]


def _default(experiment, parameter):
    value = default_value(experiment, parameter.parameter.path)
    return "not set" if value is MISSING else text_of(value)


def _range(parameter):
    if parameter.kind == "choice":
        text = f"one of {', '.join(map(text_of, parameter.values))}"
    else:
        scale = ", on a logarithmic scale" if parameter.scale == "log" else ""
        text = f"{text_of(parameter.low)} to {text_of(parameter.high)}{scale}"
    conditions = " and ".join(f"{path} = {_any_of(value)}" for path, value in parameter.when.items())
    return f"{text}, if {conditions}" if conditions else text


def _any_of(values):
    """What a condition allows: one value, or any of several."""
    return " or ".join(map(text_of, values)) if isinstance(values, list) else text_of(values)


def _objective(objective):
    text = f"{words(objective.name)}, as {'low' if objective.direction == 'min' else 'high'} as possible"
    unit, bounds = unit_words(objective.unit), bounds_of(objective)
    return ", ".join(filter(None, [text, f"in {unit}" if unit else "", bounds and f"with {bounds}"]))


def _some(names):
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plain(value):
    return text_of(value) if isinstance(value, list | dict) else value
