"""Staging: a directory is written beside its place and appears there whole, or not at all."""

import contextlib
import os
import shutil
import uuid
from pathlib import Path

from tfvae.storage import flush


@contextlib.contextmanager
def staged(directory, prefix):
    """Gives a path beside `directory` to make a directory at; it takes its place, flushed, when the block ends well.

    Its name starts with `prefix`, which must start with a dot: to TF Serving a name that is no number does not exist.
    """
    directory = Path(directory)
    staging = directory.parent / f"{prefix}{uuid.uuid4().hex}"
    try:
        yield staging
        flush_tree(staging)
        os.rename(staging, directory)
        flush(directory.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def flush_tree(directory):
    """Asks the operating system to have a directory with all that is in it on disk."""
    for path in Path(directory).rglob("*"):
        flush(path)
    flush(directory)
