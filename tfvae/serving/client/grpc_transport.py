"""gRPC: a model asked through the stubs of tensorflow-serving-api, which need TensorFlow."""

from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from tfvae.serving.client.errors import no_answer, no_connection, refusal
from tfvae.serving.client.interface import Signature, public, tensor
from tfvae.serving.client.retries import with_retries

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),  # the server has the last word on sizes
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),  # ours alone, so that attempts are counted once
    ("grpc.initial_reconnect_backoff_ms", 50),  # a second by default, in which each attempt fails unheard
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcTransport:
    """Requests to one model of one server; may be used by many threads at a time.

    Args:
        url: grpc://HOST:PORT, or grpcs://HOST:PORT for TLS.
        address: The model's `Address`.
        timeout: Seconds for a request and its retries.
        ca_certificates: PEM file of the authorities that grpcs trusts, None for those that gRPC brings.
    """

    def __init__(self, url, address, timeout, ca_certificates):
        self.url, self.timeout, self._address = url.rstrip("/"), timeout, address
        self._channel = _channel(self.url, ca_certificates)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def signatures(self):
        """{name: `Signature`} of the model."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        answer = self._ask(self._stub.GetModelMetadata, request)
        described = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(described)
        return public({name: _signature(definition) for name, definition in described.signature_def.items()})

    def predict(self, name, signature, inputs):
        """{output: array} of a signature for {input: array}."""
        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = name
        for key, array in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(array))
        outputs = self._ask(self._stub.Predict, request).outputs
        return {key: _array(outputs[key], key) for key in signature.outputs}

    def close(self):
        self._channel.close()

    def _ask(self, method, request):
        _address(request.model_spec, self._address)
        return with_retries(lambda seconds: self._attempt(method, request, seconds), self.timeout)

    def _attempt(self, method, request, seconds):
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            raise self._error(error.code().name, error.details()) from None

    def _error(self, code, details):
        if code == "DEADLINE_EXCEEDED":
            return no_answer(self.url, self.timeout)
        if code == "UNAVAILABLE" and "connect" in details:
            return no_connection(self.url, details)
        return refusal(self.url, code, details)


def _channel(url, ca_certificates):
    scheme, _, target = url.partition("://")
    if scheme == "grpc":
        return grpc.insecure_channel(target, CHANNEL_OPTIONS)
    authorities = Path(ca_certificates).read_bytes() if ca_certificates else None
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(authorities), CHANNEL_OPTIONS)


def _address(spec, address):
    spec.name = address.model
    if address.version is not None:
        spec.version.value = address.version
    if address.label is not None:
        spec.version_label = address.label


def _signature(definition):
    return Signature(_tensors(definition.inputs), _tensors(definition.outputs))


def _tensors(described):
    return {name: _tensor(described[name]) for name in sorted(described)}  # a map of protobuf has no order


def _tensor(info):
    return tensor(types_pb2.DataType.Name(info.dtype), _sizes(info.tensor_shape))


def _sizes(shape):
    return None if shape.unknown_rank else [axis.size for axis in shape.dim]


def _array(proto, name):
    """NumPy's array of a tensor; strings are `bytes` only where their name says so, as over REST."""
    array = tf.make_ndarray(proto)
    if array.dtype != object or name.endswith("_bytes"):
        return array
    return np.vectorize(lambda text: text.decode(errors="replace"), otypes=[object])(array)
