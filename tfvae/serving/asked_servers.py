"""Servers of an export that the gate starts and asks: the embedded one as a process, or the real one in Docker."""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tfvae.errors import ConfigError, GateError
from tfvae.serving.client import Client, ClientError
from tfvae.serving.validation import ENVIRONMENT, NUM_LINES_OF_STDERR

MODEL = "export"
IMAGE = "tensorflow/serving:2.20.0"
PACKAGES = ("aiohttp", "grpc", "grpc_health", "prometheus_client", "tensorflow_serving", "uvloop")  # of [serving]
START_SECONDS, STOP_SECONDS, PAUSE = 300, 60, 0.1
# The pipe to its stdin ends with this process, even by kill -9, after which nobody else would stop the server.
SERVER = """
import os, runpy, signal, sys, threading
end = lambda: (os.read(0, 1), os.kill(os.getpid(), signal.SIGTERM))
threading.Thread(target=end, daemon=True).start()
runpy.run_module("tfvae.serving.server", run_name="__main__", alter_sys=True)
"""


def missing_packages():
    """What the embedded server needs and is not installed."""
    return [package for package in PACKAGES if importlib.util.find_spec(package) is None]


@contextlib.contextmanager
def embedded_server(directory):
    """Serves an export as version 1 of `MODEL` on ports of the system's choice, and gives its URLs.

    Raises:
        GateError: If the server does not start, or does not end well.
    """
    with tempfile.TemporaryDirectory() as folder:
        base, log = Path(folder) / MODEL, Path(folder) / "log"
        base.mkdir()
        os.symlink(Path(directory).absolute(), base / "1")
        with log.open("w") as stderr:
            pipes = {"stdin": subprocess.PIPE, "stderr": stderr}
            process = subprocess.Popen(_command(base), env={**os.environ, **ENVIRONMENT}, **pipes)
        try:
            ports = _announced(process, log)
            yield [f"http://127.0.0.1:{ports['rest_port']}", f"grpc://127.0.0.1:{ports['grpc_port']}"]
        finally:
            _stop(process, log)


@contextlib.contextmanager
def docker_server(directory):
    """Serves an export as version 1 of `MODEL` by TensorFlow Serving itself, and gives its URLs.

    Raises:
        ConfigError: If there is no Docker.
        GateError: If the server does not start.
    """
    if not shutil.which("docker"):
        raise ConfigError("--docker runs TensorFlow Serving in Docker, and there is no `docker` here: leave it out.")
    mount = f"type=bind,source={Path(directory).absolute()},target=/models/{MODEL}/1,readonly"
    ports = ["--publish", "127.0.0.1::8500", "--publish", "127.0.0.1::8501"]
    run = ["run", "--detach", "--rm", *ports, "--mount", mount, "--env", f"MODEL_NAME={MODEL}", IMAGE]
    container = _docker(*run)
    try:
        urls = [f"http://{_docker('port', container, '8501')}", f"grpc://{_docker('port', container, '8500')}"]
        _wait_until_available(urls[0])
        yield urls
    finally:
        _docker("stop", container)


def _command(base):
    flags = ["--model_base_path", str(base), "--model_name", MODEL, "--port", "0", "--rest_api_port", "0"]
    return [sys.executable, "-c", SERVER, *flags, "--max_num_load_retries", "0", "--log-json"]


def _announced(process, log):
    """The entry of the log that tells the ports."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
            if '"rest_port"' in line and line.endswith("\n"):  # else it is still being written
                return json.loads(line)
        time.sleep(PAUSE)
    raise GateError(f"The embedded server does not start:\n{_last_lines(log)}")


def _stop(process, log):
    process.terminate()
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    process.stdin.close()
    if code != 0 and sys.exc_info()[0] is None:
        raise GateError(f"The embedded server ended with code {code}:\n{_last_lines(log)}")


def _last_lines(log):
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-NUM_LINES_OF_STDERR:])


def _docker(*arguments):
    process = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if process.returncode != 0:
        raise GateError(f"`docker {arguments[0]}` failed: {process.stderr.strip()}")
    return process.stdout.partition("\n")[0].strip()


def _wait_until_available(url):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with Client(url, MODEL, timeout=5.0) as client:
                return client.signatures
        except ClientError as error:
            if time.monotonic() > deadline:
                raise GateError(f"TensorFlow Serving does not start: {error}") from error
            time.sleep(PAUSE)
