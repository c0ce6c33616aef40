"""Interfaces: how clients of a model send and receive x, taken from the model or from the manifest of its export."""

from pathlib import Path

import numpy as np

from tfvae.errors import GateError
from tfvae.serving.images import Images
from tfvae.serving.tables import Table
from tfvae.storage import read_json

MANIFEST = "assets.extra/tfvae_manifest.json"


def interface_of(model, binarize):
    """How clients send and receive x of this model."""
    columns = model.likelihood.columns
    return Table(columns) if columns else Images(model.event_shape, binarize)


def recorded_interface(directory):
    """How clients send and receive x of this export."""
    facts = read_manifest(directory)
    return Table(facts["columns"]) if "columns" in facts else Images(facts["image_shape"], facts["binarize"])


def read_manifest(directory):
    """What an export's manifest says.

    Raises:
        GateError: If it has none.
    """
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise GateError(f"{directory} was not made by `tfvae export`: there is no {MANIFEST}.")
    return read_json(path)


def request_of(interface, batch, names):
    """What a client sends for a batch of examples, each seeded by its index: {name: array [B, ...]} of those names."""
    known = {**interface.inputs(batch["x"]), "seed": batch["index"], "condition": batch.get("condition")}
    return {name: np.asarray(known[name]) for name in names}
