"""Rounds: systems measured in turn, so that what slows the machine down slows all of them."""

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.performance import machine
from benchmarks.performance.works import WORKS

NOTABLE = 1.0  # seconds from which on a first measurement says how many steps to measure


class System:
    """A worker process of one system at one work.

    Args:
        name: Module of `systems`.
        work: Name of the work.
        batch_size: Number of images of a step.
    """

    def __init__(self, name, work, batch_size):
        self.name, self.batch_size, self.rates = name, batch_size, []
        self.seconds = WORKS[work].seconds
        command = [sys.executable, "-m", "benchmarks.performance.worker", name, work, str(batch_size)]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
        self.process = subprocess.Popen(command, text=True, env=_environment(), **streams)

    def is_ready(self):
        """Whether it can do the work; what it wrote says why not."""
        if self.process.stdout.readline().strip() == "ready":
            self.steps = self._calibrated()
            return True
        self.process.wait()
        self.log.seek(0)
        print(f"{self.name}: {self.log.read().strip().splitlines()[-1:]}", file=sys.stderr)
        return False

    def measure(self):
        """Measures once."""
        self.rates.append(self.batch_size * self._pace(self.steps))

    def end(self):
        """Ends the process."""
        self.process.kill()
        self.process.wait()

    @property
    def images_per_second(self):
        return statistics.median(self.rates)

    def _calibrated(self):
        """A number of steps that takes about the seconds of the work, once everything is traced and compiled."""
        self._pace(2)
        self._pace(2)
        steps, rate = 2, self._pace(2)
        while steps / rate < NOTABLE:
            steps *= 4
            rate = self._pace(steps)
        return max(2, round(self.seconds * rate))

    def _pace(self, steps):
        """Steps per second."""
        print(steps, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def compare(work, batch_size, names, rounds):
    """The `System`s that can do a work, each measured `rounds` times, one after the other in every round.

    Returns:
        Them, and the median of the machine's operations per second, measured in every round too.
    """
    systems, peaks = [], []
    for name in names:  # one at a time: they compile
        system = System(name, work, batch_size)
        if system.is_ready():
            systems.append(system)
    try:
        for _ in range(rounds):
            peaks.append(machine.peak())
            for system in systems:
                system.measure()
    finally:
        for system in systems:
            system.end()
    return systems, statistics.median(peaks)


def _environment():
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
