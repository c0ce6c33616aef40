"""JSON documents as TensorFlow Serving reads them: NaN and Infinity are numbers, what follows the object is ignored."""

import json
import math
import re
from typing import NamedTuple

import orjson

from tfvae.serving.server.errors import ServingError

SHOWN_CHARACTERS = 512  # of a value that stands in an error message

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_ESCAPE = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\.", re.DOTALL)  # a pair first
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKENS = ("true", "false", "null", "NaN", "-Infinity")
_TEXTS = {  # what Python's parser says: what TensorFlow Serving's says
    "Expecting value": "Invalid value.",
    "Illegal trailing comma before end of array": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}


class Document(NamedTuple):
    """The JSON object of a request.

    Attributes:
        fields: Its members.
        has_booleans: Whether true or false may stand in it, which an array of numbers would swallow as 1 and 0.
    """

    fields: dict
    has_booleans: bool


def parse(body):
    """Parses the bytes of a request.

    Raises:
        ServingError: INVALID_ARGUMENT, with the place of the error, or if the document is no object.
    """
    if not body:
        raise ServingError("INVALID_ARGUMENT", "JSON Parse error: The document is empty")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _parse_leniently(body)
    if not isinstance(value, dict):
        raise ServingError("INVALID_ARGUMENT", f"JSON Value: {show(value)} Is not object")
    return Document(value, b"true" in body or b"false" in body)


def show(value):
    """A JSON value as text, shortened: an error message need not repeat a whole request."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "[...]"
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def string_bytes(text):
    """The bytes of a JSON string; bytes that are no UTF-8 pass unchanged, as they do in TensorFlow Serving."""
    return text.encode("utf-8", "surrogateescape")


def _parse_leniently(body):
    if (offset := _lone_surrogate(body)) is not None:
        raise _error("The surrogate pair in string is invalid.", offset)
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "surrogateescape")
    start = _WHITESPACE.match(text).end()
    if start == len(text):
        raise _error("The document is empty.", start)
    try:
        return json.JSONDecoder(parse_float=_double, parse_int=_integer).raw_decode(text, start)[0]
    except json.JSONDecodeError as error:
        raise _parse_error(text, error) from None
    except OverflowError as error:
        raise _error("Number too big to be stored in double.", body.find(str(error).encode())) from None
    except RecursionError:
        raise ServingError("INVALID_ARGUMENT", "JSON Parse error: Values are nested too deeply.") from None


def _lone_surrogate(body):
    """Where half of a surrogate pair stands alone, which Python's parser would take, or None."""
    return next((escape.start() for escape in _ESCAPE.finditer(body) if len(escape.group()) == 6), None)


def _double(token):
    value = float(token)
    if math.isinf(value):
        raise OverflowError(token)
    return value


def _integer(token):
    """An integer of 64 bits, else a double, and -0 a double too."""
    if len(token) > 20:
        return _double(token)
    value = int(token)
    return value if -(2**63) <= value < 2**64 else float(value)


def _parse_error(text, error):
    position, message = error.pos, _TEXTS.get(error.msg)
    if message is None:  # "Expecting ',' delimiter"
        message, position = _missing_comma(text, position)
    elif error.msg.startswith("Illegal trailing comma"):  # Python 3.13 points at the comma
        position = _WHITESPACE.match(text, position + 1).end()
    elif error.msg.startswith("Unterminated"):
        position = len(text)
    elif error.msg.startswith("Invalid \\u"):
        position = text.rfind("\\", 0, position + 1)
    elif error.msg == "Expecting value":
        position += _matching(text, position)
    return _error(message, len(string_bytes(text[:position])))


def _matching(text, position):
    """How many characters of what is no value begin one: TensorFlow Serving points behind them."""
    beginnings = (token[:length] for token in _TOKENS for length in range(len(token), 0, -1))
    return next((len(beginning) for beginning in beginnings if text.startswith(beginning, position)), 0)


def _missing_comma(text, position):
    """What a value is followed by instead of a comma: the rest of a number, or something else."""
    before, here = text[position - 1 : position], text[position : position + 1]
    if before.isdecimal() and here == ".":
        return "Miss fraction part in number.", position + 1
    if before.isdecimal() and here and here in "eE":
        return "Miss exponent in number.", position + 1 + (text[position + 1 : position + 2] in ("+", "-"))
    stack = []
    for bracket in re.findall(r"[][{}]", _STRING.sub("", text[:position])):
        stack.append(bracket) if bracket in "[{" else stack.pop()
    if stack and stack[-1] == "{":
        return "Missing a comma or '}' after an object member.", position
    return "Missing a comma or ']' after an array element.", position


def _error(message, offset):
    return ServingError("INVALID_ARGUMENT", f"JSON Parse error: {message} at offset: {offset}")
