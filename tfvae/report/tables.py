"""Tables of metrics: a row for each, in groups where there are many."""

import math
from typing import NamedTuple

from tfvae.report import wording
from tfvae.report.meanings import KINDS, OTHER, meaning_of

MOST_WITHOUT_GROUPS = 10  # rows
SAID = ("value", "standard_error", "unit", "levels", "sha256")  # elsewhere in the row, or nothing for a reader
COUNTED = "num_"  # what the names of counts begin with


class Row(NamedTuple):
    """One line of a table of metrics."""

    name: str
    value: str
    unit: str
    note: str
    meaning: str


def single(metrics):
    """The metrics, {name: {"value", ...}}, that are one number each; lists are drawn, not listed."""
    return {name: metric for name, metric in metrics.items() if not isinstance(metric.get("value"), list | dict)}


def grouped(names):
    """[(kind, names)] in the order of `KINDS`; few names are one group without a name."""
    names = list(names)
    if len(names) <= MOST_WITHOUT_GROUPS:
        return [("", names)] if names else []
    groups = [(kind, [name for name in names if meaning_of(name).kind == kind]) for kind in (*KINDS, OTHER)]
    return [(kind, members) for kind, members in groups if members]


def metric_groups(metrics):
    """[(kind, `Row`s)] of all metrics that are single numbers."""
    rows = single(metrics)
    return [(kind, [row_of(name, rows[name]) for name in names]) for kind, names in grouped(rows)]


def row_of(name, metric):
    """The `Row` of a metric."""
    extras = [_extra(key, value) for key, value in metric.items() if key not in SAID]
    value = wording.measured(metric.get("value"), metric.get("standard_error"))
    unit = wording.unit_words(metric.get("unit", ""))
    return Row(wording.words(name), value, unit, ", ".join(filter(None, extras)), meaning_of(name).text)


def finite(number):
    """Whether a metric's value or error is there to calculate with."""
    return isinstance(number, int | float) and math.isfinite(number)


def _extra(key, value):
    """`"num_pairs", 50` -> "50 pairs"; `"minimum", 1.5` -> "minimum 1.5"; nothing for what is no single value."""
    if key.startswith(COUNTED) and isinstance(value, int):
        noun = wording.words(key.removeprefix(COUNTED))
        return wording.counted(value, noun.removesuffix("s") if noun.endswith("s") else f"{noun} example")
    return f"{wording.words(key)} {wording.number(value, 3)}" if isinstance(value, str | int | float) else ""
