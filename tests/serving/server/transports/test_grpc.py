"""gRPC over real sockets against a real process: both services, health, and the error of each wrong call."""

import socket

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
MISSING = "Servable not found for request: "


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models_of(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


@pytest.fixture(autouse=True)
def survives(server, prediction):
    """Whatever a test did, the next client is served."""
    yield
    assert server.process.poll() is None
    assert values(prediction.Predict(predict(x=2.0), timeout=30))["y"] == 4.0


def predict(name="half", signature="", version=None, label=None, output_filter=(), **inputs):
    """A PredictRequest of arrays or TensorProtos."""
    spec = {"name": name, "signature_name": signature}
    spec |= {} if version is None else {"version": {"value": version}}
    spec |= {} if label is None else {"version_label": label}
    request = predict_pb2.PredictRequest(model_spec=spec, output_filter=output_filter)
    for key, value in inputs.items():
        proto = value if isinstance(value, TensorProto) else tf.make_tensor_proto(np.float32(value))
        request.inputs[key].CopyFrom(proto)
    return request


def values(response):
    return {name: tf.make_ndarray(proto).tolist() for name, proto in response.outputs.items()}


def examples(make, *xs, context=None):
    """An Input of one example for each x."""
    if context is None:
        return {"example_list": {"examples": [make(x=x) for x in xs]}}
    return {"example_list_with_context": {"examples": [make() for _ in xs], "context": make(x=context)}}


def error_of(method, request, timeout=30):
    with pytest.raises(grpc.RpcError) as error:
        method(request, timeout=timeout)
    return error.value.code().name, error.value.details()


@pytest.mark.parametrize(
    ("request_fields", "version", "y"),
    [
        ({"x": 2.0}, 2, 4.0),
        ({"x": 2.0, "version": 1}, 1, 3.0),
        ({"x": 2.0, "label": "stable"}, 1, 3.0),
        ({"x": [[0.0], [2.0]], "label": "canary"}, 2, [[2.0], [4.0]]),
        ({"x": [], "signature": "serving_default"}, 2, []),
        ({"x": float("inf")}, 2, float("inf")),
    ],
)
def test_predict(prediction, request_fields, version, y):
    response = prediction.Predict(predict(**request_fields), timeout=30)
    assert values(response) == {"y": y}
    assert response.model_spec.name == "half"
    assert response.model_spec.version.value == version
    assert response.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    "name", ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool", "float16"]
)
@pytest.mark.parametrize("is_content", [False, True])
def test_every_type_comes_back_as_it_was_sent(prediction, name, is_content):
    array = np.array([[0, 1], [2, 100]]).astype(name)
    proto = tf.make_tensor_proto(array)
    if not is_content:  # one value of each element in its field
        proto = TensorProto(dtype=proto.dtype, tensor_shape=proto.tensor_shape)
        field = {"float32": "float_val", "float64": "double_val", "int64": "int64_val", "uint32": "uint32_val",
                 "uint64": "uint64_val", "bool": "bool_val", "float16": "half_val"}.get(name, "int_val")  # fmt: skip
        flat = array.view("uint16").ravel() if name == "float16" else array.ravel()
        getattr(proto, field).extend(flat.tolist())
    answer = prediction.Predict(predict("odd", f"echo_{name}", x=proto), timeout=30).outputs["y"]
    np.testing.assert_array_equal(tf.make_ndarray(answer), array)
    assert tf.make_ndarray(answer).dtype == array.dtype
    assert name == "float16" or not answer.tensor_content  # typed values, as the real server's default


def test_strings_come_back_as_bytes(prediction):
    proto = tf.make_tensor_proto([b"", b"\xff\x00", b"a"])
    answer = prediction.Predict(predict("odd", "echo_string", x=proto), timeout=30)
    assert values(answer) == {"y": [b"", b"\xff\x00", b"a"]}


