"""Checkpoints: every variable and counter of a training, in one file that is whole or not there."""

import contextlib
import json
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfvae import jobs
from tfvae.errors import DataError
from tfvae.storage import PARTIAL, atomic_path

BEFORE = "-before"  # what the checkpoint before the newest one is called
DAMAGES = (  # what reading an archive raises of which any bit may be another one
    OSError,
    ValueError,
    KeyError,
    EOFError,
    SyntaxError,
    MemoryError,
    OverflowError,
    RuntimeError,  # "encrypted", or a compression that nobody knows
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def exists(path):
    """Whether there is a checkpoint at `path`, or one before it."""
    return path.exists() or before_of(path).exists()


def save(path, variables, best, state, keep=True):
    """Writes the values of Keras variables in order, the values that were best so far, and a JSON-able state.

    Args:
        path: The file, .npz.
        variables: Keras variables.
        best: NumPy arrays as `values_of` gives them, or an empty list.
        state: Anything that JSON can hold.
        keep: Whether the checkpoint that is there is good, and stays beside the new one until the next.
    """
    groups = {"now": values_of(variables), "best": best}
    arrays = {f"{group}-{i:05d}": value for group, values in groups.items() for i, value in enumerate(values)}
    with atomic_path(path) as temporary:
        np.savez(temporary, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)
        if keep:
            _keep(path)


def restore(path, variables):
    """Assigns the saved values to the same variables in the same order.

    A damaged newest checkpoint is told, and the one before taken.

    Returns:
        The best values, the state, and whether the newest checkpoint is good.

    Raises:
        DataError: If both files are damaged, or one is not of these variables.
    """
    try:
        return *_restored(path, variables), True
    except _Damage as damage:
        before = before_of(path)
        if not before.exists():
            raise DataError(f"The checkpoint {path} is damaged ({damage}): delete it to start again.") from damage
        jobs.log.warning(f"The checkpoint {path} is damaged ({damage}): going on from the one before.")
    try:
        return *_restored(before, variables), False
    except _Damage as damage:
        raise DataError(
            f"The checkpoint {path} is damaged, and {before.name} too ({damage}): delete both to start again."
        ) from damage


def before_of(path):
    """The file of the checkpoint before the newest one, `path`."""
    return path.with_name(f"{path.stem}{BEFORE}{path.suffix}")


class _Damage(Exception):
    """A file that cannot be read as the checkpoint that it was written as."""


def _restored(path, variables):
    try:
        # Not np.load, which takes any damaged file for a pickle and says so.
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as saved:
            now, best = ([saved[n] for n in sorted(saved.files) if n.startswith(group)] for group in ("now", "best"))
            state = json.loads(saved["state"].tobytes())
    except DAMAGES as error:
        raise _Damage(f"{type(error).__name__}: {error}") from error
    if [value.shape for value in now] != [tuple(variable.shape) for variable in variables]:
        raise DataError(f"The checkpoint {path} is of another model: choose another output directory.")
    assign(variables, now)
    return best, state


def _keep(path):
    """Gives the checkpoint at `path`, if there is one, its second name; it has both until another takes its place."""
    with contextlib.suppress(FileNotFoundError):
        spare = tempfile.mktemp(dir=path.parent, prefix=f"{PARTIAL}{path.stem}-", suffix=path.suffix)
        try:
            os.link(path, spare)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without links: for a moment only the second name is there
            spare = path
        os.replace(spare, before_of(path))
        if spare != path:  # where both names were of one file already, it is still there
            Path(spare).unlink(missing_ok=True)


def values_of(variables):
    """The values of Keras variables, as NumPy arrays."""
    return [variable.numpy() for variable in variables]


def assign(variables, values):
    """Gives Keras variables their values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
