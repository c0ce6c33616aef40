"""Columns of the CSV files beside the figures of a search: trials, values, scores with their errors."""

import math


def trial_columns(trials, parameters=(), names=()):
    """{column: values} of some trials, None for what is not known.

    Args:
        trials: `Trial`s.
        parameters: `Placed` parameters, by their full paths.
        names: Objectives, or what else was measured: a column for the value and one for its standard error.
    """
    columns = {"trial": [trial.name for trial in trials]}
    columns |= {p.parameter.path: [p.value(trial) if p.has(trial) else None for trial in trials] for p in parameters}
    for name in names:
        columns[name] = known(trial.score(name) for trial in trials)
        columns[f"{name}_standard_error"] = known(trial.error(name) for trial in trials)
    return columns


def known(values):
    """Numbers, with None for what is not finite."""
    return [value if math.isfinite(value) else None for value in map(float, values)]
