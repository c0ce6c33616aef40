"""CSV and Parquet files as frames of a few thousand rows, from any row on."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfvae.data.table_files import CSV
from tfvae.errors import DataError

PIECE = 4096  # rows read in one go


def size_of(path):
    """The names of the columns of a table, and its number of rows.

    Raises:
        DataError: If the file is missing, damaged or has no rows.
    """
    names, num_rows = _guarded(path, lambda: SIZES[path.suffix.lower()](path))
    if not num_rows:
        raise DataError(f"`{path}` has columns, and no rows.")
    return names, num_rows


def pieces(path, first):
    """Yields frames of all rows from the row `first` on.

    Raises:
        DataError: If the file is damaged.
    """
    stream = PIECES[path.suffix.lower()](path, first)
    while (piece := _guarded(path, lambda: next(stream, None))) is not None:
        yield piece


def _guarded(path, read):
    try:
        return read()
    except FileNotFoundError:
        raise DataError(f"There is no file `{path}`.") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"`{path}` cannot be read as a table: {str(error).strip().splitlines()[0]}") from error


def _csv_size(path):
    num_rows, names = 0, []
    for piece in _csv_frames(path):
        num_rows, names = num_rows + len(piece), list(piece.columns)
    repeated = [name for place, name in enumerate(names) if name and name in names[:place]]
    if repeated:
        raise ValueError(f"it has two columns called `{repeated[0]}`")
    return names, num_rows


def _csv_frames(path):
    header = None
    for piece in pd.read_csv(path, chunksize=PIECE, **CSV):
        if header is None:
            header, piece = piece.iloc[0].fillna("").tolist(), piece.iloc[1:]
        yield piece.set_axis(header, axis="columns")


def _csv_pieces(path, first):
    for piece in _csv_frames(path):
        if first < len(piece):
            yield piece.iloc[first:]
        first = max(0, first - len(piece))


def _parquet_size(path):
    with pq.ParquetFile(path) as file:
        return file.schema_arrow.names, file.metadata.num_rows


def _parquet_pieces(path, first):
    with pq.ParquetFile(path) as file:
        group = 0
        while first >= file.metadata.row_group(group).num_rows:  # what comes before is not even read
            first -= file.metadata.row_group(group).num_rows
            group += 1
        for batch in file.iter_batches(PIECE, row_groups=range(group, file.num_row_groups)):
            if first < batch.num_rows:
                yield batch.slice(first).to_pandas()
            first = max(0, first - batch.num_rows)


SIZES = {".csv": _csv_size, ".parquet": _parquet_size}
PIECES = {".csv": _csv_pieces, ".parquet": _parquet_pieces}
