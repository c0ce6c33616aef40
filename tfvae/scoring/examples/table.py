"""The rows of a table, a CSV or Parquet file, read piece by piece and typed by the columns that the model knows."""

import numpy as np
import pandas as pd

from tfvae.data.column_types import numbers_of
from tfvae.errors import DataError
from tfvae.scoring.examples.inputs import check_wanted, fingerprint_of_files
from tfvae.scoring.examples.table_pieces import pieces, size_of
from tfvae.scoring.rows import Rows, indices_of


class TableExamples:
    """Rows of a table; columns that the model does not know are ignored.

    Args:
        path: The file.
        interface: The `Interface` of the model.

    Raises:
        ConfigError: If the model is not one of a table.
        DataError: If the file is missing or damaged, has no rows, or lacks a column.
    """

    name, class_names = None, ()

    def __init__(self, path, interface):
        self.path, self.columns = path, interface.columns
        check_wanted(interface.wanted, [column["served_name"] for column in self.columns], f"`{path}`")
        names, self.num_examples = size_of(path)
        missing = [column["name"] for column in self.columns if column["name"] not in names]
        if missing:
            raise DataError(f"`{path}` has no column `{missing[0]}`. Its columns: {names}.")
        self.label = interface.label_column if interface.label_column in names else None
        self.has_labels = self.label is not None

    def fingerprint(self):
        return fingerprint_of_files(self.path.parent, [self.path.name])

    def read(self, cut, parts):
        span, held = cut.span(parts), pd.DataFrame()
        following = pieces(self.path, span.start)
        for batch in cut.batches(parts):
            while len(held) < len(batch):
                held = pd.concat([held, next(following)], ignore_index=True)
            yield self._rows(batch, held.iloc[: len(batch)].reset_index(drop=True))
            held = held.iloc[len(batch) :]

    def _rows(self, span, frame):
        inputs, errors = {}, {}
        for column in self.columns:
            values, wrong = _values(column, frame[column["name"]])
            inputs[column["served_name"]] = values
            errors = {**wrong, **errors}
        labels = [_class_name(label) for label in frame[self.label]] if self.has_labels else None
        return Rows(indices_of(span), inputs, labels=labels, errors=errors)


def _values(column, series):
    """What the model takes of a column, and {row: why not} of what it cannot take."""
    wanted = column["categories"] if column["type"] == "categorical" else column["type"]
    try:
        return _sent(column, _numbers(series, wanted)), {}
    except DataError:
        outcomes = [_outcome(series.iloc[[row]], wanted) for row in range(len(series))]
    numbers = np.array([number for number, _ in outcomes])
    wrong = {row: f"column `{column['name']}`: {why}" for row, (_, why) in enumerate(outcomes) if why}
    return _sent(column, numbers), wrong


def _outcome(series, wanted):
    try:
        return _numbers(series, wanted)[0], None
    except DataError as error:
        return np.nan, str(error).partition("row 1: ")[2]  # of this frame of one row: the record has the right index


def _numbers(series, wanted):
    if series.replace("", np.nan).isna().all():  # a gap in a piece of the table; that of a whole one is an error
        return np.full(len(series), np.nan)
    return numbers_of(series, wanted, "row")[1]


def _sent(column, numbers):
    if column["type"] != "categorical":
        return numbers.astype("float32")
    names = np.array([*column["categories"], ""], object)
    return names[np.where(np.isnan(numbers), -1, numbers).astype(int)]


def _class_name(label):
    """A class as the model knows it: a whole number without a point, since a gap turns integers into others."""
    if pd.isna(label):
        return None
    return str(int(label)) if isinstance(label, float) and label == int(label) else str(label)
