"""JSON lines: an object for each example, arrays as lists, numbers exact, NaN as TensorFlow Serving writes it."""

import json

import numpy as np

from tfvae.scoring.formats.fields import texts_of

SUFFIX = "jsonl"


class Writer:
    """Writes a file of records."""

    def __init__(self, path, layout):
        self.path, self.layout = path, layout

    def __enter__(self):
        self.file = open(self.path, "w", encoding="utf-8")
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, records):
        lists = {name: _texts(values.tolist()) for name, values in records.outputs.items()}
        for place, index in enumerate(records.index.tolist()):
            record = {"index": index, **texts_of(self.layout, records, place)}
            if place in records.errors:
                record["error"] = records.errors[place]
            else:
                record.update((name, values[place]) for name, values in lists.items())
            self.file.write(json.dumps(record) + "\n")


def read(path, layout):
    """Yields the records of a file."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if "error" not in record:
                record.update((name, _array(record[name], *spec)) for name, spec in layout.outputs.items())
            yield record


def _texts(value):
    """Lists of bytes, at any depth, as lists of texts."""
    if isinstance(value, list):
        return [_texts(entry) for entry in value] if value and isinstance(value[0], (list, bytes)) else value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _array(value, dtype, shape):
    return np.array(value, object if dtype == "string" else dtype).reshape(shape)
