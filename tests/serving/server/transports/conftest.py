"""A real server in a process of its own, with models that show every type and every fault."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

START_SECONDS = 90
TYPES = [
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
    "bool",
    "string",
    "float16",
]


class ServerProcess:
    """`python -m tfvae.serving.server` with flags and free ports, started and ready.

    Attributes:
        rest_port: Where REST is.
        grpc_port: Where gRPC is.
        process: The `subprocess.Popen`.
    """

    def __init__(self, *flags):
        self.folder = tempfile.mkdtemp()
        self.log = Path(self.folder) / "log"
        command = [sys.executable, "-m", "tfvae.serving.server", "--log-json", *flags]
        for flag in ("--port=0", "--rest_api_port=0"):
            if not any(given.startswith(flag[:-1]) for given in flags):
                command.append(flag)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ready(self):
        """Waits for the line with the ports; returns self."""
        end = time.monotonic() + START_SECONDS
        while not (entry := next((entry for entry in self.events() if "rest_port" in entry), None)):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        self.rest_port, self.grpc_port = entry["rest_port"], entry["grpc_port"]
        return self

    def events(self):
        """The lines of the log, as dicts."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, path, fields):
        """(status, JSON) of a POST to /v1/models/<path>; `fields` is JSON or bytes."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        status, _, answer = self.request("POST", f"/v1/models/{path}", body)
        return status, json.loads(answer)

    def get(self, path):
        """(status, JSON) of a GET of /v1/models/<path>."""
        status, _, answer = self.request("GET", f"/v1/models/{path}")
        return status, json.loads(answer)

    def stop(self, signum=signal.SIGTERM, seconds=60):
        """Sends a signal; returns the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(seconds)

    def kill(self):
        """Ends the process, whatever it does, and forgets its files."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def resident_kilobytes(self):
        """Its resident memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))

    def open_files(self):
        """The number of its open files, connections among them."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with the models and `models.config` that names them; see `write_models`."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "models.config").write_text(write_models(folder))
    return folder


@pytest.fixture(scope="session")
def server(models):
    """One server for all tests that only ask."""
    monitoring = models / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    process = ServerProcess(
        f"--model_config_file={models / 'models.config'}",
        f"--monitoring_config_file={monitoring}",
        "--allow_version_labels_for_unavailable_models",
        "--max_num_load_retries=0",
        "--file_system_poll_wait_seconds=0",
        "--rest_api_timeout_in_ms=1500",
        "--client_timeout_seconds=2",
        f"--max_request_bytes={1 << 20}",
    )
    yield process.ready()
    process.kill()


@pytest.fixture
def start():
    """Function of flags: a `ServerProcess` that is not awaited, and ends with the test."""
    started = []

    def make(*flags):
        started.append(ServerProcess(*flags))
        return started[-1]

    yield make
    for process in started:
        process.kill()


@pytest.fixture(scope="session")
def half_plus_two_base(models):
    """A folder of versions of one good model alone."""
    folder = models / "good"
    write_half_plus_two(folder / "1")
    return folder


def write_models(folder):
    """Writes `half` (versions 1 and 2 by label `stable` and `canary`, 3 broken) and `odd`; returns their config."""
    for version, half in ((1, 0.5), (2, 1.0)):
        write_half_plus_two(folder / "half" / str(version), half)
    (folder / "half" / "3").mkdir()
    (folder / "half" / "3" / "saved_model.pb").write_bytes(b"broken")
    write_odd(folder / "odd" / "7")
    entry = "config {{ name: '{0}' base_path: '{1}/{0}' model_platform: 'tensorflow' {2} }}"
    half = "model_version_policy { all {} } version_labels { key: 'stable' value: 1 }"
    half += " version_labels { key: 'canary' value: 2 }"
    return f"model_config_list {{ {entry.format('half', folder, half)} {entry.format('odd', folder, '')} }}"


def write_half_plus_two(directory, half=0.5):
    """Writes y = half x + 2; classify and regress take tf.Examples with the feature "x"."""

    def scores(inputs):
        return half * tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"] + 2.0

    def classify(inputs):
        labels = tf.repeat([["low", "high"]], tf.shape(inputs)[0], axis=0)
        return {"classes": labels, "scores": tf.concat([-scores(inputs), scores(inputs)], axis=1)}

    examples = [tf.TensorSpec([None], tf.string, "inputs")]
    save(
        directory,
        serving_default=(lambda x: {"y": half * x + 2.0}, [tf.TensorSpec(None, tf.float32, "x")]),
        regress=(lambda inputs: {"outputs": scores(inputs)}, examples),
        regress_next=(lambda inputs: {"outputs": scores(inputs)[:, 0] + 1.0}, examples),
        regress_wide=(lambda inputs: {"outputs": tf.repeat(scores(inputs), 2, axis=1)}, examples),
        regress_double=(lambda inputs: {"outputs": tf.cast(scores(inputs), tf.float64)}, examples),
        regress_one=(lambda inputs: {"outputs": scores(inputs)[:1]}, examples),
        classify=(classify, examples),
        classify_scores=(lambda inputs: {"scores": scores(inputs)}, examples),
        classify_flat=(lambda inputs: {"scores": scores(inputs)[:, 0]}, examples),
    )


def write_odd(directory):
    """Writes what half_plus_two does not show: an `echo_<type>` for each type, and signatures of unusual shapes."""
    functions = {f"echo_{name}": (lambda x: {"y": tf.identity(x)}, [tf.TensorSpec(None, name, "x")]) for name in TYPES}
    x, a, b = (tf.TensorSpec(None, tf.float32, name) for name in "xab")
    steps = tf.TensorSpec([], tf.int32, "steps")
    save(
        directory,
        serving_default=(lambda a, b: {"sum": a + b, "product": a * b}, [a, b]),
        no_inputs=(lambda: {"y": tf.constant([1.0])}, []),
        scalar=(lambda x: {"y": tf.reduce_sum(x)}, [x]),
        ragged=(lambda x: {"y": x, "z": tf.concat([x, x], axis=0)}, [x]),
        text=(lambda x: {"text": x, "image_bytes": x}, [tf.TensorSpec([None], tf.string, "x")]),
        matrix=(lambda x: {"y": tf.linalg.matmul(x, tf.ones([2, 2]))}, [tf.TensorSpec([None, 2], tf.float32, "x")]),
        slow=(_slow, [steps]),
        **functions,
    )


def _slow(steps):
    """Some 0.3 ms a step; in a loop that the session can end between two steps."""
    matrix = tf.while_loop(
        lambda step, matrix: step < steps,
        lambda step, matrix: (step + 1, tf.linalg.matmul(matrix, matrix) / 300.0),
        (0, tf.ones([300, 300]) + 0.0 * tf.cast(steps, tf.float32)),
        parallel_iterations=1,
    )[1]
    return {"y": matrix[0, 0]}


def save(directory, **functions):
    """Writes {signature: (function, specs)} as a SavedModel."""
    signatures = {key: tf.function(function, input_signature=specs) for key, (function, specs) in functions.items()}
    tf.saved_model.save(tf.Module(), str(directory), signatures=signatures)


@pytest.fixture(scope="session")
def example():
    """Function of float features: a tf.Example."""

    def make(**features):
        message = tf.train.Example()
        for name, value in features.items():
            message.features.feature[name].float_list.value.append(np.float32(value))
        return message

    return make
