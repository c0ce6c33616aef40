"""What a right server hardly ever shows: refused, cut and slow connections, overload, garbage; over real sockets."""

import contextlib
import http.server
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import trustme
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfvae.serving.client import ClientError, retries
from tfvae.serving.client.grpc_transport import GrpcTransport
from tfvae.serving.client.interface import Address, Signature, Tensor
from tfvae.serving.client.rest_transport import RestTransport

SEED = np.array([1], "int64")
SIGNATURE = Signature({"seed": Tensor(SEED.dtype, (None,))}, {"z": Tensor(np.dtype("float32"), (None,))})
GOOD = (200, b'{"outputs": [1.5]}')


class Script(http.server.BaseHTTPRequestHandler):
    """Answers each POST by the next step of the server's script."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.requests.append((self.client_address, time.monotonic()))
            step = self.server.script.pop(0)
        step(self) if callable(step) else self.answer(*step)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(GOOD[1][:9])
    handler.close_connection = True


def slow(handler):
    time.sleep(1.5)
    with contextlib.suppress(OSError):
        handler.answer(*GOOD)


@pytest.fixture
def scripted():
    """A server of a script: scripted(steps) returns it, with its `url` and the `requests` that it saw."""
    servers = []

    def start(*script, context=None):
        server = http.server.ThreadingHTTPServer(("localhost", 0), Script)
        server.script, server.requests, server.lock = list(script), [], threading.Lock()
        server.url = f"http{'s' if context else ''}://localhost:{server.server_port}"
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def rest(url, timeout=10.0, ca_certificates=None):
    return RestTransport(url, Address("m", None, None), timeout, ca_certificates)


def ask(transport):
    try:
        return transport.predict("sample", SIGNATURE, {"seed": SEED})["z"].tolist()
    finally:
        transport.close()


@pytest.mark.parametrize("failure", [reset, cut, (503, b'{"error": "draining"}'), (429, b"{}")])
def test_what_was_not_answered_is_asked_again(scripted, failure):
    server = scripted(failure, failure, GOOD)
    assert ask(rest(server.url)) == [1.5]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (409, "ABORTED"),
        (500, "INTERNAL"),
        (501, "UNIMPLEMENTED"),
        (504, "DEADLINE_EXCEEDED"),
        (502, "UNKNOWN"),
        (302, "UNKNOWN"),
    ],
)
def test_an_answer_that_will_not_change_is_taken_at_once(scripted, status, code):
    server = scripted((status, b'{"error": "its reason"}'), GOOD)
    with pytest.raises(ClientError, match=f"{server.url} answers {code}: its reason") as caught:
        ask(rest(server.url))
    assert (caught.value.code, caught.value.details) == (code, "its reason")
    assert len(server.requests) == 1


def test_attempts_are_bounded_in_number_and_their_waits_grow(scripted):
    server = scripted(*[(503, b'{"error": "busy"}')] * 20)
    with pytest.raises(ClientError, match="busy"):
        ask(rest(server.url))
    times = [seen for _, seen in server.requests]
    assert len(times) == retries.NUM_ATTEMPTS
    for number, wait in enumerate(np.diff(times)):
        assert wait >= 0.05 * 2**number  # half of 0.1, 0.2, ... seconds at least


def test_attempts_end_with_the_time(scripted):
    server = scripted(*[(503, b"{}")] * 20)
    start = time.monotonic()
    with pytest.raises(ClientError):
        ask(rest(server.url, timeout=0.25))
    assert time.monotonic() - start < 0.25 + 0.5  # seconds for a busy machine
    assert len(server.requests) < retries.NUM_ATTEMPTS


def test_a_slow_server_is_waited_for_no_longer_than_told_and_asked_once(scripted):
    server = scripted(slow, GOOD)
    start = time.monotonic()
    with pytest.raises(ClientError, match=r"did not answer in 0.3 s") as caught:
        ask(rest(server.url, timeout=0.3))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert 0.3 <= time.monotonic() - start < 1.4
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"outputs": {"z": 1', b'{"outputs": [[1], [2, 3]]}'])
def test_garbage_is_an_error_that_shows_it(scripted, body):
    server = scripted((200, body), GOOD)
    with pytest.raises(ClientError, match="answers what no TensorFlow Serving does") as caught:
        ask(rest(server.url))
    assert caught.value.code == "INTERNAL"


@pytest.mark.parametrize("page", ["<h1>Forbidden</h1>", '{"error": {"message": "Forbidden"}}', '{"error": null}'])
def test_an_error_page_of_a_gateway_is_shown(scripted, page):
    server = scripted((403, page.encode()))
    with pytest.raises(ClientError) as caught:
        ask(rest(server.url))
    assert str(caught.value).endswith(f"answers PERMISSION_DENIED: HTTP 403 {page}")


def test_a_connection_is_kept_for_the_next_request(scripted):
    server = scripted(GOOD, GOOD, GOOD)
    transport = rest(server.url)
    for _ in range(3):
        transport.predict("sample", SIGNATURE, {"seed": SEED})
    transport.close()
    assert len({address for address, _ in server.requests}) == 1


def test_where_nobody_listens_the_error_says_what_to_do():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = taken.getsockname()[1]
    for transport in (rest(f"http://localhost:{port}"), over_grpc(f"grpc://localhost:{port}")):
        with pytest.raises(ClientError, match=rf"No connection to .*:{port} \(.*refused.*tfvae serve") as caught:
            ask(transport)
        assert caught.value.code == "UNAVAILABLE"


# gRPC.


class ScriptedService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, script):
        self.script, self.num_requests = list(script), 0

    def Predict(self, request, context):
        self.num_requests += 1
        step = self.script.pop(0)
        return step(request, context) if callable(step) else context.abort(getattr(grpc.StatusCode, step), "its reason")


def good(request, context):
    response = predict_pb2.PredictResponse()
    response.outputs["z"].dtype = 1
    response.outputs["z"].tensor_shape.dim.add(size=1)
    response.outputs["z"].float_val.append(1.5)
    return response


def slow_call(request, context):
    time.sleep(1.0)
    return good(request, context)


@pytest.fixture
def scripted_grpc():
    servers = []

    def start(*script, credentials=None):
        server = grpc.server(ThreadPoolExecutor(2))
        server.service = ScriptedService(script)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(server.service, server)
        address = "localhost:0"
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        server.url = f"grpc{'s' if credentials else ''}://localhost:{port}"
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop(None)


def over_grpc(url, timeout=10.0, ca_certificates=None):
    return GrpcTransport(url, Address("m", None, None), timeout, ca_certificates)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_calls_that_were_not_taken_are_made_again(scripted_grpc, code):
    server = scripted_grpc(code, code, good)
    assert ask(over_grpc(server.url)) == [1.5]
    assert server.service.num_requests == 3


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "INTERNAL", "UNIMPLEMENTED"])
def test_calls_that_failed_are_not_made_again(scripted_grpc, code):
    server = scripted_grpc(code, good)
    with pytest.raises(ClientError, match=f"{server.url} answers {code}: its reason") as caught:
        ask(over_grpc(server.url))
    assert (caught.value.code, caught.value.details) == (code, "its reason")
    assert server.service.num_requests == 1


def test_calls_are_bounded_in_number(scripted_grpc):
    server = scripted_grpc(*["UNAVAILABLE"] * 20)
    with pytest.raises(ClientError, match="its reason"):
        ask(over_grpc(server.url))
    assert server.service.num_requests == retries.NUM_ATTEMPTS


def test_a_slow_call_ends_with_the_time(scripted_grpc):
    server = scripted_grpc(slow_call, good)
    with pytest.raises(ClientError, match=r"did not answer in 0.3 s") as caught:
        ask(over_grpc(server.url, timeout=0.3))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert server.service.num_requests == 1


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = trustme.CA()
    made.path = tmp_path_factory.mktemp("tls") / "ca.pem"
    made.cert_pem.write_to_path(made.path)
    return made


@pytest.fixture
def start_with_tls(scripted, scripted_grpc, authority):
    certificate = authority.issue_cert("localhost")

    def start(transport):
        if transport is over_grpc:
            key, chain = certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()
            return scripted_grpc(good, credentials=grpc.ssl_server_credentials([(key, chain)]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return scripted(GOOD, context=context)

    return start


@pytest.mark.parametrize("transport", [rest, over_grpc])
def test_tls_trusts_the_authorities_that_are_named(start_with_tls, authority, transport):
    assert ask(transport(start_with_tls(transport).url, ca_certificates=authority.path)) == [1.5]


@pytest.mark.parametrize("transport", [rest, over_grpc])
def test_tls_trusts_no_other_authority(start_with_tls, transport, tmp_path):
    stranger = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    with pytest.raises(ClientError, match=r"(?i)certificate.verify.failed") as caught:
        ask(transport(start_with_tls(transport).url, ca_certificates=stranger))
    assert caught.value.code == "UNAVAILABLE"
