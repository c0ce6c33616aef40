"""The line by which a process hangs on the supervisor that started it: its standard input."""

import os
import signal
import threading
import time

VARIABLE = "TFVAE_LIFELINE"
GRACE_SECONDS = 120  # for a checkpoint


def hold(interruption):
    """Ends this process as SIGTERM would when its supervisor is gone, however that ended; without one does nothing.

    Args:
        interruption: A `jobs.Interruption`.
    """
    if os.environ.pop(VARIABLE, None):
        threading.Thread(target=_end_with_it, args=(interruption,), daemon=True).start()


def _end_with_it(interruption):
    while os.read(0, 1):  # not sys.stdin, whose lock a thread must not hold when the interpreter ends
        pass
    if interruption.signum is None:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)
