"""Checkpoints: every variable and counter of a training, in one file that is whole or not there."""

import json
import zipfile

import numpy as np

from tfvae.errors import DataError
from tfvae.storage import atomic_path


def save(path, variables, best, state):
    """Writes the values of Keras variables in order, the values that were best so far, and a JSON-able state.

    Args:
        path: The file, .npz.
        variables: Keras variables.
        best: NumPy arrays as `values_of` gives them, or an empty list.
        state: Anything that JSON can hold.
    """
    groups = {"now": values_of(variables), "best": best}
    arrays = {f"{group}-{i:05d}": value for group, values in groups.items() for i, value in enumerate(values)}
    with atomic_path(path) as temporary:
        np.savez(temporary, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)


def restore(path, variables):
    """Assigns the saved values to the same variables in the same order; returns the best values and the state.

    Raises:
        DataError: If the file is damaged or is not of these variables.
    """
    try:
        # Not np.load, which takes any damaged file for a pickle and says so.
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as saved:
            now, best = ([saved[n] for n in sorted(saved.files) if n.startswith(group)] for group in ("now", "best"))
            state = json.loads(saved["state"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"The checkpoint {path} is damaged ({error}): delete it to start again.") from error
    if [value.shape for value in now] != [tuple(variable.shape) for variable in variables]:
        raise DataError(f"The checkpoint {path} is of another model: choose another output directory.")
    assign(variables, now)
    return best, state


def values_of(variables):
    """The values of Keras variables, as NumPy arrays."""
    return [variable.numpy() for variable in variables]


def assign(variables, values):
    """Gives Keras variables their values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
