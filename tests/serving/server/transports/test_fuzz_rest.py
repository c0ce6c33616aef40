"""Fuzzing of REST: whatever comes over the socket, the answer is one that the contract has, and the server stays."""

import json
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTRACT = {200, 400, 404, 405, 408, 413, 429, 501, 503, 504}
NUMBERS = st.integers(-(2**70), 2**70) | st.floats()
LEAVES = NUMBERS | st.none() | st.booleans() | st.text(max_size=5) | st.builds(lambda text: {"b64": text}, st.text())
VALUES = st.recursive(
    LEAVES,
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(st.sampled_from("abx") | st.text(), values, max_size=3)
    ),
    max_leaves=12,
)
SIGNATURES = ["serving_default", "no_inputs", "scalar", "ragged", "text", "matrix", "echo_uint8", "echo_string",
              "echo_bool", "echo_float16", "echo_int64", "", "gone"]  # fmt: skip
KEYS = st.sampled_from(["instances", "inputs", "signature_name", "examples", "context"])
REQUESTS = st.dictionaries(KEYS, VALUES, max_size=3) | st.builds(
    lambda name, key, value: {"signature_name": name, key: value},
    st.sampled_from(SIGNATURES),
    st.sampled_from(["instances", "inputs"]),
    VALUES,
)
BODIES = REQUESTS.map(lambda fields: json.dumps(fields).encode()) | st.binary(max_size=200)
MODELS = st.sampled_from(["half", "odd", "gone", "half/versions/1", "half/labels/stable"])
FUZZ = settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SECRETS = re.compile(r"/tmp|/root|/home|/usr|\.py\b|Traceback|site-packages")


def check(server, status, body):
    assert status in CONTRACT
    if status not in (200, 404):
        error = json.loads(body)["error"] if body else ""
        assert not SECRETS.search(error)
    assert server.process.poll() is None


@FUZZ
@given(MODELS, st.sampled_from(["predict", "regress", "classify"]), BODIES)
def test_any_body(server, model, method, body):
    status, _, answer = server.request("POST", f"/v1/models/{model}:{method}", body)
    check(server, status, answer)
    if status == 200:
        json.loads(answer.decode("utf-8", "surrogateescape"))
    else:
        assert list(json.loads(answer)) == ["error"]


@FUZZ
@given(BODIES, st.integers(0, 200), st.integers(0, 255))
def test_any_damaged_request(server, body, place, byte):
    sound = b'{"signature_name": "serving_default", "instances": [{"a": 1.5, "b": [NaN, "x"]}]} ' + body
    damaged = sound[: place % len(sound)] + bytes([byte]) + sound[place % len(sound) + 1 :]
    check(server, *server.request("POST", "/v1/models/odd:predict", damaged)[::2])


PATHS = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126, exclude_characters="?#"), max_size=40)


@FUZZ
@given(st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]), st.sampled_from(["/", "/v1/", "/v1/models/"]), PATHS)
def test_any_path(server, method, prefix, path):
    status, _, answer = server.request(method, prefix + path, b"{}" if method == "POST" else None)
    check(server, status, answer)


@FUZZ
@given(st.binary(max_size=300), st.sampled_from([b"", b"GET ", b"POST /v1/models/odd:predict HTTP/1.1\r\n"]))
def test_any_bytes_on_the_socket(server, data, prefix):
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=30) as client:
        client.sendall(prefix + data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    if answer:
        assert int(answer.split()[1]) in CONTRACT
        assert not SECRETS.search(answer.decode("latin1"))
    assert server.process.poll() is None


@pytest.fixture(scope="module", autouse=True)
def nothing_unexpected(server):
    """No request of this module met an error that nobody thought of."""
    yield
    assert not [
        entry for entry in server.events() if entry["level"] == "error" and entry["event"] == "unexpected error"
    ]
    assert server.post("half:predict", {"instances": [2]}) == (200, {"predictions": [4.0]})
