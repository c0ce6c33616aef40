"""Mapped: room for images in a file instead of in memory, while data is prepared that memory cannot hold."""

import contextlib
import contextvars
import math
import os
import tempfile
from pathlib import Path

import numpy as np

from tfvae.errors import DataError

_folder = contextvars.ContextVar("folder", default=None)


@contextlib.contextmanager
def on_disk(folder):
    """Inside, images that are read have their room in a folder, which must have as much left as they have bytes."""
    token = _folder.set(Path(folder))
    try:
        yield
    finally:
        _folder.reset(token)


def is_on_disk():
    """Whether images are to be left where they are on disk."""
    return _folder.get() is not None


def room(shape):
    """An array for images, uint8, in memory or in a file without a name, which is gone as soon as nobody uses it.

    Raises:
        DataError: If the disk has no room.
    """
    if not is_on_disk():
        return np.empty(shape, np.uint8)
    _folder.get().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=_folder.get()) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, math.prod(shape))  # or a full disk would kill the process later
        except OSError as error:
            needed = f"{math.prod(shape) / 2**30:.1f} GiB for a while"
            raise DataError(f"{_folder.get()} has no room for the images: {needed} ({error.strerror}).") from error
        return np.memmap(file, np.uint8, "r+", shape=tuple(shape))
