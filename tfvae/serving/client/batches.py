"""Batches: inputs of any number of rows, asked in requests of a limited number."""

import threading

import numpy as np

from tfvae.errors import ConfigError, DataError


class Batches:
    """The signatures of a model, asked by names and rows.

    Args:
        transport: A `RestTransport` or `GrpcTransport`.
        model: What errors call the model.
        batch_size: Rows of one request.
    """

    def __init__(self, transport, model, batch_size):
        self.transport, self.model, self.batch_size = transport, model, batch_size
        self._signatures, self._lock = None, threading.Lock()

    @property
    def signatures(self):
        """{name: `Signature`}, asked for once."""
        with self._lock:
            if self._signatures is None:
                self._signatures = self.transport.signatures()
            return self._signatures

    def signature(self, name):
        """The `Signature` of a name."""
        if name in self.signatures:
            return self.signatures[name]
        there = ", ".join(sorted(self.signatures))
        raise ConfigError(f"The model `{self.model}` has no signature `{name}`. It has {there}.")

    def predict(self, name, inputs):
        """{output: array} of a signature.

        Args:
            name: Of the signature.
            inputs: {name: rows}, where rows have a length and slices of which NumPy makes arrays.
        """
        signature = self.signature(name)
        count = _count(name, signature, inputs)
        starts = range(0, count, self.batch_size)
        answers = [self._predict(name, signature, inputs, slice(i, i + self.batch_size)) for i in starts]
        if not answers:  # over REST, no rows have no shape
            return {output: _nothing(tensor) for output, tensor in signature.outputs.items()}
        return {output: np.concatenate([answer[output] for answer in answers]) for output in signature.outputs}

    def _predict(self, name, signature, inputs, part):
        arrays = {key: _array(key, inputs[key][part], tensor) for key, tensor in signature.inputs.items()}
        return self.transport.predict(name, signature, arrays)


def _count(name, signature, inputs):
    if set(inputs) != set(signature.inputs):
        raise ConfigError(f"`{name}` takes {sorted(signature.inputs)}. Received: {sorted(inputs)}")
    counts = {key: len(rows) for key, rows in inputs.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"All inputs must have the same number of rows. Received: {counts}")
    return next(iter(counts.values()), 0)


def _array(name, rows, tensor):
    """The rows as an array of the input's type, whose shape is the input's."""
    try:
        array = np.ascontiguousarray(rows, tensor.dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"`{name}` must be {tensor.dtype}: {error}.") from None
    if not _fits(array.shape, tensor.shape):
        sizes = ", ".join("B" if size is None else str(size) for size in tensor.shape)
        raise DataError(f"`{name}` must be [{sizes}]. Received: an array of shape {list(array.shape)}.")
    return array


def _fits(shape, wanted):
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(size in (None, own) for own, size in zip(shape, wanted, strict=True))


def _nothing(tensor):
    return np.zeros([size or 0 for size in tensor.shape or (0,)], tensor.dtype)
