"""Prometheus reads what the clients did, under TensorFlow Serving's names."""

import re

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

PATH = "/monitoring/prometheus/metrics"
LATENCY = ':tensorflow:serving:request_latency_count{API="Predict",entrypoint="%s",model_name="half"}'


def read(server):
    """{series: value}"""
    status, headers, body = server.request("GET", PATH)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def growth(server, action):
    """{series: how much an action added}, for those that grew."""
    before = read(server)
    action()
    return {
        series: value - before.get(series, 0) for series, value in read(server).items() if value != before.get(series)
    }


def test_a_request_is_counted_and_timed(server):
    grown = growth(server, lambda: server.post("half:predict", {"instances": [1]}))
    assert grown[':tensorflow:serving:request_count{model_name="half",status="OK"}'] == 1
    assert grown[LATENCY % "REST"] == 1
    assert grown[':tensorflow:serving:runtime_latency_count{API="Predict",model_name="half",runtime="TF1"}'] == 1
    last = (LATENCY % "REST").replace("_count", "_bucket").replace(",model_name", ',le="+Inf",model_name')
    assert grown[last] == 1


def test_grpc_is_an_entrypoint_of_its_own(server):
    def ask():
        request = predict_pb2.PredictRequest(model_spec={"name": "half"})
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(1.0))
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=30)

    assert growth(server, ask)[LATENCY % "GRPC"] == 1


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("half:predict", {}, "INVALID_ARGUMENT"),
        ("half/versions/9:predict", {"instances": [1]}, "NOT_FOUND"),
        ("odd:predict", {"signature_name": "echo_float16", "inputs": 1}, "UNIMPLEMENTED"),
    ],
)
def test_an_error_is_counted_by_its_code(server, path, fields, code):
    grown = growth(server, lambda: server.post(path, fields))
    model = re.match(r"\w+", path).group()
    assert grown[f':tensorflow:serving:request_count{{model_name="{model}",status="{code}"}}'] == 1


def test_unknown_names_make_no_series(server):
    before = set(read(server))

    def ask():
        for index in range(20):
            server.post(f"unknown{index}:predict", {"instances": [1]})

    assert growth(server, ask) == {}
    assert set(read(server)) == before


def test_types_have_the_names_of_their_samples(server):
    body = server.request("GET", PATH)[2].decode()
    types = dict(re.findall(r"# TYPE (\S+) (\w+)", body))
    assert types[":tensorflow:serving:request_count"] == "counter"
    histograms = "request_latency runtime_latency model_warmup_latency batching_session:queuing_latency"
    for name in (*histograms.split(), "batching_session:padding_size"):
        assert types[f":tensorflow:serving:{name}"] == "histogram"
    assert "_created" not in body


def test_buckets_grow_from_ten_microseconds_by_a_factor_of_1_8(server):
    server.post("half:predict", {"instances": [1]})
    pattern = r'request_latency_bucket\{API="Predict",entrypoint="REST",le="([^"]+)",model_name="half"\}'
    limits = [float(limit) for series in read(server) for limit in re.findall(pattern, series)]
    assert limits == pytest.approx([10 * 1.8**power for power in range(32)] + [float("inf")])


def test_another_path_is_not_found(server):
    assert server.request("GET", PATH + "/")[0] == 404
    assert server.request("POST", PATH)[0] == 404
