"""The supervisor over real processes that are small scripts in place of a chief and workers."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tfvae import jobs
from tfvae.errors import ConfigError, TfvaeError
from tfvae.tuning.supervisor import MOST_DEATHS, Supervisor, supervise

PREAMBLE = """
import json, os, pathlib, signal, sys, time
here, name = pathlib.Path(sys.argv[1]), os.environ["KERASTUNER_TUNER_ID"]
place = int(name.rpartition("-")[2]) if "-" in name else None
lives = here / f"{name}.lives"
lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
life = len(lives.read_text())
def say(event, **fields):
    print(json.dumps({"ts": 1.0, "level": "info", "event": event, **fields}), flush=True)
def wait_for(name):
    while not (here / name).exists():
        time.sleep(0.02)
"""


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr("tfvae.tuning.supervisor.SECONDS_PER_DEATH", 0.02)


@pytest.fixture
def supervisor(tmp_path):
    """Makes one whose chief and workers do what two scripts say."""
    made = []

    def make(chief, worker, number=2, patience=600):
        script = tmp_path / "script.py"
        branches = [textwrap.indent(textwrap.dedent(text), "    ") for text in (chief, worker)]
        script.write_text(f"{PREAMBLE}if place is None:\n{branches[0]}\nelse:\n{branches[1]}\n")
        made.append(Supervisor([sys.executable, str(script), str(tmp_path)], tmp_path, number, patience))
        return made[-1]

    yield make
    for one in made:
        one.end()


def lives(tmp_path, name):
    path = tmp_path / f"{name}.lives"
    return len(path.read_text()) if path.exists() else 0


SERVING = 'say("here", serving="x:1")\n'


@pytest.mark.parametrize("code", [0, 3])
def test_the_code_of_the_chief_is_that_of_the_search(supervisor, code):
    chief = f'{SERVING}wait_for("done-0"); wait_for("done-1"); sys.exit({code})'
    assert supervisor(chief, '(here / f"done-{place}").touch()').run() == code


@pytest.mark.parametrize("code", [1, 2])
def test_a_chief_that_ends_before_it_serves_starts_nothing(supervisor, tmp_path, code):
    assert supervisor(f"sys.exit({code})", "pass").run() == code
    assert (lives(tmp_path, "chief"), lives(tmp_path, "worker-0")) == (1, 0)


def test_dead_workers_and_chiefs_come_back_under_their_names(supervisor, tmp_path):
    chief = f"""
    {SERVING}
    wait_for("done-0"); wait_for("done-1")
    if life == 1: os.kill(os.getpid(), signal.SIGKILL)
    """
    worker = 'if life <= place: sys.exit(1)\n(here / f"done-{place}").touch()\nwait_for("never")'
    assert supervisor(chief, worker).run() == 0
    assert [lives(tmp_path, name) for name in ("chief", "worker-0", "worker-1")] == [2, 1, 2]


def test_workers_that_were_told_to_leave_are_asked_again_when_the_chief_comes_back(supervisor, tmp_path):
    chief = f"""
    {SERVING}
    wait_for(f"asked-{{life}}")
    time.sleep(0.5)
    if life == 1: os.kill(os.getpid(), signal.SIGKILL)
    """
    assert supervisor(chief, '(here / f"asked-{life}").touch()', number=1).run() == 0
    assert lives(tmp_path, "worker-0") == 2


def test_a_worker_that_keeps_dying_ends_the_search_with_its_last_words(supervisor, tmp_path):
    with pytest.raises(TfvaeError, match=f"(?s)worker-0 ended with exit code 1 {MOST_DEATHS} times.*no such disk"):
        supervisor(f'{SERVING}wait_for("never")', 'print("no such disk"); sys.exit(1)', number=1).run()
    assert lives(tmp_path, "worker-0") == MOST_DEATHS


def test_deaths_between_which_a_trial_ends_do_not_add_up(supervisor, tmp_path):
    worker = f"""
    if life % 2: say("a trial", ended="0000")
    if life > {2 * MOST_DEATHS}: (here / "done").touch()
    sys.exit(1)
    """
    assert supervisor(f'{SERVING}wait_for("done")', worker, number=1).run() == 0


def test_a_worker_whose_error_will_not_go_away_ends_the_search_with_its_code(supervisor, tmp_path):
    with pytest.raises(TfvaeError, match=r"worker-0 ended with exit code 4\. Its") as raised:
        supervisor(f'{SERVING}wait_for("never")', "sys.exit(4)", number=1).run()
    assert raised.value.exit_code == 4 and lives(tmp_path, "worker-0") == 1


def test_a_silent_worker_is_killed_and_comes_back(supervisor, tmp_path):
    chief, worker = f'{SERVING}wait_for("done")', 'if life == 2: (here / "done").touch()\nwait_for("never")'
    assert supervisor(chief, worker, number=1, patience=1).run() == 0


def test_all_are_told_to_end_and_waited_for(supervisor, tmp_path):
    worker = """
    def end(*_):
        time.sleep(1)
        (here / f"checkpoint-{place}").touch()
        sys.exit(143)
    signal.signal(signal.SIGTERM, end)
    (here / f"ready-{place}").touch()
    wait_for("never")
    """
    one = supervisor(f'{SERVING}wait_for("ready-0"); wait_for("ready-1")', worker)
    one.run()
    one.end()
    assert all((tmp_path / f"checkpoint-{place}").exists() for place in range(2))
    assert not any(child.is_running for child in (one.chief, *one.workers))


@pytest.mark.parametrize("log_json", [False, True])
def test_lines_of_all_come_in_one_stream(supervisor, capfd, log_json):
    chief = f'{SERVING}wait_for("done")\nsay("Best so far", trial="0000")'
    worker = """
    print("[1]", "{}", "of a library", sep="\\n", flush=True)
    say("Trained", seconds=2)
    time.sleep(0.5)  # it has its own pipe
    (here / "done").touch()
    """
    made = supervisor(chief, worker, number=1)
    jobs.set_up_logs(log_json=False)
    if log_json:  # on standard output, for the descriptor of standard error is pytest's
        jobs.log.handlers[:] = jobs.log.handlers[:1]
        jobs.log.handlers[0].setFormatter(jobs.JsonFormatter())
        jobs.log.handlers[0].setLevel("DEBUG")
    made.run()
    made.end()
    lines = capfd.readouterr().out.splitlines()
    if not log_json:
        assert lines == ["here", "worker-0: Trained", "Best so far"]
        return
    entries = [json.loads(line) for line in lines]
    common = {"ts": 1.0, "level": "info"}
    assert entries[0] == {**common, "event": "here", "serving": "x:1", "process": "chief"}
    assert [(entry["line"], entry["process"]) for entry in entries[1:4]] == [
        (line, "worker-0") for line in ("[1]", "{}", "of a library")
    ]
    assert entries[4] == {**common, "event": "Trained", "seconds": 2, "process": "worker-0"}
    assert entries[5] == {**common, "event": "Best so far", "trial": "0000", "process": "chief"}


def test_a_worker_starts_no_workers(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ConfigError, match="unset KerasTuner's variables"):
        supervise(["tune"], tmp_path, 2, 600)


ORPHAN = """
import pathlib, sys, time
from tfvae import jobs
from tfvae.processes import lifeline
with jobs.Interruption() as interruption, interruption.deferred():
    lifeline.hold(interruption)
    pathlib.Path(sys.argv[1], "started").touch()
    while interruption.signum is None:
        time.sleep(0.02)
    pathlib.Path(sys.argv[1], "checkpoint").write_text(str(interruption.signum))
    interruption.exit()
"""
PARENT = """
import sys, time
from tfvae.processes.child import Child
child = Child("worker-0", [sys.executable, "-c", sys.argv[1], sys.argv[2]], {})
child.start()
print(child.process.pid, flush=True)
time.sleep(600)
"""


def test_nobody_outlives_a_supervisor_that_is_killed(tmp_path, wait_for):
    command = [sys.executable, "-c", PARENT, ORPHAN, str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ)
    orphan = int(parent.stdout.readline())
    wait_for((tmp_path / "started").exists)
    time.sleep(0.5)
    assert not (tmp_path / "checkpoint").exists()
    parent.kill()
    parent.wait()
    wait_for(lambda: not _lives(orphan))
    assert (tmp_path / "checkpoint").read_text() == str(int(signal.SIGTERM))


def _lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
