"""Signs of life: what a worker leaves in the folder of a search, and what others read there."""

import contextlib
import threading
import time

from tfvae import jobs

BEAT_SECONDS = 2.0
PATIENCE = 600  # seconds without a sign of life after which nobody waits any longer


def folder_of(directory, name):
    """Folder of a worker in that of its search."""
    return directory / "workers" / name


@contextlib.contextmanager
def present(directory, name):
    """Holds a worker's name inside the block, and shows all the while that its process lives.

    Args:
        directory: Folder of the search.
        name: Name of the worker.

    Raises:
        LockedError: If another process has that name.
    """
    folder, leaving = folder_of(directory, name), threading.Event()
    with jobs.locked(folder):
        thread = threading.Thread(target=_beat, args=(folder / "beat", leaving), daemon=True)
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            thread.join()


def _beat(path, leaving):
    while True:
        with contextlib.suppress(OSError):  # a full disk is no death
            path.write_text(str(time.time_ns()))
        if leaving.wait(BEAT_SECONDS):
            return


class LastSeen:
    """When workers last gave a sign of life, by the clock of the process that looks: those of machines differ.

    Args:
        directory: Folder of the search.
    """

    def __init__(self, directory):
        self.directory, self.beats = directory, {}

    def seconds_since(self, name):
        """Seconds since a beat of a worker was seen to follow another; 0 at the first look."""
        beat, now = self._beat_of(name), time.monotonic()
        if name not in self.beats or self.beats[name][0] != beat:
            self.beats[name] = (beat, now)
        return now - self.beats[name][1]

    def forget(self, name):
        """Makes the next look the first one."""
        self.beats.pop(name, None)

    def _beat_of(self, name):
        try:
            return (folder_of(self.directory, name) / "beat").read_text()
        except OSError:
            return None
