"""The model of a job: where its SavedModel is, what its signatures take and give, and which classes it knows."""

from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from tfvae.errors import ConfigError
from tfvae.serving.fingerprint import fingerprint
from tfvae.serving.registry import versions
from tfvae.storage import read_json

DRAWN = ("seed", "condition")  # inputs that come from a row's index and label, and not from its x
FIELDS = ("index", "file", "id", "label", "error")  # of a record, beside the outputs


class Tensor(NamedTuple):
    """An input or output: its name of dtype, and its shape without the batch, None where a size is not fixed."""

    dtype: str
    shape: tuple


class Interface(NamedTuple):
    """What a job knows of its model.

    Attributes:
        directory: The SavedModel.
        inputs: {name: `Tensor`} of the signature.
        outputs: {name: `Tensor`} of the signature.
        manifest: What tfvae_manifest.json says; {} where there is none.
    """

    directory: Path
    inputs: dict
    outputs: dict
    manifest: dict

    @property
    def wanted(self):
        """The inputs that data must give: {name: `Tensor`}."""
        return {name: tensor for name, tensor in self.inputs.items() if name not in DRAWN}

    @property
    def field_names(self):
        """{output: what records call it}: its own name, unless that is one of the other fields of a record."""
        names = {}
        for name in self.outputs:
            field = name
            while field in FIELDS or field in names.values() or (field != name and field in self.outputs):
                field += "_"
            names[name] = field
        return names

    @property
    def fields(self):
        """{what records call an output: `Tensor`}."""
        return {field: self.outputs[name] for name, field in self.field_names.items()}

    @property
    def class_names(self):
        """The classes of the training data, in the order of a condition; empty where they are not known."""
        return tuple(self.manifest.get("data", {}).get("class_names", ()))

    @property
    def columns(self):
        """The columns of a table, each with its `served_name`; empty if the model is not one of a table."""
        return self.manifest.get("columns", [])

    @property
    def label_column(self):
        """The column of a table that holds the class; None where there is none."""
        return self.manifest.get("experiment", {}).get("data", {}).get("label")

    def fingerprint(self):
        """A hash of the model's operations, signatures and weights."""
        return fingerprint(self.directory)


def interface_of(served, directory, signature):
    """The `Interface` of a `ServedModel`.

    Raises:
        ConfigError: If it has no such signature, or one whose rows differ in shape.
    """
    if signature not in served.signatures:
        raise ConfigError(f"{directory} has no signature `{signature}`. It has {sorted(served.signatures)}.")
    definition = served.signatures[signature]
    manifest = directory / "assets.extra" / "tfvae_manifest.json"
    outputs = {name: _tensor(info) for name, info in sorted(definition.outputs.items())}
    for name, tensor in outputs.items():
        if None in tensor.shape:
            raise ConfigError(f"Signature `{signature}` leaves the size of its output `{name}` open: {tensor.shape}.")
    return Interface(
        directory,
        {name: _tensor(info) for name, info in sorted(definition.inputs.items())},
        outputs,
        read_json(manifest) if manifest.is_file() else {},
    )


def saved_model_of(path):
    """The SavedModel that a path means: itself, that of a run's folder, or the latest of numbered versions.

    Raises:
        ConfigError: If there is none.
    """
    path = Path(path)
    found = [path, path / "export"] + ([version for _, version in versions(path)[-1:]] if path.is_dir() else [])
    for directory in found:
        if (directory / "saved_model.pb").is_file():
            return directory
    raise ConfigError(f"{path} is no export and holds none, nor a numbered version of one. Run `tfvae export` first.")


def _tensor(info):
    sizes = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    return Tensor(tf.as_dtype(info.dtype).name, tuple(sizes[1:]))