def test_one_value_fills_a_shape(prediction):
    proto = TensorProto(dtype=1, float_val=[2.0], tensor_shape={"dim": [{"size": 2}, {"size": 2}]})
    assert values(prediction.Predict(predict(x=proto), timeout=30)) == {"y": [[4.0, 4.0], [4.0, 4.0]]}


def test_a_filter_leaves_outputs_out(prediction):
    request = predict("odd", output_filter=["sum"], a=1, b=2)
    assert values(prediction.Predict(request, timeout=30)) == {"sum": 3.0}
    assert values(prediction.Predict(predict("odd", a=1, b=2), timeout=30)) == {"sum": 3.0, "product": 2.0}


def shaped(*sizes, **fields):
    return TensorProto(dtype=1, tensor_shape={"dim": [{"size": size} for size in sizes]}, **fields)


PREDICT_ERRORS = [
    (predict("gone", x=1), "NOT_FOUND", MISSING + "Latest(gone)"),
    (predict("../../etc", x=1), "NOT_FOUND", MISSING + "Latest(../../etc)"),
    (predict("n" * 500_000, x=1), "NOT_FOUND", (MISSING + "Latest(" + "n" * 512)[:512]),
    (predict("\U0001f600" * 1000, x=1), "NOT_FOUND", (MISSING + "Latest(" + "\U0001f600" * 512)[:512]),
    (predict(version=9, x=1), "NOT_FOUND", MISSING + "Specific(half, 9)"),
    (predict(version=-1, x=1), "NOT_FOUND", MISSING + "Specific(half, -1)"),
    (predict(label="gone", x=1), "INVALID_ARGUMENT", "Unrecognized servable version label: gone"),
    (predict("", x=1), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    (predict(signature="gone", x=1), "FAILED_PRECONDITION", 'Serving signature key "gone" not found.'),
    (predict(signature="__saved_model_init_op"), "FAILED_PRECONDITION",
     'Serving signature key "__saved_model_init_op" not found.'),
    (predict("odd", a=1), "INVALID_ARGUMENT", "input size does not match signature: 1!=2 len({a}) != len({a,b}). "
     "Sent extra: {}. Missing but required: {b}."),
    (predict("odd", a=1, b=1, c=1), "INVALID_ARGUMENT", "input size does not match signature: 3!=2 len({a,b,c}) != "
     "len({a,b}). Sent extra: {c}. Missing but required: {}."),
    (predict("odd", a=1, b=1, output_filter=["z"]), "INVALID_ARGUMENT",
     "output tensor alias not found in signature: z Outputs expected to be in the set {product,sum}."),
    (predict("odd", a=1, b=1, output_filter=["sum", "sum"]), "INVALID_ARGUMENT", "duplicate output tensor alias: sum"),
    (predict(x=tf.make_tensor_proto("a")), "INVALID_ARGUMENT", None),
    (predict(x=tf.make_tensor_proto(np.int64(1))), "INVALID_ARGUMENT", None),
    (predict("odd", "matrix", x=[[1, 2, 3]]), "INVALID_ARGUMENT", None),
    (predict(x=shaped(3, tensor_content=b"\0" * 7)), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=shaped(2, float_val=[1, 2, 3])), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=shaped(-1, float_val=[1])), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=shaped(10**6, 10**6, float_val=[1])), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=shaped(2**62, 2**62, 2**62, float_val=[1])), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=shaped(*[1] * 300, float_val=[1])), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=TensorProto(dtype=1, tensor_shape={"unknown_rank": True})), "INVALID_ARGUMENT",
     "tensor parsing error: x"),
    (predict(x=TensorProto(dtype=99)), "INVALID_ARGUMENT", "tensor parsing error: x"),
    (predict(x=TensorProto()), "INVALID_ARGUMENT", "tensor parsing error: x"),
]  # fmt: skip


@pytest.mark.parametrize(("request_proto", "code", "text"), PREDICT_ERRORS)
def test_errors_of_predict(prediction, request_proto, code, text):
    found, details = error_of(prediction.Predict, request_proto)
    assert found == code
    assert text is None or details == text
    assert "/tmp" not in details and "[[{{" not in details


