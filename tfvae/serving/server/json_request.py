"""JsonRequest: a JSON predict request, read the fast way if it is arrays of numbers, else by the rules."""

from tfvae.serving.server.json_arrays import read_flat
from tfvae.serving.server.json_document import parse
from tfvae.serving.server.json_tensor import fit, read_inputs, signature_name


class JsonRequest:
    """A predict request.

    Args:
        body: Its bytes.

    Attributes:
        signature_name: The signature that it names, or an empty string.

    Raises:
        ServingError: If it is no JSON object.
    """

    def __init__(self, body):
        self._body = body
        self._flat = read_flat(body)
        self._document = None if self._flat else parse(body)
        self.signature_name = self._flat.signature_name if self._flat else signature_name(self._document)

    def read_inputs(self, signature_inputs):
        """({name: array}, ROW or COLUMN) for {name: TensorInfo}; see `json_tensor.read_inputs`."""
        if self._flat and (inputs := _fitted(self._flat.arrays, signature_inputs)):
            return inputs, self._flat.form
        return read_inputs(self._document or parse(self._body), signature_inputs)


def _fitted(arrays, signature_inputs):
    """{name: array} of the types of the inputs, or None if the names differ or an element needs a look of its own."""
    if len(signature_inputs) == 1 and arrays.keys() == {None}:
        arrays = dict(zip(signature_inputs, arrays.values(), strict=True))
    if arrays.keys() != signature_inputs.keys():
        return None
    inputs = {name: fit(array, signature_inputs[name].dtype) for name, array in arrays.items()}
    return None if any(array is None for array in inputs.values()) else inputs
