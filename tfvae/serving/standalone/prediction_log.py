"""PredictionLog: TF Serving's record of a request and its answer, read and written without tensorflow-serving-api.

The messages below hold the fields that we use, under the numbers that they have in tensorflow_serving/apis/*.proto.
"""

from typing import NamedTuple

import tensorflow as tf

from .messages import message_classes

# On the wire a map is a repeated message of key and value, and a message (here TensorProto) is its bytes.
_MESSAGES = {
    "ModelSpec": [("signature_name", 3, "string")],
    "NamedTensor": [("key", 1, "string"), ("value", 2, "bytes")],
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "NamedTensor[]")],
    "PredictResponse": [("outputs", 1, "NamedTensor[]")],
    "PredictLog": [("request", 1, "PredictRequest"), ("response", 2, "PredictResponse")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}


class Call(NamedTuple):
    """One call of a signature.

    Attributes:
        signature: Its name.
        inputs: {name: array [B, ...]}.
        outputs: {name: array [B, ...]}, empty if they were not recorded.
    """

    signature: str
    inputs: dict
    outputs: dict


def write_calls(path, calls):
    """Writes calls as an uncompressed TFRecord file of PredictionLogs."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for call in calls:
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = call.signature
            _add_tensors(request.inputs, call.inputs)
            _add_tensors(log.predict_log.response.outputs, call.outputs)
            writer.write(log.SerializeToString(deterministic=True))


def read_calls(path):
    """The calls of a file of PredictionLogs; a record without a signature's name calls "serving_default".

    Raises:
        ValueError: If the file is not a TFRecord file, or a record is not a PredictionLog with a `predict_log`.
    """
    try:
        records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise ValueError(f"it is not an uncompressed TFRecord file ({error.message})") from error
    return [_call(index, record) for index, record in enumerate(records)]


def _call(index, record):
    try:
        log = PredictionLog.FromString(record)
        if not log.HasField("predict_log"):
            raise ValueError("there is no `predict_log` in it")
        request, response = log.predict_log.request, log.predict_log.response
        name = request.model_spec.signature_name or "serving_default"
        return Call(name, _arrays(request.inputs), _arrays(response.outputs))
    except Exception as error:  # protobuf's DecodeError is a plain Exception
        raise ValueError(f"its record {index} cannot be read ({error})") from error


def _add_tensors(field, tensors):
    for name, value in tensors.items():
        field.add(key=name, value=tf.make_tensor_proto(value).SerializeToString())


def _arrays(field):
    tensor_proto = type(tf.make_tensor_proto(0))
    return {tensor.key: tf.make_ndarray(tensor_proto.FromString(tensor.value)) for tensor in field}


PredictionLog = message_classes("tfvae", _MESSAGES)["PredictionLog"]
