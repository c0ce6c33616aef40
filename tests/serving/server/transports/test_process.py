"""The process: flags at the start, draining at the end, limits, and TLS."""

import http.client
import json
import signal
import socket
import ssl
import threading
import time

import grpc
import pytest
import tensorflow as tf
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

STEPS = 6000  # some two seconds, more on a busy machine


def message_of(process):
    """The exit code and the one error that a server wrote before it ended."""
    code = process.process.wait(60)
    (error,) = [entry for entry in process.events() if entry["level"] == "error"]
    assert "Traceback" not in process.log.read_text()
    return code, error["event"]


def slow(process, channel, answers):
    """Starts a thread that sends one slow request over REST, and one that does over gRPC."""
    grpc.channel_ready_future(channel).result(timeout=30)

    def rest():
        answers["REST"] = process.post("odd:predict", {"signature_name": "slow", "inputs": STEPS})[0]

    def over_grpc():
        request = predict_pb2.PredictRequest(model_spec={"name": "odd", "signature_name": "slow"})
        request.inputs["steps"].CopyFrom(tf.make_tensor_proto(STEPS))
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
        answers["gRPC"] = list(response.outputs)

    threads = [threading.Thread(target=call) for call in (rest, over_grpc)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)  # both have arrived
    return threads


@pytest.fixture
def start_odd(start, models):
    """A server of one's own with the models that `server` has."""
    labels = "--allow_version_labels_for_unavailable_models"
    return start(f"--model_config_file={models / 'models.config'}", "--max_num_load_retries=0", labels).ready()


def test_sigterm_drains(start_odd):
    server = start_odd
    idle = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
    idle.request("GET", "/v1/models/half")
    assert idle.getresponse().read()
    answers = {}
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    threads = slow(server, channel, answers)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert not answers
    for port in (server.rest_port, server.grpc_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    for thread in threads:
        thread.join()
    assert answers == {"REST": 200, "gRPC": ["y"]}
    channel.close()
    assert server.process.wait(30) == 0


@pytest.mark.slow
def test_sigterm_lets_waiting_batches_run(start, half_plus_two_base, tmp_path):
    parameters = tmp_path / "batching_parameters.txt"
    parameters.write_text("max_batch_size { value: 8 } batch_timeout_micros { value: 2000000 }")
    flags = "--enable_batching", f"--batching_parameters_file={parameters}"
    server, answers = start(f"--model_base_path={half_plus_two_base}", *flags).ready(), []
    ask = threading.Thread(target=lambda: answers.append(server.post("default:predict", {"instances": [2]})))
    ask.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    ask.join()
    assert answers == [(200, {"predictions": [3.0]})]
    assert server.process.wait(30) == 0


@pytest.mark.slow
def test_a_run_that_does_not_end_does_not_keep_a_draining_server(start, models):
    labels = "--allow_version_labels_for_unavailable_models"
    config = f"--model_config_file={models / 'models.config'}"
    server = start(config, "--max_num_load_retries=0", "--drain_seconds=2", labels).ready()
    request = predict_pb2.PredictRequest(model_spec={"name": "odd", "signature_name": "slow"})
    request.inputs["steps"].CopyFrom(tf.make_tensor_proto(1_000_000))  # some five minutes
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request)
        time.sleep(1)
        assert server.stop(seconds=30) == 0
        assert answer.exception(timeout=10) is not None


@pytest.mark.slow
def test_sigint_stops_too_and_a_second_signal_at_once(start_odd):
    server = start_odd
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
    connection.request("POST", "/v1/models/odd:predict", json.dumps({"signature_name": "slow", "inputs": 10 * STEPS}))
    time.sleep(0.5)
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert server.process.poll() is None
    assert server.stop(signal.SIGTERM, seconds=5) == 143


@pytest.mark.slow
def test_a_stop_while_the_models_load_is_a_stop(start, half_plus_two_base):
    server = start(f"--model_base_path={half_plus_two_base}")
    while server.process.poll() is None and not _catches_sigterm(server.process.pid):
        time.sleep(0.01)
    assert server.stop(seconds=60) == 0


def _catches_sigterm(pid):
    with open(f"/proc/{pid}/status") as file:
        caught = next(line for line in file if line.startswith("SigCgt")).split()[1]
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1


@pytest.mark.parametrize("flag", [pytest.param("port", marks=pytest.mark.slow), "rest_api_port"])
def test_a_port_in_use_is_one_sentence(start, half_plus_two_base, flag):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, text = message_of(start(f"--model_base_path={half_plus_two_base}", f"--{flag}={port}"))
    assert code == 2
    assert str(port) in text and f"--{flag}" in text


