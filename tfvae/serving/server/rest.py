"""Rest: TensorFlow Serving's REST API as one aiohttp handler."""

import asyncio
import logging
import re
import time

from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis.model_pb2 import ModelSpec as ModelSpecProto

from tfvae.serving.server import json_response, metrics, routes
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.examples import read_examples
from tfvae.serving.server.handlers import DEFAULT_SIGNATURE, convert
from tfvae.serving.server.http_body import HEADERS, HttpError, read_body, send
from tfvae.serving.server.json_document import parse
from tfvae.serving.server.json_request import JsonRequest
from tfvae.serving.server.json_tensor import ROW, signature_name
from tfvae.serving.server.requests import END

log = logging.getLogger("tfvae")
STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_ORIGIN = re.compile(r"https?://")


class Rest:
    """Answers HTTP requests.

    Args:
        handlers: `handlers.Handlers`.
        admission: `admission.Admission`.
        limits: `limits.Limits`.
        monitoring_path: Where Prometheus reads, or None.
        cors: Whether answers allow pages of any origin to read them.

    Attributes:
        is_draining: Set when the server stops: each answer then ends its connection.
    """

    def __init__(self, handlers, admission, limits, monitoring_path=None, cors=False):
        self.handlers = handlers
        self.admission = admission
        self.limits = limits
        self.monitoring_path = monitoring_path
        self.headers = HEADERS | CORS if cors else HEADERS
        self.is_draining = False
        self._json_headers = self.headers | {"Content-Type": "application/json"}
        self._actions = {"predict": self._predict, "classify": self._classify, "regress": self._regress}

    async def __call__(self, request):
        """The response to an `aiohttp.web.BaseRequest`."""
        try:
            with self.admission:
                response = await self._respond(request)
        except ServingError as error:
            response = self._error(STATUS[error.code], error.message)
        except HttpError as error:
            response = self._error(error.status, error.message)
            response.force_close()
        except Exception:
            log.exception("unexpected error")
            response = self._error(500, "Internal error")
        if self.is_draining:
            response.force_close()
        return await send(request, response, self.limits)

    async def _respond(self, request):
        path = request.raw_path.partition("?")[0]
        if path == self.monitoring_path and request.method == "GET":
            headers = self.headers | {"Content-Type": metrics.CONTENT_TYPE}
            return web.Response(body=self.handlers.metrics.page(), headers=headers)
        if not routes.is_api(path):
            return web.Response(status=404, text="Not Found", headers=self.headers)
        if request.method == "OPTIONS":
            return self._options(request)
        try:
            route = routes.find(request.method, path)
        except routes.VersionError:
            return self._json(b"", 400)
        return self._json(await self._answer(route, request))

    async def _answer(self, route, request):
        if route.action == "status":
            return self._status(route.spec)
        if route.action == "metadata":
            return self._metadata(route.spec)
        body, seconds = await read_body(request, self.limits), self.limits.rest_api_timeout_in_ms / 1000
        with self.handlers.metrics.request(route.action.capitalize(), "REST") as counted:
            counted.model_name = route.spec.name
            try:
                END.set(time.monotonic() + seconds)
                async with asyncio.timeout(seconds):
                    return await self._actions[route.action](route.spec, body)
            except TimeoutError:
                raise ServingError("DEADLINE_EXCEEDED", "Timed out waiting for notification") from None

    async def _predict(self, spec, body):
        request = await convert(len(body), JsonRequest, body)
        with self.handlers.core.use(spec) as servable:
            signature_inputs = _inputs(servable, request.signature_name)
            inputs, form = await convert(len(body), request.read_inputs, signature_inputs)
            outputs = await self.handlers.predict(servable, request.signature_name, inputs)
        write = json_response.predictions if form == ROW else json_response.columns
        return await convert(sum(array.nbytes for array in outputs.values()), write, outputs)

    async def _classify(self, spec, body):
        document = await convert(len(body), parse, body)
        name, examples = signature_name(document), await convert(len(body), read_examples, document)
        with self.handlers.core.use(spec) as servable:
            labels, scores = await self.handlers.classify(servable, name, examples)
        return json_response.classifications(labels, scores)

    async def _regress(self, spec, body):
        document = await convert(len(body), parse, body)
        name, examples = signature_name(document), await convert(len(body), read_examples, document)
        with self.handlers.core.use(spec) as servable:
            return json_response.regressions(await self.handlers.regress(servable, name, examples))

    def _status(self, spec):
        versions = [
            {"version": str(version), "state": state, "status": {"error_code": code, "error_message": message}}
            for version, state, code, message in self.handlers.core.statuses(*spec)
        ]
        return json_response.plain({"model_version_status": versions})

    def _metadata(self, spec):
        with self.handlers.core.use(spec) as servable:
            model_spec = ModelSpecProto(name=servable.name, version={"value": servable.version})
            signatures = self.handlers.metadata(servable)
        metadata = {"signature_def": _to_dict(signatures)}
        return json_response.plain({"model_spec": _to_dict(model_spec), "metadata": metadata})

    def _options(self, request):
        if _ORIGIN.search(request.headers.get("Origin", "")):
            return self._json(b"")
        raise ServingError("FAILED_PRECONDITION", "Origin header is missing or is no http or https origin.")

    def _error(self, status, message):
        return self._json(json_response.error(message), status)

    def _json(self, body, status=200):
        return web.Response(body=body, status=status, headers=self._json_headers)


def _inputs(servable, name):
    """The inputs of a signature, and REST's own words for a signature that is not there."""
    if (name or DEFAULT_SIGNATURE) not in servable.signatures:
        text = f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in signature def'
        raise ServingError("INVALID_ARGUMENT", text)
    inputs = servable.signatures[name or DEFAULT_SIGNATURE].inputs
    if not inputs:
        raise ServingError("INVALID_ARGUMENT", f"Failed to get input map for signature: {name or 'DEFAULT'}")
    return inputs


def _to_dict(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
