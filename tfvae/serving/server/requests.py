"""Call: a request that fits its signature, and SignatureCheck, which says what does not fit in the real one's words."""

from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.serving.server.errors import ServingError

END = ContextVar("end", default=None)  # when by `time.monotonic` nobody waits for the request at hand any more

_KERNEL_NAMES = {"float16": "half", "float32": "float", "float64": "double"}  # as the runtime spells them


class Call(NamedTuple):
    """A checked request.

    Attributes:
        signature_key: Key of the signature.
        inputs: {name: array}, all inputs of the signature, sorted by name.
        output_names: The outputs to compute.
        end: When by `time.monotonic` nobody waits for the answer any more, or None.
    """

    signature_key: str
    inputs: dict
    output_names: tuple
    end: float | None = None


class SignatureCheck:
    """Checks requests against one SignatureDef.

    Args:
        signature: The SignatureDef.
    """

    def __init__(self, signature):
        self.signature = signature
        self._dtypes = {name: tf.as_dtype(signature.inputs[name].dtype) for name in sorted(signature.inputs)}
        self._defaults = {name: tf.make_ndarray(value) for name, value in signature.defaults.items()}
        self._outputs = tuple(sorted(signature.outputs))

    def inputs(self, inputs):
        """All inputs by sorted name, defaults filled in.

        Raises:
            ServingError: INVALID_ARGUMENT if names or dtypes do not fit.
        """
        if inputs.keys() != self._dtypes.keys():
            inputs = self._completed(inputs)
        arrays = {name: np.asarray(inputs[name]) for name in self._dtypes}
        for index, (name, dtype) in enumerate(self._dtypes.items()):
            if not _is_of(arrays[name].dtype, dtype):
                given = _spelling(tf.as_dtype(arrays[name].dtype))
                raise _invalid(f"Expects arg[{index}] to be {_spelling(dtype)} but {given} is provided")
        return arrays

    def output_names(self, output_names):
        """The outputs to compute, sorted; all if none is named.

        Raises:
            ServingError: INVALID_ARGUMENT for a name that is unknown or given twice.
        """
        if not output_names:
            return self._outputs
        for index, name in enumerate(output_names):
            if name not in self._outputs:
                known = _set(self._outputs)
                raise _invalid(
                    f"output tensor alias not found in signature: {name} Outputs expected to be in the set {known}."
                )
            if name in output_names[:index]:
                raise _invalid(f"duplicate output tensor alias: {name}")
        return tuple(sorted(output_names))

    def _completed(self, inputs):
        extra = sorted(inputs.keys() - self._dtypes.keys())
        missing = sorted(self._dtypes.keys() - inputs.keys() - self._defaults.keys())
        if extra and len(inputs) == len(self._dtypes):
            known = _set(self._dtypes)
            raise _invalid(
                f"input tensor alias not found in signature: {extra[0]}. Inputs expected to be in the set {known}."
            )
        if extra or missing:
            raise _invalid(
                f"input size does not match signature: {len(inputs)}!={len(self._dtypes)} len({_set(sorted(inputs))})"
                f" != len({_set(self._dtypes)}). Sent extra: {_set(extra)}. Missing but required: {_set(missing)}."
            )
        return self._defaults | inputs


def signature_not_found(signature_key):
    """The error of a signature that is not there."""
    return ServingError("FAILED_PRECONDITION", f'Serving signature key "{signature_key}" not found.')


def _is_of(given, dtype):
    if dtype == tf.string:
        return given.kind in "OSU"
    return given == dtype.as_numpy_dtype


def _spelling(dtype):
    return _KERNEL_NAMES.get(dtype.name, dtype.name)


def _set(names):
    return f"{{{','.join(names)}}}"


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
