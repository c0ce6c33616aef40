"""TensorProtos to arrays and back: typed fields or packed content come in, typed fields go out by default."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from tfvae.serving.server.errors import ServingError

_VALUE_BYTES = 8  # of the largest element, strings aside
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "uint32": "uint32_val",
    "int64": "int64_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
}
_ENUMS = {name: tf.as_dtype(name).as_datatype_enum for name in _FIELDS}
_DTYPES = {enum: np.dtype(name) for name, enum in _ENUMS.items()}
# Fields whose wire format is the array's bytes, and their tags there: a list of numbers would take ten times as long.
_PACKED = {"float32": (b"\x2a", "<f4"), "float64": (b"\x32", "<f8")}


def to_array(name, proto, max_bytes):
    """The array of a TensorProto.

    Args:
        name: Of the input, for the error.
        proto: The TensorProto.
        max_bytes: Of the array: a shape of any size can be claimed with one value, which then fills it.

    Raises:
        ServingError: INVALID_ARGUMENT if it holds no tensor.
    """
    sizes = [dimension.size for dimension in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(sizes, default=0) < 0 or math.prod(sizes) * _VALUE_BYTES > max_bytes:
        raise _not_a_tensor(name)
    try:
        if proto.tensor_content and proto.dtype in _DTYPES:  # as `make_ndarray` does, at a tenth of its price
            return np.frombuffer(proto.tensor_content, _DTYPES[proto.dtype]).reshape(sizes)
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, IndexError, OverflowError):
        raise _not_a_tensor(name) from None


def to_proto(array, as_content=False):
    """The TensorProto of an array.

    Args:
        array: Of numbers, booleans, or bytes.
        as_content: Packed as the bytes of the array, which is faster on both sides.
    """
    name = array.dtype.name
    if name not in _FIELDS or as_content:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=_ENUMS[name])
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if name in _PACKED:
        tag, layout = _PACKED[name]
        proto.MergeFromString(tag + _varint(array.nbytes) + array.astype(layout, copy=False).tobytes())
    else:
        getattr(proto, _FIELDS[name]).extend(np.ravel(array).tolist())
    return proto


def _varint(number):
    """A number as it stands before a field's bytes: seven bits a byte, the lowest first."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _not_a_tensor(name):
    return ServingError("INVALID_ARGUMENT", f"tensor parsing error: {name}")
