"""Tables that a user brings, a CSV or Parquet file, as pandas reads them, every fault a sentence."""

import os

import pandas as pd

from tfvae.errors import DataError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")  # not "None", which may well be a category
# As text: what a column holds is decided once, in `tables`, and 007 stays 007. The header is read as a row: pandas
# would rename columns of one name, and take the first column for an index where lines are longer than the header.
CSV = {
    "header": None,
    "dtype": str,
    "skipinitialspace": True,
    "keep_default_na": False,
    "na_values": MISSING,
    "encoding": "utf-8-sig",
}


def read_table(path):
    """A CSV file, with a header and every value as text, or a Parquet file, as a data frame.

    Args:
        path: A `pathlib.Path`.

    Raises:
        DataError: If the file is missing or damaged, has no rows, or columns without a name of their own.
    """
    if not os.path.isfile(path):
        raise DataError(f"`{path}` is a folder, not a file." if os.path.isdir(path) else f"There is no file `{path}`.")
    try:
        frame = READERS[path.suffix.lower()](path)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"`{path}` is empty.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"`{path}` cannot be read as a table: {str(error).strip().splitlines()[0]}") from error
    _check_names(path, list(frame.columns))
    if not len(frame):
        raise DataError(f"`{path}` has columns, and no rows.")
    return frame


def _read_csv(path):
    rows = pd.read_csv(path, **CSV)
    frame = rows.iloc[1:].reset_index(drop=True)
    frame.columns = ["" if pd.isna(name) else name for name in rows.iloc[0]]
    return frame


READERS = {".csv": _read_csv, ".parquet": pd.read_parquet}


def _check_names(path, names):
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"`{path}`: column {place + 1} has no name. Give it one, or leave it out of the file.")
        if name in names[:place]:
            raise DataError(f"`{path}` has two columns called `{name}`.")
