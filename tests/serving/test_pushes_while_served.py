"""Pushes beside a server that is asked all the time, and pushes that are killed: nobody ever sees half a version."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest

from tfvae.serving import push
from tfvae.serving.asked_servers import missing_packages
from tfvae.serving.fingerprint import fingerprint
from tfvae.serving.registry import versions
from tfvae.serving.standalone.served_model import ServedModel

PUSH = "import sys; from tfvae.serving import push; push(*sys.argv[1:3])"


class Asking(threading.Thread):
    """Asks for status and codes until it is told to stop, and keeps what it got.

    Args:
        url: http://HOST:PORT/v1/models/NAME.
        images: [B, H, W, C].
    """

    def __init__(self, url, images):
        super().__init__()
        self.url, self.body = url, json.dumps({"signature_name": "encode", "inputs": images.tolist()}).encode()
        self.stopped, self.answers, self.statuses, self.errors = threading.Event(), [], [], []

    def run(self):
        while not self.stopped.is_set():
            try:
                with urllib.request.urlopen(self.url + ":predict", self.body, timeout=60) as response:
                    self.answers.append(json.load(response)["outputs"]["z_mean"])
                with urllib.request.urlopen(self.url, timeout=60) as response:
                    self.statuses.append(json.load(response)["model_version_status"])
            except OSError as error:
                self.errors.append(repr(error))
            time.sleep(0.01)


@pytest.fixture
def served(binary_export, tmp_path):
    """A server that looks for new versions of a model each second: its base path and its URL."""
    base, log = tmp_path / "vae", tmp_path / "log"
    push(binary_export, base)
    flags = ["--model_base_path", str(base), "--model_name", "vae", "--port", "0", "--rest_api_port", "0"]
    with log.open("w") as stderr:
        command = [sys.executable, "-m", "tfvae.serving.server", *flags, "--log-json"]
        process = subprocess.Popen(command, stderr=stderr)
    try:
        yield base, f"http://127.0.0.1:{rest_port(process, log)}/v1/models/vae"
    finally:
        process.terminate()
        assert process.wait(60) == 0


def wait_for(asking, version, seconds=60):
    """Waits until a version is served."""
    served, deadline = (str(version), "AVAILABLE"), time.monotonic() + seconds
    while served not in [(each["version"], each["state"]) for each in asking.statuses[-1]]:
        assert time.monotonic() < deadline, asking.statuses[-1]
        time.sleep(0.1)


def rest_port(process, log, seconds=120):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if '"rest_port"' in line:
                return json.loads(line)["rest_port"]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_packages()), reason="the extra [serving] is not installed")
def test_twenty_pushes_cost_no_request_and_show_no_broken_version(served, binary_export, grey_export, images):
    (base, url), exports = served, (binary_export, grey_export)
    asking = Asking(url, images)
    asking.start()
    while not asking.statuses:
        time.sleep(0.1)
    for number in range(20):
        assert push(exports[(number + 1) % 2], base, keep=3).version == number + 2
        if number % 3 == 1:  # the others come faster than a server can load them
            wait_for(asking, number + 2)
    asking.stopped.set()
    asking.join()
    assert asking.errors == [] and len(asking.answers) > 100
    states = [each for status in asking.statuses for each in status]
    assert {each["status"]["error_code"] for each in states} == {"OK"}
    assert all(any(each["state"] == "AVAILABLE" for each in status) for status in asking.statuses)
    assert max(int(each["version"]) for each in states) == 21 and len({each["version"] for each in states}) > 5
    known = [ServedModel(export).call("encode", {"images": images})["z_mean"] for export in exports]
    assert {which(answer, known) for answer in asking.answers} == {0, 1}


def which(answer, known):
    """Which of the models gave an answer."""
    # Another process rounds by some 1e-6; the models differ by tenths.
    (place,) = [i for i, codes in enumerate(known) if np.allclose(answer, codes, atol=1e-4)]
    return place


@pytest.mark.parametrize(
    "seconds", [0.0, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (0.5, 1.5, 3.0, 5.0, 8.0))]
)
def test_a_push_that_is_killed_leaves_no_version_or_a_whole_one(seconds, binary_export, tmp_path):
    base = tmp_path / "vae"
    process = subprocess.Popen([sys.executable, "-c", PUSH, str(binary_export), str(base)])
    while not list(base.glob(".staging-*")) and process.poll() is None:
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = versions(base)
    assert all(fingerprint(path) == fingerprint(binary_export) for _, path in found)
    if seconds == 0.0:
        assert found == [] and list(base.glob(".staging-*"))
        assert push(binary_export, base) == (1, True) and not list(base.glob(".staging-*"))


def test_a_push_to_a_full_disk_leaves_nothing(binary_export, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(OSError, match="no space"):
        push(binary_export, tmp_path / "vae")
    assert [path.name for path in (tmp_path / "vae").iterdir()] == [".lock"]
