"""REST: a model asked by JSON over HTTP; no TensorFlow is needed."""

from urllib.parse import quote

import urllib3

from tfvae.serving.client import json_format
from tfvae.serving.client.errors import ClientError, no_answer, no_connection, refusal
from tfvae.serving.client.interface import Signature, public, tensor
from tfvae.serving.client.retries import with_retries

NUM_KEPT_CONNECTIONS = 32  # as many threads as may ask without opening a connection each time
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """Requests to one model of one server; may be used by many threads at a time.

    Args:
        url: http://HOST:PORT or https://HOST:PORT, perhaps with a path that a gateway wants in front.
        address: The model's `Address`.
        timeout: Seconds for a request and its retries.
        ca_certificates: PEM file of the authorities that https trusts, None for the system's.
    """

    def __init__(self, url, address, timeout, ca_certificates):
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._path = _path(address)
        # urllib3's pool of connections is made for threads; a session of requests is not.
        self._pool = urllib3.PoolManager(NUM_KEPT_CONNECTIONS, maxsize=NUM_KEPT_CONNECTIONS, ca_certs=ca_certificates)

    def signatures(self):
        """{name: `Signature`} of the model."""
        answer = self._ask("GET", f"{self._path}/metadata")
        return self._understood(_signatures, answer)

    def predict(self, name, signature, inputs):
        """{output: array} of a signature for {input: array}."""
        answer = self._ask("POST", f"{self._path}:predict", json_format.request_body(name, inputs))
        return self._understood(lambda body: json_format.arrays(body["outputs"], signature.outputs), answer)

    def close(self):
        self._pool.clear()

    def _ask(self, method, path, body=None):
        return with_retries(lambda seconds: self._attempt(method, path, body, seconds), self.timeout)

    def _attempt(self, method, path, body, seconds):
        options = {"timeout": urllib3.Timeout(total=seconds), "retries": False}  # nor redirects
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            response = self._pool.request(method, self.url + path, body=body, headers=headers, **options)
        except urllib3.exceptions.NewConnectionError as error:
            raise no_connection(self.url, str(error).rsplit(": ", 1)[-1]) from None
        except urllib3.exceptions.TimeoutError:
            raise no_answer(self.url, self.timeout) from None
        except urllib3.exceptions.HTTPError as error:
            raise ClientError(f"The connection to {self.url} failed: {error}", "UNAVAILABLE") from None
        if response.status != 200:
            raise self._error(response)
        return response.data

    def _error(self, response):
        code, text = CODES.get(response.status, "UNKNOWN"), _error_text(response)
        return refusal(self.url, code, text)

    def _understood(self, read, body):
        try:
            return read(json_format.parse(body))
        except (KeyError, TypeError, ValueError, AttributeError):
            message = f"{self.url} answers what no TensorFlow Serving does: {body[:100]!r}"
            raise ClientError(message, "INTERNAL", body[:100].decode(errors="replace")) from None


def _path(address):
    path = f"/v1/models/{quote(address.model, safe='')}"
    if address.version is not None:
        return f"{path}/versions/{address.version}"
    return path if address.label is None else f"{path}/labels/{quote(address.label, safe='')}"


def _error_text(response):
    """What the server says of an error, or the beginning of what a gateway in front of it says."""
    try:
        text = json_format.parse(response.data)["error"]
    except (KeyError, TypeError, ValueError):
        text = None
    if isinstance(text, str):
        return text
    return f"HTTP {response.status} {response.data[:200].decode(errors='replace').strip()}"


def _signatures(metadata):
    described = metadata["metadata"]["signature_def"]["signature_def"]
    return public({name: Signature(_tensors(s, "inputs"), _tensors(s, "outputs")) for name, s in described.items()})


def _tensors(signature, role):
    return {
        name: tensor(info["dtype"], _sizes(info["tensor_shape"]))
        for name, info in sorted(signature.get(role, {}).items())
    }


def _sizes(shape):
    return None if shape.get("unknown_rank") else [int(axis["size"]) for axis in shape.get("dim", [])]
