"""What a command line names as inputs, read: images, arrays, and tables."""

import csv
import os
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfvae.errors import ConfigError, DataError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
ARRAY_SUFFIXES = (".npy", ".npz")
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, tokenize.TokenError)  # of NumPy
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")  # as `tfvae.data` has it, which needs TensorFlow


def read_inputs(paths, array_names):
    """What `Client` takes as x or z, and a name for each row.

    Args:
        paths: Image files, folders of them, or a single .npy, .npz or .csv file.
        array_names: Names under which the array may stand in an .npz file, the best first.
    """
    paths = [Path(path) for path in paths]
    suffixes = {path.suffix.lower() for path in paths}
    if not suffixes & {*ARRAY_SUFFIXES, ".csv"}:
        files = [file for path in paths for file in _image_files(path)]
        # A name may be any bytes, and what is printed is text.
        return files, [os.fsencode(file).decode("utf-8", "backslashreplace") for file in files]
    if len(paths) > 1:
        raise ConfigError("Arrays and tables are asked about one file at a time.")
    rows = _array(paths[0], array_names) if suffixes <= set(ARRAY_SUFFIXES) else _table(paths[0])
    return rows, None


def _image_files(path):
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise DataError(f"{path} has no {', '.join(IMAGE_SUFFIXES)} files.")
    return files


def _array(path, names):
    try:
        held = np.load(path, allow_pickle=False)
        if isinstance(held, np.ndarray):
            return held
        with held:
            there = held.files
            name = next((name for name in names if name in there), None)
            if name is not None:
                return held[name]
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read as an array: {error}.") from None
    raise DataError(f"{path} must have one of the arrays {list(names)}. It has {there}.")


def _table(path):
    """{column: texts}, "" where missing, read as `tfvae.data` reads a table."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file, skipinitialspace=True) if line]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}.") from None
    if len(lines) < 2:
        raise DataError(f"{path} has no rows: it must have a header, and a line for each row.")
    if len({len(line) for line in lines}) > 1:
        raise DataError(f"{path} has lines of different lengths.")
    header, *rows = lines
    if len(set(header)) < len(header):
        raise DataError(f"{path} has two columns of the same name: {header}.")
    columns = [["" if text in MISSING else text for text in column] for column in zip(*rows, strict=True)]
    return dict(zip(header, columns, strict=True))
