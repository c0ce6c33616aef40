"""The line by which a process hangs on the supervisor that started it: its standard input."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

VARIABLE = "TFVAE_LIFELINE"
GRACE_SECONDS = 120  # for a checkpoint
SIGNAL_OF_PARENT = 1  # PR_SET_PDEATHSIG of Linux: which signal the end of the parent sends


def hold(interruption):
    """Ends this process as SIGTERM would when its supervisor is gone, however that ended; without one does nothing.

    Args:
        interruption: A `jobs.Interruption`.

    Returns:
        Whether there is a supervisor.
    """
    is_held = bool(os.environ.pop(VARIABLE, None))
    if is_held:
        threading.Thread(target=_end_with_it, args=(interruption,), daemon=True).start()
    return is_held


@contextlib.contextmanager
def killed_with_supervisor(is_held):
    """Inside, the system kills this process when its supervisor ends, for what calls C may let no Python run.

    Only where nothing is lost by it, and on Linux. The supervisor must have started it from its main thread.
    """
    is_held = is_held and sys.platform == "linux"
    if is_held:
        _on_end_of_parent(signal.SIGKILL)
    yield
    if is_held:
        _on_end_of_parent(0)


def _on_end_of_parent(signum):
    ctypes.CDLL(None).prctl(SIGNAL_OF_PARENT, signum, 0, 0, 0)


def _end_with_it(interruption):
    while os.read(0, 1):  # not sys.stdin, whose lock a thread must not hold when the interpreter ends
        pass
    if interruption.signum is None:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)