def test_regress(prediction, example):
    spec = {"name": "half", "signature_name": "regress"}
    request = regression_pb2.RegressionRequest(model_spec=spec, input=examples(example, 2.0, 4.0))
    response = prediction.Regress(request, timeout=30)
    assert [regression.value for regression in response.result.regressions] == [4.0, 6.0]
    assert response.model_spec.version.value == 2
    assert response.model_spec.signature_name == "regress"


def test_examples_share_their_context(prediction, example):
    spec = {"name": "half", "signature_name": "regress"}
    request = regression_pb2.RegressionRequest(model_spec=spec, input=examples(example, 0, 0, context=2.0))
    response = prediction.Regress(request, timeout=30)
    assert [regression.value for regression in response.result.regressions] == [4.0, 4.0]


def test_classify(prediction, example):
    spec = {"name": "half", "signature_name": "classify"}
    request = classification_pb2.ClassificationRequest(model_spec=spec, input=examples(example, 1.0))
    (row,) = prediction.Classify(request, timeout=30).result.classifications
    assert [(choice.label, choice.score) for choice in row.classes] == [("low", -3.0), ("high", 3.0)]


@pytest.mark.parametrize("kind", ["Classify", "Regress"])
def test_no_examples_are_an_error(prediction, kind):
    types = {"Classify": classification_pb2.ClassificationRequest, "Regress": regression_pb2.RegressionRequest}
    request = types[kind](model_spec={"name": "half", "signature_name": kind.lower()})
    assert error_of(getattr(prediction, kind), request) == ("INVALID_ARGUMENT", "Input is empty.")
    request.input.example_list.SetInParent()
    assert error_of(getattr(prediction, kind), request) == ("INVALID_ARGUMENT", "Input is empty.")


def inference(make, *tasks, x=1.0):
    """A MultiInferenceRequest of (model, signature, method)."""
    request = inference_pb2.MultiInferenceRequest(input=examples(make, x))
    for name, signature, method in tasks:
        request.tasks.add(model_spec={"name": name, "signature_name": signature}, method_name=method)
    return request


def test_multi_inference_answers_each_task(prediction, example):
    tasks = (("half", "classify", CLASSIFY), ("half", "regress", REGRESS), ("half", "regress_next", REGRESS))
    single = [task for task in tasks if task[1] == "regress"]
    response = prediction.MultiInference(inference(example, *single), timeout=30)
    assert response.results[0].regression_result.regressions[0].value == 3.0
    assert response.results[0].model_spec.version.value == 2
    # The signatures of this model have an input tensor each, as those of every TensorFlow 2 model do.
    text = "Input tensor must be the same for all Signatures."
    assert error_of(prediction.MultiInference, inference(example, *tasks)) == ("INVALID_ARGUMENT", text)


INFERENCE_ERRORS = [
    ([], "INVALID_ARGUMENT", "Inference request must have at least one task."),
    ([("", "regress", REGRESS)], "INVALID_ARGUMENT", "Found ModelSpec with an empty model name."),
    ([("half", "regress", REGRESS), ("odd", "regress", REGRESS)], "INVALID_ARGUMENT",
     "All ModelSpecs in a MultiInferenceRequest must access the same model name."),
    ([("half", "regress", REGRESS)] * 2, "INVALID_ARGUMENT", "Duplicate evaluation of signature: regress"),
    ([("half", "gone", REGRESS)], "INVALID_ARGUMENT", "Requested signature not found in model graph: gone"),
    ([("half", "regress", "predict")], "UNIMPLEMENTED", "Unsupported signature method_name: predict"),
    ([("gone", "regress", REGRESS)], "NOT_FOUND", MISSING + "Latest(gone)"),
    ([("odd", "", REGRESS)], "INVALID_ARGUMENT", "Expected one input Tensor."),
]  # fmt: skip


