"""Warm-up: replays the requests that a SavedModel brings along, before its version becomes available."""

import asyncio

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.examples import serialise
from tfvae.serving.server.handlers import Handlers, Task
from tfvae.serving.server.operation_errors import clean, run_error
from tfvae.serving.server.tensor_proto import to_array

FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000
_MAX_TENSOR_BYTES = 1 << 31


def warm_up(servable, directory, run, num_iterations=1):
    """Replays the warm-up file of a SavedModel, if it has one. Blocking.

    The model's name in a record is ignored, the signature's name is used.

    Args:
        servable: The `Servable`.
        directory: The SavedModel.
        run: Function of (servable, signature key, inputs, output names), blocking.
        num_iterations: How often each record is replayed.

    Returns:
        The number of records, or None if there is no file.

    Raises:
        ServingError: Of the first record that fails; DATA_LOSS or INVALID_ARGUMENT if the file is not as it must be.
    """
    path = f"{directory}/{FILE}"
    if not tf.io.gfile.exists(path):
        return None
    handlers, count = Handlers(_Direct(run), _Unmeasured()), 0
    for record in _records(path):
        log = _parsed(record)
        for _ in range(num_iterations):
            asyncio.run(_replay(handlers, servable, log))
        count += 1
        if count > MAX_RECORDS:
            message = f"Number of warmup records exceeds the maximum ({MAX_RECORDS})"
            raise ServingError("INVALID_ARGUMENT", message)
    return count


def _records(path):
    try:
        yield from tf.data.TFRecordDataset(path).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        message = f"{clean(error.message)}. Please verify your warmup data is in TFRecord format."
        raise ServingError("DATA_LOSS", message) from error
    except tf.errors.OpError as error:
        raise run_error(error) from error


def _parsed(record):
    try:
        return PredictionLog.FromString(record)
    except DecodeError as error:
        raise ServingError("INVALID_ARGUMENT", "Failed to parse warmup record") from error


async def _replay(handlers, servable, log):
    kind = log.WhichOneof("log_type")
    if kind is None:
        return
    if kind not in _REPLAYS:
        number = PredictionLog.DESCRIPTOR.fields_by_name[kind].number
        raise ServingError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {number}")
    await _REPLAYS[kind](handlers, servable, getattr(log, kind).request)


async def _predict(handlers, servable, request):
    inputs = {name: to_array(name, tensor, _MAX_TENSOR_BYTES) for name, tensor in request.inputs.items()}
    await handlers.predict(servable, request.model_spec.signature_name, inputs, request.output_filter)


async def _classify(handlers, servable, request):
    await handlers.classify(servable, request.model_spec.signature_name, serialise(request.input))


async def _regress(handlers, servable, request):
    await handlers.regress(servable, request.model_spec.signature_name, serialise(request.input))


async def _multi_inference(handlers, servable, request):
    tasks = [Task(task.model_spec.signature_name, task.method_name) for task in request.tasks]
    await handlers.multi_inference(servable, tasks, serialise(request.input))


_REPLAYS = {
    "predict_log": _predict,
    "classify_log": _classify,
    "regress_log": _regress,
    "multi_inference_log": _multi_inference,
}


class _Direct:
    """As much of a core as the handlers need: it runs in this thread, now."""

    def __init__(self, run):
        self._run = run

    async def run(self, servable, signature_key, inputs, output_names=None):
        return self._run(servable, signature_key, inputs, output_names)


class _Unmeasured:
    """As much of the metrics as the handlers need: clients' requests are measured, these are not."""

    def ran(self, model_name, api, seconds):
        pass
