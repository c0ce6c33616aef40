"""Answers as text: a table for people, or JSON lines."""

import json

import numpy as np

NUM_SHOWN = 6  # numbers of a vector in the table


def table(names, answer):
    """The lines of a table with a row for each name.

    Args:
        names: A name for each row.
        answer: {output: array [B, ...]}.
    """
    cells = [["input", *names], *([output, *map(_cell, array)] for output, array in answer.items())]
    widths = [max(map(len, column)) for column in cells]
    for line in zip(*cells, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def json_lines(names, answer):
    """A JSON object for each row; what is not a finite number is null."""
    for row, name in enumerate(names):
        values = {output: _json_value(array[row]) for output, array in answer.items()}
        yield json.dumps({"input": name, **values}, allow_nan=False)


def _cell(value):
    """A number or text as it is, the beginning of a vector, the shape and the range of anything larger."""
    value = np.asarray(value)
    if value.ndim == 0:
        return _short(value.item())
    if value.ndim == 1:
        more = " ..." if len(value) > NUM_SHOWN else ""
        return " ".join(map(_short, value[:NUM_SHOWN].tolist())) + more
    return f"{' x '.join(map(str, value.shape))} in [{value.min():.3g}, {value.max():.3g}]"


def _short(value):
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _json_value(value):
    value = np.asarray(value)
    if value.dtype.kind == "f":
        value = np.where(np.isfinite(value), value.astype(object), None)
    return value.tolist()
