"""The gate asks over sockets: a real server in a process of its own, every signature, over REST and gRPC."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfvae.errors import ConfigError, GateError
from tfvae.serving import asked_servers
from tfvae.serving.asked_servers import MODEL, docker_server, embedded_server, missing_packages
from tfvae.serving.asking import ask
from tfvae.serving.standalone.prediction_log import read_calls, write_calls

PROBES = "assets.extra/tfvae_probes"

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="the extra [serving] is not installed")


@pytest.fixture(scope="module")
def urls(binary_export):
    with embedded_server(binary_export) as urls:
        yield urls


def test_every_signature_is_asked_over_both_transports(urls, binary_export):
    facts = ask(binary_export, urls, MODEL)
    assert [url.partition(":")[0] for url in facts["urls"]] == ["http", "grpc"]
    assert facts["num_requests"] == 2 * 2 * len(read_calls(binary_export / PROBES)) == 36


@pytest.mark.parametrize("transport", [0, 1])
def test_an_answer_that_is_not_that_of_the_training_process_is_refused(transport, urls, copy):
    calls = read_calls(copy / PROBES)
    changed = next(call for call in calls if call.signature == "encode")
    changed.outputs["z_mean"][2, 0] += 0.5
    write_calls(copy / PROBES, calls)
    with pytest.raises(
        GateError, match=r"`encode`, 3 rows, output `z_mean`: it differs from the training process"
    ) as error:
        ask(copy, urls[transport : transport + 1], MODEL)
    assert len(str(error.value).splitlines()) == 2  # that row is not among those asked alone


def test_a_server_of_another_model_is_refused(urls, grey_export, copy):
    write_calls(copy / PROBES, read_calls(copy / PROBES)[:3])
    with pytest.raises(GateError, match="it has the signatures"):
        ask(copy, urls, MODEL)
    with pytest.raises(GateError, match="NOT_FOUND"):
        ask(grey_export, urls, "another_name")


def test_a_server_that_is_not_there_is_a_refusal(binary_export):
    with pytest.raises(GateError, match="No connection"):
        ask(binary_export, ["http://127.0.0.1:1"], MODEL)


@pytest.mark.parametrize("url", ["localhost:8501", "ftp://localhost"])
def test_what_is_no_url_is_no_fault_of_the_export(url, binary_export):
    with pytest.raises(ConfigError, match="`url` must be"):
        ask(binary_export, [url], MODEL)


def test_ports_that_are_half_written_are_waited_for(tmp_path):
    code = """
import sys, time
print('{"rest_port": 1,', end="", flush=True, file=sys.stderr)
time.sleep(0.5)
print(' "grpc_port": 2}', flush=True, file=sys.stderr)
time.sleep(30)
"""
    log = tmp_path / "log"
    with log.open("w") as stderr, subprocess.Popen([sys.executable, "-c", code], stderr=stderr) as process:
        try:
            assert asked_servers._announced(process, log) == {"rest_port": 1, "grpc_port": 2}
        finally:
            process.kill()


def test_a_model_that_does_not_load_is_refused_with_the_last_words_of_the_server(copy, monkeypatch):
    shutil.rmtree(copy / "variables")
    monkeypatch.setattr(asked_servers, "START_SECONDS", 60)
    with pytest.raises(GateError), embedded_server(copy) as urls:
        ask(copy, urls, MODEL)


def test_no_process_is_left(binary_export, monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(KeyboardInterrupt), embedded_server(binary_export):
        raise KeyboardInterrupt
    assert started[0].returncode == 0  # it drained


def test_the_server_ends_with_a_process_that_is_killed(binary_export, tmp_path):
    code = """
import subprocess, sys, time
from tfvae.serving import asked_servers
popen = subprocess.Popen
subprocess.Popen = lambda *a, **k: print((process := popen(*a, **k)).pid, flush=True) or process
with asked_servers.embedded_server(sys.argv[1]):
    print("ready", flush=True)
    time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(binary_export)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as gate:
        server = int(gate.stdout.readline())
        assert gate.stdout.readline() == "ready\n"
        gate.kill()
    deadline = time.monotonic() + 60
    while is_running(server) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(server)


def is_running(number):
    """Whether a process runs; one that has ended stays a zombie where nobody asks for its code."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_that_crashes_is_a_refusal(binary_export, monkeypatch):
    crash = [sys.executable, "-c", "import sys; sys.exit('no memory')"]
    monkeypatch.setattr(asked_servers, "_command", lambda base: crash)
    with pytest.raises(GateError, match="does not start:\nno memory"), embedded_server(binary_export):
        pass


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_is_asked_is_a_refusal(binary_export, monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(GateError, match=r"No connection|failed|UNAVAILABLE"), embedded_server(binary_export) as urls:
        os.kill(started[0].pid, signal.SIGKILL)
        started[0].wait()
        ask(binary_export, urls, MODEL)


def test_without_docker_there_is_one_sentence(binary_export, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="there is no `docker` here"), docker_server(binary_export):
        pass


DOCKER = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
  run) echo 0123abc;;
  port) case "$3" in 8501) echo {rest};; 8500) echo {grpc};; esac;;
esac
"""


def test_docker_runs_the_pinned_image_with_the_export_mounted_and_is_stopped(
    urls, binary_export, tmp_path, monkeypatch
):
    """A script stands in for Docker, which no test machine has; the server that it names is a real one."""
    rest, grpc = (url.partition("//")[2] for url in urls)
    script, log = tmp_path / "docker", tmp_path / "log"
    script.write_text(DOCKER.format(log=log, rest=rest, grpc=grpc))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with docker_server(binary_export) as found:
        assert found == urls
        ask(binary_export, found, MODEL)
    run, *_, stop = log.read_text().splitlines()
    assert run.endswith("--env MODEL_NAME=export tensorflow/serving:2.20.0")
    assert f"source={binary_export},target=/models/export/1,readonly" in run and stop == "stop 0123abc"