@pytest.mark.parametrize(("tasks", "code", "text"), INFERENCE_ERRORS)
def test_errors_of_multi_inference(prediction, example, tasks, code, text):
    assert error_of(prediction.MultiInference, inference(example, *tasks)) == (code, text)


def metadata_request(name="half", fields=("signature_def",)):
    return get_model_metadata_pb2.GetModelMetadataRequest(model_spec={"name": name}, metadata_field=fields)


def test_metadata(prediction):
    response = prediction.GetModelMetadata(metadata_request(), timeout=30)
    assert (response.model_spec.name, response.model_spec.version.value) == ("half", 2)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "regress", "__saved_model_init_op"} <= set(signatures.signature_def)


METADATA_ERRORS = [
    (get_model_metadata_pb2.GetModelMetadataRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    (metadata_request(fields=()), "INVALID_ARGUMENT",
     "GetModelMetadataRequest must specify at least one metadata_field"),
    (metadata_request(fields=["assets"]), "INVALID_ARGUMENT", "Metadata field assets is not supported"),
    (metadata_request("gone"), "NOT_FOUND", MISSING + "Latest(gone)"),
]  # fmt: skip


@pytest.mark.parametrize(("request_proto", "code", "text"), METADATA_ERRORS)
def test_errors_of_metadata(prediction, request_proto, code, text):
    assert error_of(prediction.GetModelMetadata, request_proto) == (code, text)


def status_request(name, version=None):
    spec = {"name": name} | ({} if version is None else {"version": {"value": version}})
    return get_model_status_pb2.GetModelStatusRequest(model_spec=spec)


def test_model_status(models_of):
    response = models_of.GetModelStatus(status_request("half"), timeout=30)
    found = [(status.version, status.state, status.status.error_code) for status in response.model_version_status]
    assert found == [(3, 50, 15), (2, 30, 0), (1, 30, 0)]  # END with DATA_LOSS, AVAILABLE twice
    response = models_of.GetModelStatus(status_request("half", 1), timeout=30)
    assert [status.version for status in response.model_version_status] == [1]


STATUS_ERRORS = [
    (get_model_status_pb2.GetModelStatusRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    (status_request("gone"), "NOT_FOUND", "Could not find any versions of model gone"),
    (status_request("half", 9), "NOT_FOUND", "Could not find version 9 of model half"),
]


@pytest.mark.parametrize(("request_proto", "code", "text"), STATUS_ERRORS)
def test_errors_of_status(models_of, request_proto, code, text):
    assert error_of(models_of.GetModelStatus, request_proto) == (code, text)


def test_a_reload_without_a_list_of_models_is_refused(models_of):
    code, text = error_of(models_of.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
    assert code == "INVALID_ARGUMENT"
    assert text.startswith("ServerModelConfig type not supported by HandleReloadConfigRequest.")


def test_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=30).status == health_pb2.HealthCheckResponse.SERVING


def test_a_deadline_is_kept(prediction):
    steps = tf.make_tensor_proto(np.int32(5000))
    assert error_of(prediction.Predict, predict("odd", "slow", steps=steps), timeout=0.5)[0] == "DEADLINE_EXCEEDED"


def test_a_large_message_is_refused(prediction):
    code, _ = error_of(prediction.Predict, predict(x=np.zeros(1 << 19)))  # 2 MiB, the limit being 1
    assert code == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n"]
)
def test_garbage_is_dropped(server, data):
    with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass


def test_a_message_that_is_no_request_is_refused(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict", bytes, bytes)
    with pytest.raises(grpc.RpcError) as error:
        call(b"\xff\xff\xff", timeout=30)
    assert error.value.code() == grpc.StatusCode.UNKNOWN  # the library's own answer
    assert "/tmp" not in error.value.details() and ".py" not in error.value.details()


def test_an_unknown_method_is_unimplemented(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Gone", bytes, bytes)
    with pytest.raises(grpc.RpcError) as error:
        call(b"", timeout=30)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
