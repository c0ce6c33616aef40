"""Rows: examples on their way to a model, and records: its answers on their way to a file."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Consecutive examples.

    Attributes:
        index: Their places in the data, int64 [B].
        inputs: {input: [B, ...]}; of a row that could not be read, anything.
        names: What each is called, a list of B texts; None where examples have no names.
        labels: The name of each one's class, None where it is not known; None where there are no classes.
        errors: {place in the batch: why the row could not be read}.
    """

    index: np.ndarray
    inputs: dict
    names: list | None = None
    labels: list | None = None
    errors: dict = {}  # noqa: RUF012  never changed


class Records(NamedTuple):
    """Answers of a model.

    Attributes:
        index: int64 [B].
        outputs: {output: [B, ...]}; zeros where there is an error.
        names: As in `Rows`.
        labels: As in `Rows`.
        errors: {place in the batch: why there is no answer}.
    """

    index: np.ndarray
    outputs: dict
    names: list | None
    labels: list | None
    errors: dict


def indices_of(span):
    """The index of each row of a `range`, int64 [B]."""
    return np.arange(span.start, span.stop, dtype="int64")


class Row(NamedTuple):
    """One example, or the answer to it, apart from all others.

    Attributes:
        index: Its place in the data.
        values: {input: value} of an example, {output: value} of an answer.
        name: What it is called; None where examples have no names.
        label: The name of its class; None where it is not known.
        error: Why it could not be read, or has no answer; None if all is well.
    """

    index: int
    values: dict
    name: str | None
    label: str | None
    error: str | None


def apart(index, values, names, labels, errors):
    """Yields a `Row` for each of `Rows` or `Records`, whose fields these are."""
    for place, number in enumerate(index.tolist()):
        name, label = (None if texts is None else texts[place] for texts in (names, labels))
        yield Row(number, {key: value[place] for key, value in values.items()}, name, label, errors.get(place))


def together(kind, rows, has_names, has_labels):
    """`Rows` or `Records`, which `kind` is, of a list of `Row`s."""
    values = {key: _stacked([row.values[key] for row in rows]) for key in rows[0].values}
    names = [row.name for row in rows] if has_names else None
    labels = [row.label for row in rows] if has_labels else None
    errors = {place: row.error for place, row in enumerate(rows) if row.error is not None}
    return kind(np.array([row.index for row in rows], "int64"), values, names, labels, errors)


def _stacked(values):
    return np.array(values, object) if isinstance(values[0], (bytes, str)) else np.stack(values)
