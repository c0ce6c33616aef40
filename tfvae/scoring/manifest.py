"""The manifest of an output: what a job was asked, so that no other one goes on in its folder."""

from pathlib import Path

from tfvae.errors import ConfigError, DataError
from tfvae.scoring.formats import Layout
from tfvae.storage import alone, read_json, write_json

NAME = "_manifest.json"  # Arrow and Spark take what begins so for no part of a table
# What must agree, and what to say of a folder where it does not.
IDENTITY = {
    "model_fingerprint": "the answers of another model",
    "data_fingerprint": "the answers to other data",
    "signature": "the answers of another signature",
    "seed": "answers by another seed",
    "format": "answers in another format",
    "part_size": "parts of another size",
}


def manifest_of(scoring, interface, examples, cut):
    """The manifest of a job, a dict of JSON values."""
    return {
        "model_fingerprint": interface.fingerprint(),
        "data_fingerprint": examples.fingerprint(),
        "signature": scoring.signature,
        "seed": scoring.seed,
        "format": scoring.format,
        "part_size": scoring.part_size,
        "num_examples": examples.num_examples,
        "num_parts": cut.num_parts,
        "name": examples.name,
        "has_labels": examples.has_labels,
        "outputs": {name: {"dtype": dtype, "shape": list(s)} for name, (dtype, s) in interface.fields.items()},
    }


def layout_of(manifest):
    """The `Layout` of the records that a manifest describes."""
    outputs = {name: (output["dtype"], tuple(output["shape"])) for name, output in manifest["outputs"].items()}
    return Layout(manifest["name"], manifest["has_labels"], outputs)


def write_or_compare(directory, manifest):
    """Writes the manifest, unless another shard or an earlier run has: then it must be the same.

    Raises:
        ConfigError: If it is another one's.
    """
    with alone(directory / ".manifest.lock"):  # other shards may look at it at the same moment
        if not (directory / NAME).exists():
            write_json(directory / NAME, manifest)
            return
        there = read_json(directory / NAME)
    for key, what in IDENTITY.items():
        if there[key] != manifest[key]:
            raise ConfigError(f"{directory} holds {what}: choose another --output, or remove it.")


def read_manifest(directory):
    """The manifest of a folder.

    Raises:
        DataError: If there is none.
    """
    path = Path(directory) / NAME
    if not path.is_file():
        raise DataError(f"{directory} is no output of `tfvae score`: no file {NAME}.")
    return read_json(path)
