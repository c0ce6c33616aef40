"""What every batch job does: exit codes, signals, logs, and a lock on its directory.

Exit codes: 0 done, 1 unexpected, 2 configuration, 3 nothing usable, 4 data, 5 gate, 130 SIGINT, 143 SIGTERM.
"""

import atexit
import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from tqdm import tqdm

from tfvae.errors import LockedError, TfvaeError

OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES)
AGAIN_SECONDS = 0.05  # between an exit that was dropped and the next

log = logging.getLogger("tfvae")


def event(message, level=logging.INFO, **fields):
    """Logs one event: a sentence for people, fields for machines."""
    log.log(level, message, extra={"fields": fields})


def run(job, log_json=False):
    """Calls `job()` and returns the exit code; an error that one sentence explains prints that sentence alone."""
    set_up_logs(log_json)
    try:
        job()
    except TfvaeError as error:
        log.error(str(error), extra={"fields": {"exit_code": error.exit_code}})
        return error.exit_code
    except BrokenPipeError:  # who reads what is printed, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        return 128 + signal.SIGPIPE
    except Exception as error:
        trouble = _of_files(error)
        if trouble is None:
            log.exception("unexpected error")
        else:
            log.error(trouble, extra={"fields": {"exit_code": 1}})
        return 1
    return 0


def _of_files(error):
    """What an error says of files, or None: one of TensorFlow's files is no OSError, but names path and cause."""
    if isinstance(error, OSError):
        return str(error)
    causes = "|".join(os.strerror(number) for number in OF_DISK)
    found = re.search(rf"(?P<path>/\S+); (?P<cause>{causes})", str(error))
    return found and f"{found['cause']}: {found['path']}"


class Interruption:
    """SIGTERM and SIGINT, to be used as `with Interruption() as interruption`.

    Inside `with interruption.deferred()` a signal only sets `signum`, for a loop to ask about; elsewhere it exits at
    once with 128 + signal number, which every job survives, for files are written whole or not at all. A second signal
    always exits at once.

    What a handler raises inside a destructor Python drops, and TensorFlow's functions have destructors: then the exit
    is raised again a moment later.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.signum = None
        self.is_deferred = False

    def __enter__(self):
        self.previous = {signum: signal.signal(signum, self._handle) for signum in self.SIGNALS}
        self.previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._leave)
        self.hook, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = self.hook
        for signum, handler in self.previous.items():
            signal.signal(signum, handler)

    @contextlib.contextmanager
    def deferred(self):
        self.is_deferred = True
        try:
            yield
        finally:
            self.is_deferred = False

    def exit(self):
        """Ends the process by the code of the signal that came, here or to another process of the same job."""
        self.signum = self.signum or signal.SIGTERM
        event(f"Stopped by {signal.Signals(self.signum).name}.", signal=signal.Signals(self.signum).name)
        self._leave()

    def _leave(self, *_):
        raise SystemExit(128 + self.signum)

    def _dropped(self, unraisable):
        if unraisable.exc_type is SystemExit and self.signum is not None:
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        else:
            self.hook(unraisable)

    def _handle(self, signum, frame):
        if self.signum is not None:
            os._exit(128 + signum)
        self.signum = signum
        if not self.is_deferred:
            self.exit()


@contextlib.contextmanager
def locked(directory):
    """Makes the directory and holds it for this process, so that no second one writes into it.

    The lock is the operating system's and ends with the process, however that ends: a lock file that lies there from a
    killed job locks nothing.

    Raises:
        LockedError: If another process holds it.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise LockedError(f"{directory} is in use by {holder}: wait until it has ended.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename}")
        file.flush()
        yield


# Logs.


def set_up_logs(log_json):
    """Sends messages to stdout for people, or one JSON object a line to stderr for machines."""
    log.handlers.clear()
    log.propagate = False
    log.setLevel(logging.DEBUG)
    if log_json:
        handler = logging.StreamHandler(_json_stderr())
        handler.setFormatter(JsonFormatter())
        log.addHandler(handler)
        return
    for handler, level in ((_below_warning(sys.stdout), logging.INFO), (logging.StreamHandler(sys.stderr), 30)):
        handler.setLevel(level)
        handler.setFormatter(PlainFormatter())
        log.addHandler(handler)


def is_for_people():
    """Whether logs are read by people, who like progress bars."""
    return not any(isinstance(handler.formatter, JsonFormatter) for handler in log.handlers)


def progress_bar(total, unit, initial=0):
    """A tqdm bar on stderr, for people only; a log file, which is no screen, gets a line every half minute."""
    seconds = 0.5 if sys.stderr.isatty() else 30
    return tqdm(total=total, unit=unit, initial=initial, mininterval=seconds, disable=not is_for_people())


class JsonFormatter(logging.Formatter):
    """A log record as one JSON object."""

    def format(self, record):
        entry = {"ts": round(record.created, 3), "level": record.levelname.lower(), "event": record.getMessage()}
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class PlainFormatter(logging.Formatter):
    """A log record as a sentence; errors and warnings say that they are."""

    def format(self, record):
        prefix = f"tfvae: {record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return f"{prefix}{record.getMessage()}{trace}"


def _below_warning(stream):
    handler = logging.StreamHandler(stream)
    handler.addFilter(lambda record: record.levelno < logging.WARNING)
    return handler


def _json_stderr():
    """The real stderr, with everything that libraries write to it turned into JSON lines as well."""
    real = os.fdopen(os.dup(2), "w", buffering=1)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    thread = threading.Thread(target=_wrap_lines, args=(reader, real), daemon=True)
    thread.start()
    atexit.register(_drain, thread)
    return real


def _drain(thread):
    """Lets the last lines through before the process ends; what libraries write after that would not be JSON."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    thread.join(timeout=1)  # a child process that holds the pipe must not hold us


def _wrap_lines(reader, real):
    with os.fdopen(reader, errors="replace") as lines:
        for line in lines:
            entry = {"ts": round(time.time(), 3), "level": "info", "event": "stderr", "line": line.rstrip()}
            real.write(json.dumps(entry) + "\n")
