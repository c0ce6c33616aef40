"""From tensors to the JSON of an answer."""

import base64
import json
import re

import numpy as np
import orjson

from tfvae.serving.server.errors import ServingError

MESSAGE_CHARACTERS = 1 << 14  # names in a request may be as long as the request

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|null', re.DOTALL)
_WRITABLE = {
    np.dtype(name)
    for name in ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool", "object"]
}


def predictions(outputs):
    """{"predictions": [...]}: one element a row, an object if there are several outputs.

    Args:
        outputs: {name: array}.

    Raises:
        ServingError: If outputs have no rows or not equally many, or a type that JSON has no form for.
    """
    _check(outputs)
    size = None
    for name, array in outputs.items():
        if not array.ndim:
            raise _invalid(f"Tensor name: {name} has no shape information ")
        if size is not None and len(array) != size:
            raise _invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {size}")
        size = len(array)
    if len(outputs) == 1:
        return b'{"predictions": %b}' % _dump(_only(outputs))
    rows = [{name: array[row] for name, array in outputs.items()} for row in range(size)]
    return b'{"predictions": %b}' % _dump([{name: _writable(name, cell) for name, cell in row.items()} for row in rows])


def columns(outputs):
    """{"outputs": ...}: the tensor, or an object of them if there are several outputs."""
    _check(outputs)
    if len(outputs) == 1:
        return b'{"outputs": %b}' % _dump(_only(outputs))
    return b'{"outputs": %b}' % _dump({name: _writable(name, array) for name, array in outputs.items()})


def classifications(labels, scores):
    """{"results": [[[label, score], ...], ...]}, an empty label or a score of 0 where the model gives none."""
    if labels is None:
        labels = np.full(scores.shape, b"", object)
    scores = np.zeros(labels.shape, np.float32) if scores is None else scores
    rows = zip(labels, scores, strict=True)
    pairs = [[[_text(label), score] for label, score in zip(*row, strict=True)] for row in rows]
    return b'{"results": %b}' % _dump(pairs)


def regressions(values):
    """{"results": [...]}."""
    return b'{"results": %b}' % _dump(values)


def error(message):
    """{ "error": "..." }."""
    text = message.encode("utf-8", "replace").decode()
    return b'{ "error": %b }' % orjson.dumps(text[:MESSAGE_CHARACTERS])


def plain(value):
    """Any value of texts, numbers, lists and objects."""
    return orjson.dumps(value)


def _check(outputs):
    if not outputs:
        raise _invalid("Cannot convert empty tensor map to JSON")
    for array in outputs.values():
        if array.size and array.dtype not in _WRITABLE and array.dtype.kind != "S":
            name = {"float16": "half"}.get(array.dtype.name, array.dtype.name)
            raise _invalid(f"Failed to write JSON value for tensor type: {name}")


def _only(outputs):
    ((name, array),) = outputs.items()
    return _writable(name, array)


def _writable(name, array):
    """What orjson writes: an array of numbers, or lists of texts."""
    if array is None or isinstance(array, bytes) or array.dtype.kind in "OS":
        nested = array.tolist() if isinstance(array, np.ndarray) else array
        return _strings(nested, _base64 if name.endswith("_bytes") else _text)
    return array[()] if array.ndim == 0 else np.ascontiguousarray(array)


def _strings(nested, convert):
    if isinstance(nested, list):
        return [_strings(element, convert) for element in nested]
    return convert(nested)


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}


def _text(value):
    """A string, its bytes unchanged even if they are no UTF-8."""
    text = value.decode("utf-8", "surrogateescape")
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return orjson.Fragment(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape"))


def _dump(value):
    """JSON, with NaN, Infinity and -Infinity as bare tokens where orjson writes null."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    if b"null" not in text:
        return text
    tokens = iter(_not_finite(value))
    return _TOKEN.sub(lambda match: next(tokens) if match.group() == b"null" else match.group(), text)


def _not_finite(value):
    """The tokens of numbers that are not finite, in the order in which they are written."""
    if isinstance(value, dict | list):
        for element in value.values() if isinstance(value, dict) else value:
            yield from _not_finite(element)
    elif isinstance(value, np.ndarray | np.floating):
        numbers = np.ravel(value)
        for number in numbers[~np.isfinite(numbers)]:
            yield b"NaN" if np.isnan(number) else b"Infinity" if number > 0 else b"-Infinity"


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
