"""Workers: the processes of one training on this machine, which end and begin together."""

import os
import sys
import time

from tfvae import jobs
from tfvae.errors import ConfigError, LockedError, TfvaeError
from tfvae.processes.child import FINAL, POLL_SECONDS, Child, end, kill
from tfvae.processes.ports import free_ports
from tfvae.processes.shares import share_of_worker
from tfvae.training.addresses import tf_config

MOST_DEATHS = 5  # in a row without a checkpoint in between
PATIENCE = 10  # seconds until a folder that is in use is refused


def supervise(arguments, directory, number):
    """Trains by several processes, and returns the exit code of the chief among them.

    A process that dies takes the others with it, for they would wait for it in the middle of a step. All of them are
    started again, and go on from the checkpoint.

    Args:
        arguments: What `tfvae` is called with in each process, a list.
        directory: Folder of the run.
        number: Number of processes.

    Raises:
        ConfigError: If this process is one of several already.
        LockedError: If another job writes into the folder.
        TfvaeError: If they keep dying.
    """
    if "TF_CONFIG" in os.environ:
        raise ConfigError("--workers starts the workers of one machine itself: unset TF_CONFIG.")
    command = [sys.executable, "-m", "tfvae.cli", *arguments]
    deaths, checkpoint = 0, _time_of_checkpoint(directory)
    while True:
        _refuse_if_in_use(directory)
        children = _started(command, number)
        try:
            first = _first_to_end(children)
        finally:
            _end(children)
        code = first.code()
        if code in FINAL:
            return code
        deaths = deaths + 1 if checkpoint == _time_of_checkpoint(directory) else 1
        checkpoint = _time_of_checkpoint(directory)
        if deaths >= MOST_DEATHS:
            raise TfvaeError(f"{first.name} died {deaths} times without getting further. {first.last_lines()}")
        jobs.log.warning(f"{first.name} ended with {code}: starting all again.")


def _refuse_if_in_use(directory):
    """Says it here, once, for every chief would die of it; but the chief of a killed supervisor has time to end."""
    deadline = time.monotonic() + PATIENCE
    while directory.exists():
        try:
            with jobs.locked(directory):
                return
        except LockedError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


def _started(command, number):
    hosts = [f"127.0.0.1:{port}" for port in free_ports(number)]
    children = []
    for i in range(number):
        variables = {"TF_CONFIG": tf_config(hosts, i), **share_of_worker(i, number)}
        children.append(Child("chief" if i == 0 else f"worker-{i}", command, variables))
    for child in children:
        child.start()
    return children


def _first_to_end(children):
    """The first child that fails, or the chief when all have ended well."""
    while True:
        ended = [child for child in children if not child.is_running]
        failed = [child for child in ended if child.code() != 0]
        if failed:
            return failed[0]
        if len(ended) == len(children):
            return children[0]
        time.sleep(POLL_SECONDS)


def _end(children):
    """Ends all: on a signal to this process at the step that they agree on, and else at once, for they hang."""
    running = [child for child in children if child.is_running]
    (end if len(running) == len(children) else kill)(running)


def _time_of_checkpoint(directory):
    path = directory / "checkpoint.npz"
    return path.stat().st_mtime_ns if path.exists() else None
