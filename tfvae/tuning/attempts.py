"""How often a process was killed in one training without getting any further with it."""

import contextlib

from tfvae import storage
from tfvae.errors import NothingProducedError

MOST_KILLS = 3  # of one training; the operating system kills what takes more memory than there is


@contextlib.contextmanager
def attempt(directory):
    """Counts the attempts at a training that nothing but the death of the process ended, and refuses a further one.

    An error or a signal that leaves the block is no such end, and neither is a death after a further checkpoint.

    Args:
        directory: Folder of the training, which the caller holds locked.

    Raises:
        NothingProducedError: If there were too many.
    """
    path, checkpoint = directory / "attempt.json", directory / "checkpoint.npz"
    place = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    before = storage.read_json(path) if path.exists() else None
    kills = before["number"] if before and before["checkpoint"] == place else 0
    try:
        if kills >= MOST_KILLS:
            raise NothingProducedError(f"Its process was killed {kills} times in a row: is there enough memory for it?")
        storage.write_json(path, {"number": kills + 1, "checkpoint": place})
        yield
    finally:
        path.unlink(missing_ok=True)
