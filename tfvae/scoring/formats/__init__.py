"""Formats of the output, modules: `Writer(path, layout)`, a context with `write(records)`, and `read(path, layout)`.

`read` yields a record after the other as a dict: "index", an int; "file" or "id", where examples have names; "label",
where they have classes, None where it is not known; and either the outputs, arrays, or "error", a sentence.
"""

from typing import NamedTuple

from tfvae.scoring.formats import jsonl, parquet, tfrecord

FORMATS = {"jsonl": jsonl, "parquet": parquet, "tfrecord": tfrecord}


class Layout(NamedTuple):
    """What a record holds beside its index.

    Attributes:
        name: "file" or "id"; None where examples have no names.
        has_labels: Whether examples have classes.
        outputs: {output: (dtype, shape)}.
    """

    name: str | None
    has_labels: bool
    outputs: dict
