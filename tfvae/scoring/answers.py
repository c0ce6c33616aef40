"""Answers: what a model says to rows, each with its own seed and condition; a bad row costs no other its answer."""

import numpy as np
import tensorflow as tf

from tfvae.errors import ConfigError, GateError
from tfvae.scoring.rows import Records
from tfvae.serving.server.operation_errors import clean


class Answers:
    """A signature of a model, called on rows.

    Args:
        served: A `ServedModel`.
        signature: Name of the signature.
        interface: The `Interface` of both.
        seed: The row of index k gets the seed `seed + k`.
        class_names: The classes, in the order of a condition.
    """

    def __init__(self, served, signature, interface, seed, class_names):
        self.served, self.signature, self.interface, self.seed = served, signature, interface, seed
        self.places = {name: place for place, name in enumerate(class_names)}

    def __call__(self, rows):
        """The `Records` of `Rows`: a row that the model refuses gets an error in place of an answer.

        Raises:
            ConfigError: If the model cannot hold so many rows in memory, or has not one answer for each.
            GateError: If it cannot answer at all.
        """
        inputs, errors = self._inputs(rows)
        good = np.array([place for place in range(len(rows.index)) if place not in errors], "int64")
        outputs = {name: _blank(tensor, len(rows.index)) for name, tensor in self.interface.fields.items()}
        try:
            refused = self._fill(outputs, inputs, good)
        except tf.errors.ResourceExhaustedError:
            raise ConfigError(f"{len(rows.index)} rows do not fit into memory: give a smaller --batch-size.") from None
        except tf.errors.OpError as error:  # no fault of the rows
            raise GateError(f"The model fails, whatever it is asked: {clean(error.message)}") from error
        return Records(rows.index, outputs, rows.names, rows.labels, {**errors, **refused})

    def _inputs(self, rows):
        """All inputs, and the errors of reading together with those of rows without a known class."""
        inputs, errors = dict(rows.inputs), dict(rows.errors)
        if "seed" in self.interface.inputs:
            inputs["seed"] = rows.index + self.seed
        if "condition" in self.interface.inputs:
            unknown = {i: f"the model knows no class {n!r}" for i, n in enumerate(rows.labels) if n not in self.places}
            places = [self.places.get(name, 0) for name in rows.labels]
            inputs["condition"] = np.eye(len(self.places), dtype="float32")[places]
            errors = {**unknown, **errors}
        return inputs, errors

    def _fill(self, outputs, inputs, places):
        """Writes the answers to the rows at `places`; returns {place: message} of those that the model refuses.

        A call fails as a whole: halving it finds a bad row among B in 2 log2 B calls. The same rows are halved alike
        whenever the job runs, so that its files are the same to the bit.
        """
        if not len(places):
            return {}
        try:
            answers = self.served.call(self.signature, {name: value[places] for name, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            if len(places) == 1:
                return {int(places[0]): clean(error.message)}
            half = len(places) // 2
            return {**self._fill(outputs, inputs, places[:half]), **self._fill(outputs, inputs, places[half:])}
        for name, answer in answers.items():
            if answer.shape[:1] != places.shape:
                raise ConfigError(f"Signature `{self.signature}` does not answer row by row: output `{name}`.")
            outputs[self.interface.field_names[name]][places] = answer
        return {}


def _blank(tensor, num_rows):
    if tensor.dtype == "string":
        return np.full((num_rows, *tensor.shape), b"", object)
    return np.zeros((num_rows, *tensor.shape), tf.as_dtype(tensor.dtype).as_numpy_dtype)


def classes_for(interface, examples):
    """The classes in the order of a condition: those that the model was trained on, else those of the data.

    Raises:
        ConfigError: If the model needs a condition and the data has no classes, or not as many as the model.
    """
    if "condition" not in interface.inputs:
        return ()
    (size,) = interface.inputs["condition"].shape
    names = interface.class_names or examples.class_names
    if not examples.has_labels:
        raise ConfigError("The model depends on a class, and this data has none: no labels, or no sub-folders.")
    if len(names) != size:
        raise ConfigError(f"The model depends on one of {size} classes, and this data has {len(names)}: {list(names)}.")
    return names
