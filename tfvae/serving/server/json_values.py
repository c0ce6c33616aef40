"""JSON values to tensors: which value each type of tensor takes, and what is said of one that it does not take."""

import base64
import binascii
import re
from typing import NamedTuple

import numpy as np
from tensorflow.core.framework import types_pb2 as types

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_document import show, string_bytes

MAX_RANK = 32  # of a tensor in a request: nested lists cost stack

_WHITESPACE = re.compile(r"[ \t\n\r\f\v]+")


class _Numbers(NamedTuple):
    """The JSON numbers that a type takes.

    Attributes:
        dtype: The tensor's.
        is_integer: Whether the token must be an integer: 1.0 is none.
        lowest: Smallest integer that is taken.
        highest: Largest integer that is taken.
    """

    dtype: type
    is_integer: bool
    lowest: int
    highest: int


_INT32 = (True, -(2**31), 2**31 - 1)  # for the smaller types too: TensorFlow Serving lets them wrap around
NUMBERS = {
    types.DT_FLOAT: _Numbers(np.float32, False, 1 - 2**24, 2**24 - 1),
    types.DT_DOUBLE: _Numbers(np.float64, False, 1 - 2**53, 2**53 - 1),
    types.DT_INT8: _Numbers(np.int8, *_INT32),
    types.DT_INT16: _Numbers(np.int16, *_INT32),
    types.DT_INT32: _Numbers(np.int32, *_INT32),
    types.DT_UINT8: _Numbers(np.uint8, *_INT32),
    types.DT_UINT32: _Numbers(np.uint32, True, 0, 2**32 - 1),
    types.DT_INT64: _Numbers(np.int64, True, -(2**63), 2**63 - 1),
    types.DT_UINT64: _Numbers(np.uint64, True, 0, 2**64 - 1),
}


def type_name(dtype):
    """TensorFlow's name of a type, by its number: "float" of DT_FLOAT."""
    return types.DataType.Name(dtype).removeprefix("DT_").lower()


def convert(value, dtype):
    """One JSON value as an element of a tensor.

    Raises:
        ServingError: If the type does not take it, or would not keep all of it.
    """
    if dtype == types.DT_STRING:
        return _string(value)
    if dtype == types.DT_BOOL:
        return value if isinstance(value, bool) else _refuse_type(value, dtype)
    if isinstance(value, dict):
        _refuse_type(value, dtype)
    if dtype not in NUMBERS:
        raise ServingError("UNIMPLEMENTED", f"Conversion of JSON Value: {show(value)} to type: {type_name(dtype)}")
    return _number(value, dtype, NUMBERS[dtype])


def is_base64(value):
    """Whether a value is {"b64": "..."}, which stands for a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value):
    """The bytes of {"b64": "..."}: standard alphabet, padding may be left out."""
    text = _WHITESPACE.sub("", value["b64"])
    try:
        if not text.endswith(("=", ".")):
            text += "=" * (-len(text) % 4)
        return base64.b64decode(text.replace(".", "="), validate=True)
    except (binascii.Error, ValueError):
        raise ServingError("INVALID_ARGUMENT", "Unable to base64 decode") from None


def json_type(value):
    """The name of a value's JSON type."""
    if value is None or isinstance(value, bool):
        return {None: "Null", True: "True", False: "False"}[value]
    return {dict: "Object", list: "Array", str: "String"}.get(type(value), "Number")


def float_precision(value, dtype):
    """Refuses a number that a float or double would not keep."""
    limits = NUMBERS[dtype]
    if isinstance(value, int):
        fits = limits.lowest <= value <= limits.highest
    else:
        fits = not np.isfinite(value) or abs(value) <= float(np.finfo(limits.dtype).max)
    if not fits:
        text = f"Cannot convert JSON value: {show(value)} to {type_name(dtype)} without loss of precision."
        raise ServingError("INVALID_ARGUMENT", text)


def to_array(elements, shape, dtype):
    """Elements that were converted, as an array."""
    if dtype == types.DT_STRING:
        array = np.empty(len(elements), object)
        array[:] = elements
        return array.reshape(shape)
    if dtype == types.DT_BOOL:
        return np.array(elements, np.bool_).reshape(shape)
    numbers = NUMBERS.get(dtype)
    if numbers is None:  # no element was there to be refused
        raise ServingError("UNIMPLEMENTED", f"Conversion of JSON Value: [] to type: {type_name(dtype)}")
    wide = numbers.dtype if dtype == types.DT_UINT64 else np.int64 if numbers.is_integer else np.float64
    return np.array(elements, wide).astype(numbers.dtype).reshape(shape)


def _number(value, dtype, numbers):
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse_type(value, dtype)
    if not numbers.is_integer:
        float_precision(value, dtype)
    elif not isinstance(value, int) or not numbers.lowest <= value <= numbers.highest:
        _refuse_type(value, dtype)
    return value


def _string(value):
    if isinstance(value, str):
        return string_bytes(value)
    if not isinstance(value, dict):
        _refuse_type(value, types.DT_STRING)
    if not is_base64(value):
        text = f"JSON Value: {show(value)} not formatted correctly for base64 data"
        raise ServingError("INVALID_ARGUMENT", text)
    return decode_base64(value)


def _refuse_type(value, dtype):
    text = f"JSON Value: {show(value)} Type: {json_type(value)} is not of expected type: {type_name(dtype)}"
    raise ServingError("INVALID_ARGUMENT", text)
