"""REST over real sockets against a real process: routes, answers, errors, limits and the abuse of all of them."""

import base64
import gzip
import json
import socket
import threading
import time

import pytest

MISSING = "Servable not found for request: "
TIMED_OUT = {"error": "Timed out waiting for notification"}
OK = {"error_code": "OK", "error_message": ""}


@pytest.fixture(autouse=True)
def survives(server):
    """Whatever a test did, the next client is served."""
    yield
    for _ in range(20):  # a run that nobody waits for any more still has the processors
        if (answer := server.post("half:predict", {"instances": [2]})) != (504, TIMED_OUT):
            break
    assert server.process.poll() is None
    assert answer == (200, {"predictions": [4.0]})


PREDICTIONS = [
    ("half:predict", {"instances": [0, 2]}, {"predictions": [2.0, 4.0]}),
    ("half:predict", {"inputs": 3}, {"outputs": 5.0}),
    ("half:predict", {"inputs": [[1], [2]]}, {"outputs": [[3.0], [4.0]]}),
    ("half:predict", {"inputs": {"x": [1]}}, {"outputs": [3.0]}),
    ("half:predict", {"instances": [{"x": [1]}, {"x": [2]}]}, {"predictions": [[3.0], [4.0]]}),
    ("half:predict", {"signature_name": "serving_default", "instances": [0]}, {"predictions": [2.0]}),
    ("half:predict", {"signature_name": "", "instances": [0]}, {"predictions": [2.0]}),
    ("half:predict", b'{"instances":[0]} and more', {"predictions": [2.0]}),
    ("half/versions/1:predict", {"instances": [2]}, {"predictions": [3.0]}),
    ("half/versions/2:predict", {"instances": [2]}, {"predictions": [4.0]}),
    ("half/versions/0001:predict", {"instances": [2]}, {"predictions": [3.0]}),
    ("half/labels/stable:predict", {"instances": [2]}, {"predictions": [3.0]}),
    ("half/labels/canary:predict", {"instances": [2]}, {"predictions": [4.0]}),
    ("half/labels/st%61ble:predict", {"instances": [2]}, {"predictions": [3.0]}),
    ("h%61lf:predict", {"instances": [2]}, {"predictions": [4.0]}),
    ("half:PREDICT", {"instances": [2]}, {"predictions": [4.0]}),
    ("half/Versions/1:Predict", {"instances": [2]}, {"predictions": [3.0]}),
    ("half:predict?alt=json", {"instances": [2]}, {"predictions": [4.0]}),
    ("odd:predict", {"instances": [{"a": 1, "b": 2}]}, {"predictions": [{"product": 2.0, "sum": 3.0}]}),
    ("odd:predict", {"inputs": {"a": [1, 2], "b": 2, "c": 0}}, {"outputs": {"product": [2.0, 4.0], "sum": [3.0, 4.0]}}),
    ("odd:predict", {"signature_name": "scalar", "inputs": [1, 2]}, {"outputs": 3.0}),
    ("odd:predict", {"signature_name": "echo_string", "inputs": "a"}, {"outputs": "a"}),
    ("odd:predict", {"signature_name": "echo_uint8", "instances": [300, -1]}, {"predictions": [44, 255]}),
    ("odd:predict", {"signature_name": "echo_int64", "instances": [2**63 - 1]}, {"predictions": [2**63 - 1]}),
    ("odd:predict", {"signature_name": "echo_uint64", "instances": [2**64 - 1]}, {"predictions": [2**64 - 1]}),
    ("odd:predict", {"signature_name": "echo_bool", "instances": [True]}, {"predictions": [True]}),
    ("odd:predict", {"signature_name": "echo_float64", "instances": [1 / 3]}, {"predictions": [1 / 3]}),
    (
        "odd:predict", {"signature_name": "text", "instances": ["a", {"b64": "/w=="}][:1]},
        {"predictions": [{"image_bytes": {"b64": "YQ=="}, "text": "a"}]},
    ),
    ("half:regress", {"signature_name": "regress", "examples": [{"x": 2.0}, {"x": [4.0]}]}, {"results": [4.0, 6.0]}),
    ("half:regress", {"signature_name": "regress", "context": {"x": 2.0}, "examples": [{}]}, {"results": [4.0]}),
    ("half:regress", {"signature_name": "regress_next", "examples": [{"x": 2.0}]}, {"results": [5.0]}),
    (
        "half:classify", {"signature_name": "classify", "examples": [{"x": 1.0}]},
        {"results": [[["low", -3.0], ["high", 3.0]]]},
    ),
    ("half:classify", {"signature_name": "classify_scores", "examples": [{"x": 1.0}]}, {"results": [[["", 3.0]]]}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "fields", "answer"), PREDICTIONS)
