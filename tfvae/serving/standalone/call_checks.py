"""What can be seen only by calling a signature: batch sizes, independence of rows, seeds, and what it refuses."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from .prediction_log import Call
from .served_model import ServedModel

# Relative to the largest element, or absolute where that is below 1. A matrix product rounds differently for another
# batch size: some 1e-6 through a deep network in float32. Rows that mix, or other weights, show from 1e-3 up.
TOLERANCE = 1e-4
# A share of N validation examples, which jumps by 1/N where rounding takes a score past another.
TOLERANCES = {"percentile": 0.02}
BATCH_SIZES = (0, 1, 3)
CORRUPT_IMAGES = (b"", b"not an image", b"\x89PNG\r\n\x1a\n")
IMPOSSIBLE_GREY_VALUES = (np.nan, np.inf, -0.5, 1.5)


class Probe(NamedTuple):
    """A call of three rows, the model that shall answer it, and the answers of the training process, if known."""

    model: ServedModel
    expected: Call

    @property
    def inputs(self):
        return self.expected.inputs

    @property
    def where(self):
        return f"Signature `{self.expected.signature}`"

    def call(self, **inputs):
        """The outputs for the probe's inputs, some of them replaced."""
        return self.model.call(self.expected.signature, {**self.inputs, **inputs})

    def call_rows(self, rows):
        return self.call(**{name: value[list(rows)] for name, value in self.inputs.items()})


def call_problems(probe):
    """The problems of one signature. The search ends where rows cannot be compared, or a call fails that should not."""
    try:
        problems = list(batch_size_problems(probe))
        yield from problems
        checks = (row_problems, seed_problems, refusal_problems, training_problems) if not problems else ()
        for check in checks:
            yield from check(probe)
    except tf.errors.OpError as error:
        yield f"{probe.where}: a call fails with {describe(error)}"


def batch_size_problems(probe):
    """An output that has not one row for each row of the input, or not only finite numbers of the promised type."""
    for size in BATCH_SIZES:
        for name, value in probe.call_rows(range(size)).items():
            where = f"{probe.where}, output `{name}`, batch of {size}"
            promised = tf.as_dtype(probe.model.signatures[probe.expected.signature].outputs[name].dtype)
            if value.shape[:1] != (size,):
                yield f"{where}: its shape is {value.shape}."
            if value.dtype != promised.as_numpy_dtype:
                yield f"{where}: its type is {value.dtype}, and {promised.name} was promised."
            if promised.is_floating and not np.all(np.isfinite(value)):
                yield f"{where}: a value is not finite."


def row_problems(probe):
    """A row that gets another answer when it is asked again, alone, or elsewhere in the batch."""
    together, again = probe.call(), probe.call()
    moved = probe.call_rows([2, 0, 1])
    for name, value in together.items():
        where = f"{probe.where}, output `{name}`"
        if differs(name, again[name], value):
            yield f"{where}: the same request gets another answer the second time."
        if differs(name, moved[name], value[[2, 0, 1]]):
            yield f"{where}: a row's answer depends on its place in the batch."
    alone = [probe.call_rows([row]) for row in range(3)]
    for name, value in together.items():
        if any(differs(name, alone[row][name], value[row : row + 1]) for row in range(3)):
            yield f"{probe.where}, output `{name}`: a row's answer depends on the other rows of the batch."


def seed_problems(probe):
    """A sample that another seed does not change."""
    if "seed" not in probe.inputs or "z" not in probe.model.signatures[probe.expected.signature].outputs:
        return
    z, other = probe.call()["z"], probe.call(seed=probe.inputs["seed"] + 1)["z"]
    if any(np.array_equal(*rows) for rows in zip(z, other, strict=True)):
        yield f"{probe.where}: another seed gives the same sample."


def refusal_problems(probe):
    """Input that is no image and is answered all the same, or by an error that does not blame the client."""
    files = CORRUPT_IMAGES if "image_bytes" in probe.inputs else ()
    for file in files:
        yield from _not_refused(probe, "image_bytes", file, f"the corrupt image {file!r}")
    greys = IMPOSSIBLE_GREY_VALUES if "images" in probe.inputs else ()
    for grey in greys:
        yield from _not_refused(probe, "images", grey, f"an image of grey value {grey}")


def _not_refused(probe, name, value, words):
    spoilt = probe.inputs[name].copy()
    spoilt[-1] = value
    try:
        probe.call(**{name: spoilt})
        yield f"{probe.where}: {words} is accepted."
    except tf.errors.InvalidArgumentError:
        return
    except tf.errors.OpError as error:
        yield f"{probe.where}: {words} does not give INVALID_ARGUMENT but {describe(error)}"


def training_problems(probe):
    """An answer that is not that of the training process."""
    yield from answer_problems(probe.where, probe.call(), probe.expected.outputs)


def answer_problems(where, outputs, expected):
    """Outputs that are missing, or not those that are expected of the training process."""
    for name, value in expected.items():
        if name not in outputs:
            yield f"{where}: output `{name}` of the training process is missing."
        elif differs(name, outputs[name], value):
            found = difference(outputs[name], value)
            yield f"{where}, output `{name}`: it differs from the training process by {found:.2g}."


def differs(name, value, reference):
    """Whether two values of an output differ by more than rounding."""
    return difference(value, reference) > TOLERANCES.get(name, TOLERANCE)


def difference(value, reference):
    """Largest difference of two arrays, relative to the largest element of `reference` where that is above 1."""
    if value.shape != reference.shape or value.dtype != reference.dtype:
        return np.inf
    if not np.issubdtype(value.dtype, np.floating):
        return 0.0 if np.array_equal(value, reference) else np.inf
    if not value.size:
        return 0.0
    largest = np.max(np.abs(value - reference)) / max(1.0, np.max(np.abs(reference)))
    return np.inf if np.isnan(largest) else float(largest)


def describe(error):
    """The code and TensorFlow's message, on one line and without the list of graph nodes that follows it."""
    message = " ".join(str(error.message).split()).partition(" [[")[0]
    return f"{type(error).__name__}: {message[:300]}"
