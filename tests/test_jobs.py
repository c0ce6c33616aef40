"""How a batch job ends, what it says, and that it is alone: in real processes, as signals and locks ask for."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import tensorflow as tf

from tfvae import errors, jobs

WAIT = 30  # seconds after which a test gives up


@pytest.fixture(autouse=True)
def no_handlers_left():
    """Handlers hold the captured streams of the test that set them up."""
    yield
    jobs.log.handlers.clear()


def start(code, **streams):
    """A Python process with `jobs` imported."""
    code = f"import ctypes, os, signal, sys, time\nfrom tfvae import jobs\n{textwrap.dedent(code)}"
    return subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, **streams)


def ready(process):
    """Waits until the process says that it is ready."""
    assert process.stdout.readline() == "ready\n"
    return process


def outcome(process, *signums):
    """Exit code and standard output after some signals."""
    for signum in signums:
        process.send_signal(signum)
        time.sleep(0.3)
    output, _ = process.communicate(timeout=WAIT)
    return process.returncode, output


def failing(error):
    def job():
        raise error

    return job


# Exit codes.

CODES = {
    errors.TfvaeError: 1,
    errors.LockedError: 1,
    errors.ConfigError: 2,
    errors.NothingProducedError: 3,
    errors.DataError: 4,
    errors.GateError: 5,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", value))
def test_an_error_of_ours_ends_a_job_with_its_code_and_one_sentence(kind, code, capsys):
    assert jobs.run(failing(kind("What went wrong."))) == code
    assert capsys.readouterr() == ("", "tfvae: error: What went wrong.\n")


def test_every_error_of_ours_has_its_code_in_the_list():
    assert set(CODES) == {kind for kind in vars(errors).values() if isinstance(kind, type)}


def test_a_full_disk_ends_a_job_with_1_and_one_sentence(capsys):
    assert jobs.run(failing(OSError(28, "No space left on device", "/run/model.keras"))) == 1
    assert capsys.readouterr().err == "tfvae: error: [Errno 28] No space left on device: '/run/model.keras'\n"


def test_a_reader_that_has_enough_ends_a_job_without_a_word():
    code = "import sys; from tfvae import jobs; sys.exit(jobs.run(lambda: print('line\\n' * 100_000)))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (128 + signal.SIGPIPE, b"")


def test_an_unexpected_error_ends_a_job_with_1_and_a_trace(capsys):
    assert jobs.run(failing(ZeroDivisionError("unheard of"))) == 1
    message = capsys.readouterr().err
    assert message.startswith("tfvae: error: unexpected error\nTraceback") and "unheard of" in message


def test_a_file_that_tensorflow_cannot_write_is_told_in_one_line(capsys):
    assert jobs.run(lambda: tf.io.write_file("/dev/full", "some bytes")) == 1
    assert capsys.readouterr().err == "tfvae: error: No space left on device: /dev/full\n"


def test_a_job_that_ends_well_returns_0_and_talks_on_stdout(capsys):
    assert jobs.run(lambda: jobs.event("Done.", step=3)) == 0
    assert capsys.readouterr() == ("Done.\n", "")


def test_a_warning_is_told_from_a_message(capsys):
    jobs.run(lambda: jobs.log.warning("Look here."))
    assert capsys.readouterr() == ("", "tfvae: warning: Look here.\n")


# Logs for machines.


def json_logs(code):
    process = start(code, stderr=subprocess.PIPE)
    output, error = process.communicate(timeout=WAIT)
    assert output == ""
    return [json.loads(line) for line in error.splitlines()]  # every line, or this fails


def test_json_logs_hold_message_level_time_and_fields():
    (entry,) = json_logs("sys.exit(jobs.run(lambda: jobs.event('Done.', step=3, loss=1.5), log_json=True))")
    assert abs(entry.pop("ts") - time.time()) < WAIT
    assert entry == {"level": "info", "event": "Done.", "step": 3, "loss": 1.5}


def test_json_logs_hold_the_exit_code_of_an_error():
    entries = json_logs("""
        def job(): raise jobs.LockedError("In use.")
        sys.exit(jobs.run(job, log_json=True))
    """)
    assert [(entry["event"], entry["exit_code"]) for entry in entries] == [("In use.", 1)]


def test_json_logs_hold_a_trace_in_one_line():
    (entry,) = json_logs("sys.exit(jobs.run(lambda: 1 / 0, log_json=True))")
    assert entry["level"] == "error" and entry["traceback"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("writer", ["print('hello', file=sys.stderr)", "ctypes.CDLL(None).perror(b'hello')"])
def test_json_logs_wrap_what_python_and_c_write_to_stderr(writer):
    entries = json_logs(f"""
        def job():
            {writer}
            jobs.event("Done.")
        sys.exit(jobs.run(job, log_json=True))
    """)
    wrapped = [entry["line"] for entry in entries if entry["event"] == "stderr"]
    assert len(entries) == 2 and wrapped[0].startswith("hello")


def test_progress_bars_are_for_people(capsys):
    jobs.set_up_logs(log_json=False)
    assert jobs.is_for_people()
    jobs.log.handlers[0].setFormatter(jobs.JsonFormatter())
    assert not jobs.is_for_people()


# The lock of a directory.

HOLD = """
    with jobs.locked({!r}):
        print("ready", flush=True)
        time.sleep({})
