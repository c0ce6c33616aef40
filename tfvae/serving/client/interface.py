"""What a served model can be asked: its signatures, as the server's metadata has them."""

from typing import NamedTuple

import numpy as np

NUMPY_TYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_BOOL": "bool",
    "DT_STRING": "object",
}


class Tensor(NamedTuple):
    """One input or output.

    Attributes:
        dtype: NumPy's type; strings are objects, `bytes` as an input.
        shape: A size for each axis, None where any will do; None alone if even the number of axes is open.
    """

    dtype: np.dtype
    shape: tuple | None


class Signature(NamedTuple):
    """{name: `Tensor`} of what a signature takes and of what it answers."""

    inputs: dict
    outputs: dict


class Address(NamedTuple):
    """Which model is asked: by its name, and by a version or a label where it is not simply the newest."""

    model: str
    version: int | None
    label: str | None


def tensor(dtype, sizes):
    """A `Tensor` of a data type's name, "DT_FLOAT", and of sizes that are -1 where open."""
    shape = None if sizes is None else tuple(None if size < 0 else size for size in sizes)
    return Tensor(np.dtype(NUMPY_TYPES.get(dtype, "object")), shape)


def public(signatures):
    """Without those that the server keeps for itself, such as `__saved_model_init_op`."""
    return {name: signatures[name] for name in sorted(signatures) if not name.startswith("__")}