def test_answers(server, path, fields, answer):
    assert server.post(path, fields) == (200, answer)


def test_numbers_that_are_not_finite_go_in_and_out(server):
    body = b'{"instances":[NaN,Infinity,-Infinity]}'
    status, _, answer = server.request("POST", "/v1/models/half:predict", body)
    assert (status, answer) == (200, b'{"predictions": [NaN,Infinity,-Infinity]}')


def test_bytes_that_are_no_text_go_in_and_out(server):
    data = bytes(range(256))
    fields = {"signature_name": "text", "instances": [{"b64": base64.b64encode(data).decode()}]}
    status, _, answer = server.request("POST", "/v1/models/odd:predict", json.dumps(fields))
    assert status == 200
    decoded = json.loads(answer.decode("utf-8", "surrogateescape"))["predictions"][0]
    assert decoded["text"].encode("utf-8", "surrogateescape") == data
    assert base64.b64decode(decoded["image_bytes"]["b64"]) == data


NOT_IN_MODEL = 'Serving signature name: "x" not found in signature def'
SPARSE = "JSON Value: {} When method is classify, key 'examples' is expected and was not found"
ERRORS = [
    ("gone:predict", {"instances": [1]}, 404, MISSING + "Latest(gone)"),
    ("half/versions/99:predict", {"instances": [1]}, 404, MISSING + "Specific(half, 99)"),
    ("half/versions/3:predict", {"instances": [1]}, 404, MISSING + "Specific(half, 3)"),
    ("half/labels/gone:predict", {"instances": [1]}, 400, "Unrecognized servable version label: gone"),
    ("..%2f..%2fetc%2fpasswd:predict", {"instances": [1]}, 404, MISSING + "Latest(../../etc/passwd)"),
    ("%2e%2e:predict", {"instances": [1]}, 404, MISSING + "Latest(..)"),
    ("%00:predict", {"instances": [1]}, 404, MISSING + "Latest(\0)"),
    ("%ff:predict", {"instances": [1]}, 404, MISSING + "Latest(?)"),
    ("n" * 5000 + ":predict", {"instances": [1]}, 404, MISSING + f"Latest({'n' * 5000})"),
    ("half:predict", {"signature_name": "x", "instances": [1]}, 400, NOT_IN_MODEL),
    ("half:predict", {"signature_name": "__saved_model_init_op", "instances": [1]}, 400,
     NOT_IN_MODEL.replace("x", "__saved_model_init_op", 1)),
    ("half:predict", b"", 400, "JSON Parse error: The document is empty"),
    ("gone:predict", b"", 400, "JSON Parse error: The document is empty"),
    ("half:predict", b"{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
    ("half:predict", b'{"instances": oops}', 400, "JSON Parse error: Invalid value. at offset: 14"),
    ("half:predict", b"\xff\xfe\x00\x01", 400, "JSON Parse error: Invalid value. at offset: 0"),
    ("half:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
    ("half:predict", {"inputs": "a"}, 400, 'JSON Value: "a" Type: String is not of expected type: float'),
    ("odd:predict", {"signature_name": "no_inputs", "inputs": {}}, 400,
     "Failed to get input map for signature: no_inputs"),
    ("odd:predict", {"signature_name": "scalar", "instances": [1]}, 400,
     "Tensor name: y has no shape information "),
    ("odd:predict", {"signature_name": "ragged", "instances": [1]}, 400,
     "Tensor name: z has inconsistent batch size: 2 expecting: 1"),
    ("odd:predict", {"signature_name": "echo_float16", "inputs": 1}, 501,
     "Conversion of JSON Value: 1 to type: half"),
    ("odd:predict", {"signature_name": "matrix", "inputs": [[1, 2, 3]]}, 400, None),
    ("half:regress", {}, 400, SPARSE),
    ("half:regress", {"examples": []}, 400, "JSON Value: {\"examples\": []} 'examples' value is an empty array"),
    ("half:regress", {"examples": 1}, 400, "JSON Value: {\"examples\": 1} Expecting 'examples' value to be an "
     "list/array"),
    ("half:regress", {"examples": [1]}, 400, "Example must be JSON object but got JSON Number"),
    ("half:regress", {"examples": [{"x": None}]}, 400, "Feature: x has element with unexpected JSON type: Null"),
    ("half:regress", {"examples": [{"x": [[1]]}]}, 400, "Feature: x has element with unexpected JSON type: Array"),
    ("half:regress", {"examples": [{"x": {"y": 1}}]}, 400, "Feature: x has element with unexpected JSON type: Object"),
    ("half:regress", {"examples": [{"x": [1, 1.0]}]}, 400, "Unexpected element type in feature: x expecting type: "
     "int64"),
    ("half:regress", {"examples": [{"x": 2**63}]}, 400, "Feature: x has uint64 element. Only int64 is supported."),
    ("half:regress", {"examples": [{"x": 1e300}]}, 400, "Cannot convert JSON value: 1e+300 to float without loss of "
     "precision."),
    ("half:regress", {"signature_name": "regress", "examples": [{"x": 2}]}, 400, None),  # an int64, not a float
    ("half:regress", {"signature_name": "gone", "examples": [{"x": 2.0}]}, 400, "No signature was found with the name: "
     "gone"),
    ("half:regress", {"signature_name": "regress_wide", "examples": [{"x": 2.0}]}, 400, "Expected output Tensor shape "
     "to be either [batch_size] or [batch_size, 1] but got [1,2]"),
    ("half:regress", {"signature_name": "regress_double", "examples": [{"x": 2.0}]}, 400, "Expected output Tensor of "
     "DT_FLOAT.  Got: DT_DOUBLE"),
    ("half:regress", {"signature_name": "regress_one", "examples": [{"x": 2.0}, {"x": 2.0}]}, 400, "Input batch size "
     "did not match output batch size: 2 vs. 1"),
    ("half:classify", {"signature_name": "classify_flat", "examples": [{"x": 2.0}]}, 400, "Expected Tensor shape: "
     "[batch_size num_classes] but got [1]"),
    ("odd:classify", {"examples": [{"x": 2.0}]}, 400, "Expected one input Tensor."),
    ("half:classify", {"signature_name": "serving_default", "examples": [{"x": 2.0}]}, 400, None),
    ("odd:regress", {"examples": [{"x": 2.0}]}, 400, "Expected one input Tensor."),
    ("gone:regress", {"examples": [{"x": 2.0}]}, 404, MISSING + "Latest(gone)"),
    ("gone:classify", {"examples": [{"x": 2.0}]}, 404, MISSING + "Latest(gone)"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "fields", "status", "text"), ERRORS)
def test_errors(server, path, fields, status, text):
    found, answer = server.post(path, fields)
    assert found == status
    assert list(answer) == ["error"]
    assert text is None or answer["error"] == text
    assert "/tmp" not in answer["error"] and "node" not in answer["error"]


MALFORMED = [
    ("POST", "/v1/models/half"), ("POST", "/v1/models/half:explain"), ("POST", "/v1/models/half:predict/"),
    ("POST", "/v1/models/half/versions/x:predict"), ("POST", "/v1/models/half/versions/-1:predict"),
    ("POST", "/v1/models/:predict"), ("POST", "/v1/models/half/metadata"), ("GET", "/v1/models/half:predict"),
    ("GET", "/v1/models/half/"), ("GET", "/v1/models/half/versions/1/labels/stable"), ("GET", "/v1/"),
    ("GET", "/v1/models/half/meta"), ("PUT", "/v1/models/half:predict"), ("DELETE", "/v1/models/half"),
    ("POST", "/v1/models/half/versions/1/labels/stable:predict"), ("GET", "/V1/nothing"),
    ("POST", "/v1/models/../../etc/passwd:predict"), ("PATCH", "/v1/models/half"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), MALFORMED)
def test_what_is_no_route(server, method, path):
    status, headers, body = server.request(method, path, b"{}" if method == "POST" else None)
    assert (status, json.loads(body)) == (400, {"error": f"Malformed request: {method} {path}"})
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/", "/v2/models/half", "/v1", "/favicon.ico", "/monitoring", "//v1/models/half"])
def test_what_is_no_api_is_plainly_not_found(server, path):
    status, headers, body = server.request("GET", path)
    assert (status, body) == (404, b"Not Found")
    assert headers["Content-Type"].startswith("text/plain")


GET_ERRORS = [
    ("HALF", 404, "Could not find any versions of model HALF"),
    ("half/versions/9", 404, "Could not find version 9 of model half"),
    ("gone", 404, "Could not find any versions of model gone"),
    ("gone/versions/1", 404, "Could not find version 1 of model gone"),
    ("", 400, "Malformed request: GET /v1/models/"),
    ("gone/metadata", 404, MISSING + "Latest(gone)"),
    ("half/versions/9/metadata", 404, MISSING + "Specific(half, 9)"),
    ("half/labels/gone/metadata", 400, "Unrecognized servable version label: gone"),
]


@pytest.mark.parametrize(("path", "status", "text"), GET_ERRORS)
def test_errors_of_status_and_metadata(server, path, status, text):
    assert server.get(path) == (status, {"error": text})


def test_status_lists_the_versions_latest_first(server):
    status, answer = server.get("half")
    broken, *available = answer["model_version_status"]
    assert status == 200
    assert available == [{"version": version, "state": "AVAILABLE", "status": OK} for version in ("2", "1")]
    assert (broken["version"], broken["state"], broken["status"]["error_code"]) == ("3", "END", "DATA_LOSS")
    assert "/half" not in broken["status"]["error_message"]
    assert server.get("half/versions/1") == (200, {"model_version_status": available[1:]})
    assert server.get("half/versions/3") == (200, {"model_version_status": [broken]})


def test_the_list_of_models_is_not_offered(server):
    status, _, body = server.request("GET", "/v1/models")
    assert (status, json.loads(body)) == (400, {"error": "Missing model name in request."})


@pytest.mark.parametrize("path", ["half/metadata", "half/versions/2/metadata", "half/labels/canary/METADATA"])
def test_metadata(server, path):
    status, answer = server.get(path)
    assert status == 200
    assert answer["model_spec"] == {"name": "half", "signature_name": "", "version": "2"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert "__saved_model_init_op" in signatures
    x = signatures["serving_default"]["inputs"]["x"]
    assert x == {"dtype": "DT_FLOAT", "name": x["name"], "tensor_shape": {"dim": [], "unknown_rank": True}}
    inputs = signatures["regress"]["inputs"]["inputs"]
    assert inputs["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert signatures["regress"]["method_name"] == "tensorflow/serving/predict"
    assert signatures["regress"]["defaults"] == {}


@pytest.mark.parametrize("path", ["half/versions/9223372036854775808:predict", "half/versions/" + "9" * 400])
def test_a_version_out_of_range_has_an_empty_answer(server, path):
    method = "POST" if path.endswith("predict") else "GET"
    status, _, body = server.request(method, f"/v1/models/{path}", b"{}" if method == "POST" else None)
    assert (status, body) == (400, b"")


def test_options_are_for_pages(server):
    assert server.request("OPTIONS", "/v1/models/half", headers={"Origin": "https://a.b"})[0] == 200
    assert server.request("OPTIONS", "/v1/models/half")[0] == 400
    headers = server.request("OPTIONS", "/v1/models/half", headers={"Origin": "http://a.b"})[1]
    assert "Access-Control-Allow-Origin" not in headers


def test_a_gzipped_request_is_unpacked(server):
    body = gzip.compress(b'{"instances":[2]}')
    status, _, answer = server.request("POST", "/v1/models/half:predict", body, {"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)) == (200, {"predictions": [4.0]})


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b'{"instances":[2]}')[:-14]], ids=["no gzip", "cut off"])
def test_a_broken_gzip_is_refused(server, body):
    status, _, answer = server.request("POST", "/v1/models/half:predict", body, {"Content-Encoding": "gzip"})
    assert status == 400
    assert "error" in json.loads(answer)


def test_a_gzip_bomb_is_refused(server):
    body = gzip.compress(b" " * (64 << 20))
    before = server.resident_kilobytes()
    status, _, answer = server.request("POST", "/v1/models/half:predict", body, {"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)) == (413, {"error": "The request is larger than 1048576 bytes."})
    assert server.resident_kilobytes() - before < 32 << 10


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_large_request_is_refused(server, is_chunked):
    body = (b" " * (1 << 16) for _ in range(32)) if is_chunked else b" " * (2 << 20)
    try:
        status, _, answer = server.request("POST", "/v1/models/half:predict", body)
    except (BrokenPipeError, ConnectionResetError):  # the answer came before all was sent
        return
    assert (status, json.loads(answer)) == (413, {"error": "The request is larger than 1048576 bytes."})


def test_a_request_of_many_rows_is_answered(server):
    rows = 50_000
    status, answer = server.post("half:predict", {"instances": [2.0] * rows})
    assert (status, answer) == (200, {"predictions": [4.0] * rows})


def test_a_run_that_takes_too_long_is_given_up(server):
    start = time.monotonic()
    status, answer = server.post("odd:predict", {"signature_name": "slow", "inputs": 12_000})
    assert (status, answer) == (504, TIMED_OUT)
    assert time.monotonic() - start < 5  # 1.5 s and what a busy machine adds


def connect(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), timeout=30)


GARBAGE = [
    b"\x00\x01\x02\r\n\r\n",
    b"GET\r\n\r\n",
    b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 100,
]


@pytest.mark.parametrize("data", GARBAGE)
def test_garbage_is_refused_and_shows_nothing_of_us(server, data):
    with connect(server) as client:
        client.sendall(data)
        answer = client.recv(65536)
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/2.0 400", b"HTTP/1.1 404", b"")
    assert b"Traceback" not in answer and b".py" not in answer


def test_clients_that_send_too_slowly_are_dropped(server):
    begun = b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"
    clients = {data: connect(server) for data in (b"", b"POST /v1/mod", begun)}
    for data, client in clients.items():
        client.sendall(data)
    for data, client in clients.items():
        with client:
            answer = client.recv(65536)  # within 30 s, the limit being 2
        assert answer[:12] == (b"HTTP/1.1 408" if data == begun else b"")


def test_clients_that_cut_the_connection_leave_nothing_behind(server):
    head = b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n"
    body = b'{"signature_name": "slow", "inputs": 500}'
    before = server.open_files()
    for length in (0, 10, 40, 41) * 10:
        with connect(server) as client:
            client.sendall(head + body[:length])
    for _ in range(100):
        if server.open_files() <= before:
            break
        time.sleep(0.1)
    assert server.open_files() <= before


def test_requests_on_one_connection_are_answered_in_order(server):
    request = b'POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\n{"instances":[%d]}'
    with connect(server) as client:
        client.sendall(b"".join(request % number for number in range(5)))
        answers = b""
        while answers.count(b"predictions") < 5:
            answers += client.recv(65536)
    places = [answers.index(b"[%.1f]" % (number + 2)) for number in range(5)]
    assert places == sorted(places)


def test_a_client_that_asks_whether_to_go_on_is_told(server):
    with connect(server) as client:
        client.sendall(
            b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n"
        )
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b'{"instances":[2]}')
        assert b"[4.0]" in client.recv(65536)


def test_concurrent_clients_each_get_their_own_answer(server):
    answers = {}

    def ask(number):
        answers[number] = server.post("half:predict", {"instances": [number]})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: (200, {"predictions": [number + 2.0]}) for number in range(64)}
