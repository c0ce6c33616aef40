"""Trainings whose process is killed again and again, by real signals."""

import os
import signal
import subprocess
import sys

import pytest

from tfvae.errors import NothingProducedError
from tfvae.tuning.attempts import MOST_KILLS, attempt

KILLED = """
import os, pathlib, signal, sys
from tfvae.tuning.attempts import attempt
with attempt(pathlib.Path(sys.argv[1])):
    if sys.argv[2:]:
        pathlib.Path(sys.argv[1], "checkpoint.npz").write_text(sys.argv[2])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(directory, *checkpoint):
    """Begins an attempt in a process that is killed in it, maybe after a checkpoint."""
    done = subprocess.run([sys.executable, "-c", KILLED, directory, *checkpoint], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_training_that_kills_its_process_fails_and_may_be_tried_anew(tmp_path):
    for _ in range(MOST_KILLS):
        killed(tmp_path)
    with pytest.raises(NothingProducedError, match="killed 3 times in a row"), attempt(tmp_path):
        pytest.fail("tried again")
    with attempt(tmp_path):
        pass


def test_a_training_that_gets_further_between_its_deaths_goes_on(tmp_path):
    for step in range(MOST_KILLS + 1):
        killed(tmp_path, str(step))
    with attempt(tmp_path):
        pass


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_an_error_or_a_signal_is_no_kill(tmp_path, error):
    for _ in range(MOST_KILLS):
        killed(tmp_path)
        with pytest.raises(error), attempt(tmp_path):
            raise error
