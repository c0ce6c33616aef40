"""A process under a name, which may be started again and again, and whose log is passed on."""

import collections
import json
import logging
import os
import subprocess
import threading
import time

from tfvae import jobs
from tfvae.processes import lifeline

FINAL = (0, 2, 3, 4, 5)  # exit codes after which another attempt ends alike
POLL_SECONDS = 0.2
LAST_LINES = 20
DRAIN_SECONDS = 5  # for what a process wrote just before it ended


class Child:
    """A `tfvae` process that logs JSON, and ends when this one does.

    Args:
        name: Its name, which stands before its lines; that of a chief is left out.
        command: Its command, a list of words.
        variables: {variable: text} of its environment, beside ours.

    Attributes:
        deaths: Number of times that it died since it last ended a trial.
        has_served: Whether it ever was a chief that workers could ask.
    """

    def __init__(self, name, command, variables):
        self.name, self.command, self.variables = name, [*command, "--log-json"], variables
        self.process, self.deaths, self.has_served = None, 0, False
        self.last = collections.deque(maxlen=LAST_LINES)

    def start(self):
        """Starts it, in a session of its own: Ctrl-C is for the supervisor, which passes it on once."""
        environment = os.environ | self.variables | {"KERASTUNER_TUNER_ID": self.name, lifeline.VARIABLE: "stdin"}
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True, **streams)
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def code(self):
        """Its exit code, negative for a signal, when its last lines are read; None while it runs."""
        if self.process.poll() is not None:
            self.reader.join(DRAIN_SECONDS)
        return self.process.returncode

    def last_lines(self):
        """What it wrote last, as an error quotes it."""
        return "Its last lines:\n" + "\n".join(f"  {line}" for line in self.last)

    def _read(self, stream):
        for line in stream:
            self._pass_on(line.decode(errors="replace").rstrip())

    def _pass_on(self, line):
        entry = _entry_of(line)
        event, level = entry.pop("event"), logging.getLevelNamesMapping()[entry.pop("level").upper()]
        if "ended" in entry:
            self.deaths = 0
        self.has_served = self.has_served or "serving" in entry
        text = "\n".join(filter(None, [entry.get("line", event), entry.get("traceback")]))
        self.last.append(text)
        if jobs.is_for_people():
            event = text if self.name == "chief" else f"{self.name}: {text}"
        jobs.log.log(level, event, extra={"fields": {**entry, "process": self.name}})


def end(children):
    """Ends processes, each at its next checkpoint."""
    running = [child for child in children if child.is_running]
    for child in running:
        child.process.terminate()
    until = time.monotonic() + lifeline.GRACE_SECONDS
    while any(child.is_running for child in running) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    kill(running)


def kill(children):
    """Ends processes at once."""
    for child in children:
        child.process.kill()
        child.process.wait()
        child.code()


def _entry_of(line):
    """A line as a `jobs.JsonFormatter` writes it; what libraries wrote is a detail."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or not {"event", "level"} <= set(entry):
        entry = {"event": "stderr", "line": line}
    return {**entry, "level": "debug"} if entry["event"] == "stderr" else entry
