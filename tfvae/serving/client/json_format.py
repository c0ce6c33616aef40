"""Arrays as the JSON of TensorFlow Serving's REST interface, in columns, and back."""

import base64
import json

import numpy as np
import orjson


def request_body(signature, inputs):
    """A request in columns, as bytes.

    orjson writes arrays by themselves, ten times as fast as lists of numbers, and float32 with as few digits as it
    takes to read the same float32 again. It has no word for NaN, which TensorFlow Serving understands all the same.
    """
    columns = {name: _b64(array.tolist()) if array.dtype == object else array for name, array in inputs.items()}
    request = {"signature_name": signature, "inputs": columns}
    if all(_is_finite(array) for array in inputs.values()):
        return orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(request, default=np.ndarray.tolist).encode()


def parse(body):
    """The value of a JSON text, which may hold NaN and Infinity.

    Raises:
        ValueError: If it is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def arrays(value, outputs):
    """{name: array} of what stands under "outputs".

    Args:
        value: A dict by name, or what would stand in it where there is one output alone.
        outputs: {name: `Tensor`}.

    Raises:
        KeyError, TypeError, ValueError: If the value is nothing of the kind.
    """
    named = {next(iter(outputs)): value} if len(outputs) == 1 else value
    return {name: _array(name, named[name], tensor) for name, tensor in outputs.items()}


def _is_finite(array):
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _b64(value):
    """`bytes` for JSON, in lists as they came."""
    if isinstance(value, list):
        return [_b64(item) for item in value]
    return {"b64": base64.b64encode(value).decode()}


def _array(name, value, tensor):
    """The server wraps strings whose name says that they are bytes, and nothing else."""
    is_wrapped = tensor.dtype == object and name.endswith("_bytes")
    return np.array(_bytes(value) if is_wrapped else value, tensor.dtype)


def _bytes(value):
    if isinstance(value, list):
        return [_bytes(item) for item in value]
    return base64.b64decode(value["b64"])
