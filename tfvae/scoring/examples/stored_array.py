"""An array in a .npy or .npz file, read from the front: neither has to fit into memory, nor does its file."""

import math
import os
import tokenize
import zipfile
import zlib

import numpy as np

from tfvae.errors import DataError

READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def array_names(path):
    """Names of the arrays in a file; the one of an .npy file is called "".

    Raises:
        DataError: If the file is missing or damaged.
    """
    if not os.path.isfile(path):
        raise DataError(f"There is no file `{path}`.")
    if path.suffix.lower() == ".npy":
        return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"`{path}` cannot be read as arrays of numbers: {error}.") from error


class StoredArray:
    """One array of numbers.

    Args:
        path: The file.
        key: Name of the array in an .npz file, "" for that of an .npy file.

    Raises:
        DataError: If it is damaged, or not one of numbers in C order.
    """

    def __init__(self, path, key):
        self.path, self.key = path, key
        self.place = f"`{path}`, array `{key}`" if key else f"`{path}`"
        with self._open() as file:
            self.shape, is_fortran, self.dtype = self._header(file)
        if is_fortran and len(self.shape) > 1:
            raise DataError(f"{self.place} is in Fortran order: save it with numpy.ascontiguousarray.")
        if self.dtype.kind not in "buif":
            raise DataError(f"{self.place} must be numbers. Received: dtype {self.dtype}")

    def read(self, spans):
        """Yields the rows of each of consecutive spans, `range`s, in order."""
        size = self.dtype.itemsize * math.prod(self.shape[1:])
        with self._open() as file:
            self._header(file)
            for number, span in enumerate(spans):
                if number == 0:
                    self._read_over(file, span.start * size)
                yield self._rows(self._bytes(file, len(span) * size), len(span))

    def _rows(self, content, num_rows):
        return np.frombuffer(content, self.dtype).reshape(num_rows, *self.shape[1:])

    def _header(self, file):
        try:
            return READ_HEADER[np.lib.format.read_magic(file)](file)
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
            raise DataError(f"{self.place} cannot be read as an array: {error}.") from error

    def _read_over(self, file, size):
        file.seek(size, os.SEEK_CUR)

    def _bytes(self, file, size):
        try:
            content = file.read(size)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{self.place} is damaged: {error}.") from error
        if len(content) < size:
            raise DataError(f"{self.place} is cut short.")
        return content

    def _open(self):
        if not self.key:
            return open(self.path, "rb")
        return zipfile.ZipFile(self.path).open(f"{self.key}.npy")