def test_options_of_the_transports(start, half_plus_two_base):
    server = start(
        f"--model_base_path={half_plus_two_base}",
        "--max_waiting_requests=1",
        "--rest_api_enable_cors_support",
        "--enable_serialization_as_tensor_content",
        "--enable_grpc_healthcheck_service=false",
        "--client_timeout_seconds=5",
    ).ready()
    status, headers, _ = server.request("POST", "/v1/models/default:predict", '{"instances":[2]}')
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        request = predict_pb2.PredictRequest(model_spec={"name": "default"})
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([2.0, 4.0]))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert stub.Predict(request, timeout=30).outputs["y"].tensor_content
        with pytest.raises(grpc.RpcError) as error:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with socket.create_connection(("127.0.0.1", server.rest_port)) as waiting:  # the one request that may
            waiting.sendall(b"POST /v1/models/default:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            time.sleep(0.5)
            text = "Too many requests are waiting: try again later."
            assert server.get("default") == (503, {"error": text})
            with pytest.raises(grpc.RpcError) as error:
                stub.Predict(request, timeout=30)
            assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, text)
        config = model_server_config_pb2.ModelServerConfig()
        base = str(half_plus_two_base)
        config.model_config_list.config.add(name="renamed", base_path=base, model_platform="tensorflow")
        for _ in range(100):  # until the server has noticed that the client is gone
            if server.get("default")[0] == 200:
                break
            time.sleep(0.1)
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest
        assert reload(model_management_pb2.ReloadConfigRequest(config=config), timeout=30).status.error_code == 0
        assert server.post("renamed:predict", {"instances": [2]}) == (200, {"predictions": [3.0]})
        assert server.post("default:predict", {"instances": [2]})[0] == 404


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.mark.parametrize("client_verify", [pytest.param(False, marks=pytest.mark.slow), True])
def test_tls_secures_both_transports(start, half_plus_two_base, tmp_path, authority, client_verify):
    certificate, client = authority.issue_cert("127.0.0.1", "localhost"), authority.issue_cert("client")
    trusted = authority.cert_pem.bytes()
    pems = {
        "server_key": certificate.private_key_pem.bytes(),
        "server_cert": certificate.cert_chain_pems[0].bytes(),
        "custom_ca": trusted,
    }
    fields = [f"{name}: {json.dumps(pem.decode())}" for name, pem in pems.items()]
    config = tmp_path / "ssl.config"
    config.write_text("\n".join([*fields, f"client_verify: {str(client_verify).lower()}"]))
    server = start(f"--model_base_path={half_plus_two_base}", f"--ssl_config_file={config}").ready()

    context = ssl.create_default_context(cadata=trusted.decode())
    if client_verify:
        assert not answers_over_https(server, context)
        client.configure_cert(context)
    assert answers_over_https(server, context)
    assert not answers_over_https(server, ssl.create_default_context())  # which does not know our authority
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        server.request("GET", "/v1/models/default")

    key, chain = client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    assert answers_over_grpc(server, grpc.ssl_channel_credentials(trusted, key, chain))
    assert answers_over_grpc(server, grpc.ssl_channel_credentials(trusted)) is not client_verify
    assert not answers_over_grpc(server, None)


def answers_over_https(server, context):
    connection = http.client.HTTPSConnection("127.0.0.1", server.rest_port, timeout=10, context=context)
    try:
        connection.request("GET", "/v1/models/default")
        return connection.getresponse().status == 200
    except (ssl.SSLError, ConnectionError):
        return False
    finally:
        connection.close()


def answers_over_grpc(server, credentials):
    address = f"127.0.0.1:{server.grpc_port}"
    channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
    with channel:
        try:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
    return True


def _after_a_moment(function):
    time.sleep(0.05)
    return function()


@pytest.mark.slow
def test_memory_and_files_do_not_grow_with_requests(start, half_plus_two_base):
    server = start(f"--model_base_path={half_plus_two_base}").ready()
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
    sizes, files = [], []
    for _ in range(3):
        for _ in range(3000):
            connection.request("POST", "/v1/models/default:predict", b'{"instances":[2]}')
            assert connection.getresponse().read()
        for _ in range(50):
            server.request("POST", "/v1/models/default:predict", b"{")
        sizes.append(server.resident_kilobytes())
        files.append(min(_after_a_moment(server.open_files) for _ in range(10)))  # connections close a little later
    assert sizes[2] - sizes[1] < 4096  # of pages that the allocator keeps; 1 kB a request would be 3 MB
    assert files[2] == files[1]
