"""Parquet: a row for each example and a column for each output, an array of more axes as lists of lists."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SUFFIX = "parquet"


class Writer:
    """Writes a file of records, one row group for each batch."""

    def __init__(self, path, layout):
        self.path, self.layout = path, layout
        texts = [*([layout.name] if layout.name else []), *(["label"] if layout.has_labels else []), "error"]
        fields = [("index", pa.int64()), *((name, pa.string()) for name in texts)]
        self.schema = pa.schema([*fields, *((name, _type(*spec)) for name, spec in layout.outputs.items())])

    def __enter__(self):
        self.file = pq.ParquetWriter(self.path, self.schema)
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, records):
        num_rows = len(records.index)
        has_error = np.array([place in records.errors for place in range(num_rows)])
        texts = {self.layout.name: records.names, "label": records.labels}
        columns = {name: pa.array(values, pa.string()) for name, values in texts.items() if values is not None}
        columns |= {"index": pa.array(records.index)}
        columns |= {"error": pa.array([records.errors.get(place) for place in range(num_rows)], pa.string())}
        columns |= {name: _column(values, has_error) for name, values in records.outputs.items()}
        self.file.write_table(pa.table([columns[name] for name in self.schema.names], schema=self.schema))


def read(path, layout):
    """Yields the records of a file."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for record in batch.to_pylist():
                if record["error"] is None:
                    del record["error"]
                    yield record | {n: _array(record[n], *spec) for n, spec in layout.outputs.items()}
                else:
                    yield {name: value for name, value in record.items() if name not in layout.outputs}


def _type(dtype, shape):
    result = pa.string() if dtype == "string" else pa.from_numpy_dtype(np.dtype(dtype))
    for _ in shape:
        result = pa.list_(result)
    return result


def _column(values, has_error):
    """An Arrow array of [B, ...]; null where there is an error."""
    if values.ndim == 1:
        return _flat(values, has_error)
    column = _flat(values.ravel(), None)
    for axis in reversed(range(1, values.ndim)):
        offsets = np.arange(0, len(column) + 1, values.shape[axis], dtype="int32")
        mask = pa.array(has_error) if axis == 1 else None
        column = pa.ListArray.from_arrays(pa.array(offsets), column, mask=mask)
    return column


def _flat(values, mask):
    if values.dtype == object:
        texts = [value.decode("utf-8", "backslashreplace") for value in values]
        return pa.array(texts, pa.string(), mask=mask)
    return pa.array(values, mask=mask)


def _array(value, dtype, shape):
    return np.array(value, object if dtype == "string" else dtype).reshape(shape)
