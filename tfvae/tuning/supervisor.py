"""The supervisor: a chief and workers as processes of this machine, each started again under its name when it dies."""

import os
import signal
import sys
import time

from tfvae import jobs
from tfvae.errors import ConfigError, TfvaeError
from tfvae.processes.child import FINAL, POLL_SECONDS, Child, end
from tfvae.processes.ports import free_ports
from tfvae.processes.shares import share_of_chief, share_of_worker
from tfvae.tuning.presence import LastSeen

MOST_DEATHS = 5  # in a row; a trial that kills its process fails before that
SECONDS_PER_DEATH = 1.0  # before the next life, for each death in a row


def supervise(arguments, directory, num_workers, patience):
    """Runs a search by a chief and workers, and returns the chief's exit code.

    Args:
        arguments: What `tfvae` is called with in each process, a list.
        directory: Folder of the search.
        num_workers: Number of workers.
        patience: Seconds without a sign of life after which a worker is killed and started again.

    Returns:
        The exit code.

    Raises:
        ConfigError: If this process is a chief or a worker itself.
        TfvaeError: If one of them keeps dying; with the exit code that it ended with.
    """
    if "KERASTUNER_ORACLE_IP" in os.environ:
        raise ConfigError("--workers starts a chief and workers itself: unset KerasTuner's variables.")
    supervisor = Supervisor([sys.executable, "-m", "tfvae.cli", *arguments], directory, num_workers, patience)
    try:
        return supervisor.run()
    finally:
        supervisor.end()


class Supervisor:
    """A chief and its workers.

    Args:
        command: Command of each process, a list of words.
        directory: Folder of the search.
        num_workers: Number of workers.
        patience: Seconds without a sign of life after which a worker is killed.
    """

    def __init__(self, command, directory, num_workers, patience):
        address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(free_ports(1)[0])}
        self.chief = Child("chief", command, address | share_of_chief())
        self.workers = [
            Child(f"worker-{i}", command, address | share_of_worker(i, num_workers)) for i in range(num_workers)
        ]
        self.seen, self.patience, self.due = LastSeen(directory), patience, {}

    def run(self):
        """Looks after them until the chief ends for good, and returns its exit code."""
        self._start_in(self.chief, 0)
        while True:
            self._start_due()
            if self._has_ended(self.chief):
                code = self.chief.code()
                if code in FINAL or (code == 1 and not self.chief.has_served):  # it has said why
                    return code
                self._restart(self.chief)
            for worker in self.workers if self.chief.has_served else ():
                self._look_after(worker)
            time.sleep(POLL_SECONDS)

    def end(self):
        """Ends all, each at its next checkpoint."""
        end([*self.workers, self.chief])

    def _look_after(self, worker):
        if worker.process is None and worker.name not in self.due:
            self._start_in(worker, 0)
        elif worker.is_running:
            self._kill_if_silent(worker)
        elif self._has_ended(worker) and worker.code() != 0:  # else the chief has told it that nothing is left
            self._restart(worker)

    def _kill_if_silent(self, worker):
        if self.seen.seconds_since(worker.name) > self.patience:
            jobs.log.warning(f"{worker.name} gave no sign of life for {self.patience} s: killing it.")
            worker.process.kill()
            worker.process.wait()

    def _restart(self, child):
        child.deaths += 1
        code, how = child.code(), _how(child.code())
        if code in FINAL or child.deaths >= MOST_DEATHS:
            raise _given_up(child, how, code)
        jobs.log.warning(f"{child.name} {how}: starting it again.", extra={"fields": {"process": child.name}})
        self._start_in(child, SECONDS_PER_DEATH * child.deaths)
        if child is self.chief:  # it asks again those whom it had told that nothing is left
            for worker in self.workers:
                if self._has_ended(worker) and worker.code() == 0:
                    self._start_in(worker, 0)

    def _has_ended(self, child):
        return child.process is not None and not child.is_running and child.name not in self.due

    def _start_in(self, child, seconds):
        self.due[child.name] = (child, time.monotonic() + seconds)

    def _start_due(self):
        for child, when in list(self.due.values()):
            if time.monotonic() >= when:
                del self.due[child.name]
                self.seen.forget(child.name)
                child.start()


def _how(code):
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _given_up(child, how, code):
    times = f" {child.deaths} times in a row without ending a trial" if child.deaths > 1 else ""
    error = TfvaeError(f"{child.name} {how}{times}. {child.last_lines()}")
    error.exit_code = code if code in FINAL else 1
    return error