"""


def test_lock_makes_the_directory_and_is_free_after_the_block(tmp_path):
    for _ in range(2):
        with jobs.locked(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b").is_dir()


def test_lock_refuses_a_second_process_and_names_the_first(tmp_path):
    holder = ready(start(HOLD.format(str(tmp_path), WAIT)))
    with pytest.raises(errors.LockedError, match=f"in use by process {holder.pid} on"), jobs.locked(tmp_path):
        pass
    assert outcome(holder, signal.SIGKILL)[0] == -signal.SIGKILL


def test_lock_is_free_after_kill_9(tmp_path):
    outcome(ready(start(HOLD.format(str(tmp_path), WAIT))), signal.SIGKILL)
    with jobs.locked(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()


def test_locks_of_two_directories_do_not_meet(tmp_path):
    with jobs.locked(tmp_path / "a"), jobs.locked(tmp_path / "b"):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


# Signals.

SLEEP = f"""
    def job():
        with jobs.Interruption():
            print("ready", flush=True)
            time.sleep({WAIT})
    sys.exit(jobs.run(job))
"""
LOOP = f"""
    def job():
        with jobs.Interruption() as interruption:
            with interruption.deferred():
                print("ready", flush=True)
                end = time.monotonic() + {WAIT}
                while interruption.signum is None and time.monotonic() < end:
                    time.sleep(0.01)
                time.sleep({{}})
                print("saved", interruption.signum, flush=True)
            interruption.exit()
    sys.exit(jobs.run(job))
"""
DESTRUCTOR = f"""
    class Slow:
        def __del__(self):
            print("ready", flush=True)
            time.sleep(0.5)
    def job():
        with jobs.Interruption():
            Slow()
            time.sleep({WAIT})
    sys.exit(jobs.run(job))
"""
signals = pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])


@signals
def test_signal_ends_a_job_at_once_with_its_code(signum, code):
    assert outcome(ready(start(SLEEP)), signum) == (code, f"Stopped by {signum.name}.\n")


@signals
def test_signal_inside_a_destructor_is_not_lost(signum, code):
    assert outcome(ready(start(DESTRUCTOR)), signum) == (code, f"Stopped by {signum.name}.\n")


@signals
def test_deferred_signal_lets_the_job_save_first(signum, code):
    assert outcome(ready(start(LOOP.format(0))), signum) == (code, f"saved {signum}\nStopped by {signum.name}.\n")


@signals
def test_second_signal_ends_a_job_that_is_still_saving(signum, code):
    began = time.monotonic()
    assert outcome(ready(start(LOOP.format(WAIT))), signal.SIGTERM, signum) == (code, "")
    assert time.monotonic() - began < WAIT / 2


def test_deferred_signal_is_kept_for_the_loop_to_ask_about():
    with jobs.Interruption() as interruption, interruption.deferred():
        assert interruption.signum is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signum == signal.SIGTERM


def test_handlers_of_before_come_back():
    before = [signal.getsignal(signum) for signum in jobs.Interruption.SIGNALS]
    with jobs.Interruption():
        assert before != [signal.getsignal(signum) for signum in jobs.Interruption.SIGNALS]
    assert before == [signal.getsignal(signum) for signum in jobs.Interruption.SIGNALS]
