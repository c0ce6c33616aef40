"""The paths of the REST API, as TensorFlow Serving matches them."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from tfvae.serving.server.core import ModelSpec
from tfvae.serving.server.errors import ServingError

_MODEL = r"/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_INFERENCE = re.compile(rf"{_MODEL}:(classify|regress|predict)", re.IGNORECASE | re.ASCII)
_STATUS = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:/versions/([0-9]+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE | re.ASCII
)


class Route(NamedTuple):
    """What a request line asks for.

    Attributes:
        action: "predict", "classify", "regress", "metadata" or "status".
        spec: `ModelSpec`.
    """

    action: str
    spec: ModelSpec


class VersionError(ValueError):
    """A version that is no 64-bit integer: answered by 400 and an empty body."""


def is_api(path):
    """Whether a path belongs to the API; any other one gets a plain 404."""
    return path[:4].lower() == "/v1/"


def find(method, path):
    """The route of a request, for `path` as it was sent, without the query.

    Raises:
        ServingError: If there is none.
        VersionError: If the version is out of range.
    """
    pattern = {"POST": _INFERENCE, "GET": _STATUS}.get(method)
    match = pattern and pattern.fullmatch(path)
    if not match:
        raise ServingError("INVALID_ARGUMENT", f"Malformed request: {method} {path}")
    name, version, label, action = match.groups()
    if name is None:
        raise ServingError("INVALID_ARGUMENT", "Missing model name in request.")
    spec = ModelSpec(_decode(name), _version(version), _decode(label) if label else None)
    return Route((action or "status").lower(), spec)


def _version(text):
    if text is None:
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) >= 2**63:
        raise VersionError(text)
    return int(digits)


def _decode(text):
    return unquote(text, errors="surrogateescape")
