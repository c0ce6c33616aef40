"""The gRPC services: PredictionService, ModelService, and the standard health service."""

import contextlib
import functools
import logging
import time

import grpc
from grpc_health.v1 import health as health_service
from grpc_health.v1 import health_pb2_grpc
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

from tfvae.serving.server.core import ModelSpec
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.examples import serialise
from tfvae.serving.server.handlers import DEFAULT_SIGNATURE, Task, convert
from tfvae.serving.server.requests import END
from tfvae.serving.server.tensor_proto import to_array, to_proto

log = logging.getLogger("tfvae")
MESSAGE_CHARACTERS = 512  # a client refuses trailers above 8 KiB, and a character may take 12 bytes of them


def add_services(server, handlers, admission, limits, as_content=False, has_health=True):
    """Adds the services to a `grpc.aio.Server` and returns the health service's servicer, or None.

    Args:
        server: The server.
        handlers: `handlers.Handlers`.
        admission: `admission.Admission`.
        limits: `limits.Limits`.
        as_content: Whether answers hold tensors as packed content instead of typed values.
        has_health: Whether the health service is one of them.
    """
    prediction = PredictionService(handlers, admission, limits, as_content)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(handlers.core, admission), server)
    if not has_health:
        return None
    health = health_service.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    return health


def _answering(method):
    """A method of a service whose ServingErrors become gRPC's, and whose other errors are told to nobody outside."""

    @functools.wraps(method)
    async def answer(self, request, context):
        remaining = context.time_remaining()
        END.set(None if remaining is None else time.monotonic() + remaining)
        try:
            with self.admission:
                return await method(self, request)
        except ServingError as error:
            code, message = grpc.StatusCode[error.code], error.message[:MESSAGE_CHARACTERS]
        except Exception:
            log.exception("unexpected error")
            code, message = grpc.StatusCode.INTERNAL, "Internal error"
        await context.abort(code, message)

    return answer


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference, GetModelMetadata; see `add_services` for the arguments.

    A call whose deadline has passed, or that the client gave up, is cancelled by gRPC.
    """

    def __init__(self, handlers, admission, limits, as_content):
        self.handlers = handlers
        self.admission = admission
        self.limits = limits
        self.as_content = as_content

    @_answering
    async def Predict(self, request):
        with self._use("Predict", request.model_spec) as servable:
            inputs = await convert(request.ByteSize(), self._arrays, request)
            name = request.model_spec.signature_name
            outputs = await self.handlers.predict(servable, name, inputs, list(request.output_filter))
            response = predict_pb2.PredictResponse(model_spec=_effective(servable, name))
        size = sum(array.nbytes for array in outputs.values())
        await convert(size, self._fill, response, outputs)
        return response

    @_answering
    async def Classify(self, request):
        name = request.model_spec.signature_name
        with self._use("Classify", request.model_spec) as servable:
            labels, scores = await self.handlers.classify(servable, name, serialise(request.input))
            spec = _effective(servable, name)
        return classification_pb2.ClassificationResponse(model_spec=spec, result=_classification(labels, scores))

    @_answering
    async def Regress(self, request):
        name = request.model_spec.signature_name
        with self._use("Regress", request.model_spec) as servable:
            values = await self.handlers.regress(servable, name, serialise(request.input))
            spec = _effective(servable, name)
        return regression_pb2.RegressionResponse(model_spec=spec, result=_regression(values))

    @_answering
    async def MultiInference(self, request):
        response = inference_pb2.MultiInferenceResponse()
        with self._use("MultiInference", _common_spec(request.tasks)) as servable:
            tasks = [Task(task.model_spec.signature_name, task.method_name) for task in request.tasks]
            results = await self.handlers.multi_inference(servable, tasks, serialise(request.input))
            for task, result in zip(tasks, results, strict=True):
                spec = _effective(servable, task.signature_name)
                response.results.add(model_spec=spec, **_inference(result))
        return response

    @_answering
    async def GetModelMetadata(self, request):
        if not request.HasField("model_spec"):
            raise _invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise _invalid(f"Metadata field {field} is not supported")
        with self.handlers.core.use(_spec(request.model_spec)) as servable:
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = servable.name
            response.model_spec.version.value = servable.version
            response.metadata["signature_def"].Pack(self.handlers.metadata(servable))
        return response

    @contextlib.contextmanager
    def _use(self, api, model_spec):
        with self.handlers.metrics.request(api, "GRPC") as counted:
            counted.model_name = model_spec.name
            with self.handlers.core.use(_spec(model_spec)) as servable:
                yield servable

    def _arrays(self, request):
        return {name: to_array(name, proto, self.limits.max_request_bytes) for name, proto in request.inputs.items()}

    def _fill(self, response, outputs):
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(to_proto(array, self.as_content))


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest, given a `core.Core` and the `admission.Admission`."""

    def __init__(self, core, admission):
        self.core = core
        self.admission = admission

    @_answering
    async def GetModelStatus(self, request):
        if not request.HasField("model_spec"):
            raise _invalid("Missing ModelSpec")
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        for version, state, code, message in self.core.statuses(*_spec(request.model_spec)):
            status = {"error_code": code, "error_message": message}
            response.model_version_status.add(version=version, state=states.Value(state), status=status)
        return response

    @_answering
    async def HandleReloadConfigRequest(self, request):
        if request.config.WhichOneof("config") != "model_config_list":
            raise _invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        await self.core.reload(request.config)
        return model_management_pb2.ReloadConfigResponse(status={})


def _spec(model_spec):
    kind = model_spec.WhichOneof("version_choice")
    version = model_spec.version.value if kind == "version" else None
    return ModelSpec(model_spec.name, version, model_spec.version_label if kind == "version_label" else None)


def _common_spec(tasks):
    """The model of all tasks of a MultiInference."""
    if not tasks:
        raise _invalid("Inference request must have at least one task.")
    for task in tasks:
        if not task.model_spec.name:
            raise _invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise _invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return tasks[0].model_spec


def _effective(servable, signature_name):
    """The ModelSpec of an answer: which model it is from."""
    version = {"value": servable.version}
    return {"name": servable.name, "version": version, "signature_name": signature_name or DEFAULT_SIGNATURE}


def _inference(result):
    if isinstance(result, tuple):
        return {"classification_result": _classification(*result)}
    return {"regression_result": _regression(result)}


def _classification(labels, scores):
    result = classification_pb2.ClassificationResult()
    for row in range(len(scores if labels is None else labels)):
        classes = result.classifications.add().classes
        for column in range((scores if labels is None else labels).shape[1]):
            label = "" if labels is None else labels[row, column].decode("utf-8", "replace")
            classes.add(label=label, score=0 if scores is None else scores[row, column])
    return result


def _regression(values):
    return regression_pb2.RegressionResult(regressions=[{"value": value} for value in values.tolist()])


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
