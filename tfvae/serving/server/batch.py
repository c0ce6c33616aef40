"""Batches: requests of one signature put together into one call, and its outputs taken apart again."""

import numpy as np

from tfvae.serving.server.errors import ServingError

_MAX_RANK = 6  # of inputs that can be padded


def num_rows(inputs):
    """The size of a request: the first dimension, which all its inputs must share.

    Raises:
        ServingError: INVALID_ARGUMENT if there is none.
    """
    if not inputs:
        raise _invalid("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in inputs.values()):
        raise _invalid("Batching Run() input tensors must have at least one dimension")
    sizes = {len(array) for array in inputs.values()}
    if len(sizes) > 1:
        raise _invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop()


def part_sizes(size, room, parameters):
    """The sizes that a request of `size` rows is divided into, the first of which fills the `room` of the open batch.

    Raises:
        ServingError: INVALID_ARGUMENT if it is too large.
    """
    if size > parameters.max_batch_size:
        limit = parameters.max_batch_size
        raise _invalid(f"Task size {size} is larger than maximum input batch size {limit}")
    if not parameters.enable_large_batch_splitting or size <= room:
        return [size]
    limit, rest = parameters.execution_limit, size - room
    sizes = [room] * (room > 0) + [limit] * (rest // limit)
    return sizes + [rest % limit] * (rest % limit > 0)


def divided(call, sizes):
    """A call as several of these sizes, by views."""
    ends = np.cumsum(sizes).tolist()
    parts = zip([0, *ends[:-1]], ends, strict=True)
    return [
        call._replace(inputs={name: array[start:end] for name, array in call.inputs.items()}) for start, end in parts
    ]


def joined(outputs):
    """{name: array} of the outputs of parts."""
    return {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}


def run_alone(servable, call, parameters):
    """Runs one call as it would run through a queue, now. Blocking, from any thread.

    Raises:
        ServingError: As `run_together`.
    """
    sizes = part_sizes(num_rows(call.inputs), parameters.execution_limit, parameters)
    parts = zip(divided(call, sizes), sizes, strict=True)
    return joined([run_together(servable, [part], [size], parameters)[0] for part, size in parts])


def run_together(servable, calls, sizes, parameters):
    """Runs calls of one signature as one: [{output name: array}], one of each call. Blocking, from any thread.

    As in the real server they share their fate: if the call fails, all of them have failed.

    Args:
        servable: The `Servable`.
        calls: `Call`s with the same signature and outputs.
        sizes: Their numbers of rows.
        parameters: `BatchingParameters`.

    Raises:
        ServingError: If inputs cannot be put together, the call fails, or outputs cannot be taken apart.
    """
    padding = padding_of(sum(sizes), parameters)
    inputs = _merged([call.inputs for call in calls], padding, parameters.pad_variable_length_inputs)
    ends = [call.end for call in calls]
    end = None if None in ends else max(ends)  # of the one that waits longest
    outputs = servable.execute(calls[0]._replace(inputs=inputs, end=end))
    for array in outputs.values():
        _check_output(array, sum(sizes) + padding)
    stops = np.cumsum(sizes).tolist()
    starts = [0, *stops[:-1]]
    return [
        {name: array[start:stop] for name, array in outputs.items()} for start, stop in zip(starts, stops, strict=True)
    ]


def padding_of(size, parameters):
    """How many copies are added to a batch of so many rows. No rows cannot be copied: they stay none."""
    return parameters.padded(size) - size if size else 0


def _merged(requests, padding, pad_inner):
    """{name: array} of several; the copies that pad it are of a row that a client sent, so it is a valid one."""
    if len(requests) == 1 and not padding:
        return requests[0]
    merged = {}
    for name in requests[0]:
        arrays = [request[name] for request in requests]
        if pad_inner:
            arrays = _padded_inside(arrays)
        elif any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
            raise _different_shapes(name)
        if padding:
            row = next(array[:1] for array in reversed(arrays) if len(array))
            arrays.append(np.repeat(row, padding, axis=0))
        merged[name] = np.concatenate(arrays)
    return merged


def _padded_inside(arrays):
    """Arrays of one inner shape, the largest of each dimension, filled up with each one's first element."""
    if len({array.ndim for array in arrays}) > 1:
        raise _invalid("Tensors of different ranks cannot be padded to one shape.")
    shape = tuple(max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True))
    return [array if array.shape[1:] == shape else _filled_up(array, shape) for array in arrays]


def _filled_up(array, shape):
    if array.ndim > _MAX_RANK:
        raise _invalid("Only tensors with rank from 1 to 6 can be padded.")
    if array.size == 0:
        raise _invalid("Got empty tensor in batch of non-empty tensors.")
    filled = np.full((len(array), *shape), array.flat[0], array.dtype)
    filled[tuple(slice(size) for size in array.shape)] = array
    return filled


def _check_output(array, size):
    if array.ndim == 0:
        raise ServingError("FAILED_PRECONDITION", "Batched output tensor has 0 dimensions")
    if len(array) != size:
        raise ServingError(
            "FAILED_PRECONDITION",
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input"
            " tensors",
        )


def _different_shapes(name):
    return ServingError(
        "FAILED_PRECONDITION",
        f"Tensors with name '{name}' from different tasks have different shapes and padding is turned off."
        "Set pad_variable_length_inputs to true, or ensure that all tensors with the same name"
        "have equal dimensions starting with the first dim.",
    )


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
