"""From a JSON predict request to tensors, in row form (`instances`) and in column form (`inputs`)."""

import numpy as np

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_document import show
from tfvae.serving.server.json_values import MAX_RANK, NUMBERS, convert, is_base64, to_array

ROW, COLUMN = "instances", "inputs"


def signature_name(document):
    """The signature that a request names, or an empty string.

    Raises:
        ServingError: If it is no string.
    """
    name = document.fields.get("signature_name", "")
    if not isinstance(name, str):
        raise _invalid(
            f"JSON Value: {show(document.fields)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def read_inputs(document, signature_inputs):
    """The tensors of a request.

    Args:
        document: `json_document.Document`.
        signature_inputs: {name: TensorInfo}, at least one.

    Returns:
        ({name: array}, ROW or COLUMN): the answer has the form of the request.

    Raises:
        ServingError: With the place and the value that is wrong.
    """
    fields, dtypes = document.fields, {name: info.dtype for name, info in sorted(signature_inputs.items())}
    if ROW in fields and COLUMN in fields:
        text = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise _invalid(f"JSON Value: {show(fields)} {text}")
    if ROW in fields:
        instances = fields[ROW]
        if not isinstance(instances, list):
            raise _invalid(f"JSON Value: {show(fields)} Excepting 'instances' to be an list/array")
        if not instances:
            raise _invalid(f"JSON Value: {show(fields)} No values in 'instances' array")
        return _read_rows(instances, dtypes, document.has_booleans), ROW
    if COLUMN in fields:
        return _read_columns(fields[COLUMN], dtypes, document.has_booleans), COLUMN
    raise _invalid("Missing 'inputs' or 'instances' key")


def to_tensor(value, dtype, has_booleans=True):
    """A JSON value, scalar or nested lists, as an array of the type with number `dtype`."""
    array = None if has_booleans else _numbers(value, dtype)
    return _any_values(value, dtype) if array is None else array


def _read_columns(value, dtypes, has_booleans):
    if not isinstance(value, dict) or is_base64(value):
        if len(dtypes) > 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        ((name, dtype),) = dtypes.items()
        return {name: to_tensor(value, dtype, has_booleans)}
    for name in dtypes:
        if name not in value:
            raise _invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_tensor(value[name], dtype, has_booleans) for name, dtype in dtypes.items()}


def _read_rows(instances, dtypes, has_booleans):
    first = instances[0]
    if not isinstance(first, dict) and len(dtypes) > 1:
        raise _invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    if not has_booleans and (arrays := _rows_of_numbers(instances, dtypes)) is not None:
        return arrays
    rows = _Rows(dtypes)
    add = rows.add_object if _is_named(first) else rows.add_value
    for instance in instances:
        add(instance)
    return rows.arrays()


class _Rows:
    """Rows of any type, one after the other, each of the shape of the first.

    Args:
        dtypes: {name: type number} of the signature's inputs.
    """

    def __init__(self, dtypes):
        self.dtypes = dtypes
        self.count = 0
        self.columns = {}

    def add_object(self, instance):
        if not _is_named(instance):
            raise _invalid(f"Expecting object but got list at item {self.count} of input list")
        for name, value in instance.items():
            self._add(name, value, f" key: {name}")
        if instance.keys() != self.dtypes.keys():
            raise _invalid(
                f"Failed to process element: {self.count} of 'instances' list. JSON object: {show(instance)} "
                f"keys must be equal to: {','.join(self.dtypes)}"
            )
        self.count += 1

    def add_value(self, instance):
        if _is_named(instance):
            raise _invalid(f"Expecting value/list but got object at item {self.count} of input list")
        self._add(next(iter(self.dtypes)), instance, "")
        self.count += 1

    def arrays(self):
        return {name: np.stack(arrays) for name, arrays in self.columns.items()}

    def _add(self, name, value, where):
        try:
            if name not in self.dtypes:
                raise _invalid(f"JSON object: does not have named input: {name}")
            array = _any_values(value, self.dtypes[name])
            column = self.columns.setdefault(name, [array])
            _check_same_shape(column[0], array)
        except ServingError as error:  # all become INVALID_ARGUMENT, those of a type without conversion too
            text = f"Failed to process element: {self.count}{where} of 'instances' list. Error: "
            raise _invalid(f"{text}{error.code}: {error.message}") from None
        if self.count:
            column.append(array)


def _check_same_shape(first, array):
    if first.size != array.size:
        raise _invalid(f"Expecting tensor size: {first.size} but got: {array.size}")
    if first.shape != array.shape:
        raise _invalid(f"Expecting shape {_shape_text(first)} but got: {_shape_text(array)}")


def _shape_text(array):
    return f"[{','.join(map(str, array.shape))}]"


def _is_named(value):
    return isinstance(value, dict) and not is_base64(value)


def _rows_of_numbers(instances, dtypes):
    """The arrays of rows that hold numbers alone, or None: `_Rows` then finds what is wrong, if anything is."""
    if not isinstance(instances[0], dict):
        ((name, dtype),) = dtypes.items()
        array = _numbers(instances, dtype)
        return None if array is None else {name: array}
    if not all(isinstance(instance, dict) and instance.keys() == dtypes.keys() for instance in instances):
        return None
    arrays = {name: _numbers([instance[name] for instance in instances], dtype) for name, dtype in dtypes.items()}
    return None if any(array is None for array in arrays.values()) else arrays


def _numbers(value, dtype):
    """Nested lists of numbers at once, or None if an element needs a look of its own."""
    if dtype not in NUMBERS or not isinstance(value, list):
        return None
    try:
        return fit(np.array(value), dtype)
    except ValueError:  # not rectangular
        return None


def fit(array, dtype):
    """An array of numbers as one of the type, or None if an element needs a look of its own."""
    numbers = NUMBERS.get(dtype)
    if numbers is None:
        return None
    if array.size == 0 or array.ndim > MAX_RANK or array.dtype.kind not in ("iu" if numbers.is_integer else "fiu"):
        return None
    if not numbers.lowest <= array.min() <= array.max() <= numbers.highest:  # nor if one is NaN
        return None
    return array.astype(numbers.dtype)


def _any_values(value, dtype):
    """Nested lists of any values, element by element."""
    shape = _shape(value)
    elements = []
    _fill(value, 0, shape, dtype, elements)
    return to_array(elements, shape, dtype)


def _shape(value):
    """The shape that the first element of each list lets expect."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > MAX_RANK:
        raise _invalid(f"Lists are nested {len(shape)} deep, and a tensor of a request has at most rank {MAX_RANK}.")
    return shape


def _fill(value, level, shape, dtype, elements):
    if not isinstance(value, list):
        if level != len(shape):
            text = f"found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            raise _invalid(f"JSON Value: {show(value)} {text}")
        elements.append(convert(value, dtype))
        return
    if level >= len(shape):
        raise _invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise _invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for element in value:
        _fill(element, level + 1, shape, dtype, elements)


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
