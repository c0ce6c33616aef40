"""The preparing job: the data of a configuration in, sharded records in a folder out."""

from tfvae import jobs
from tfvae.data import records
from tfvae.data.datasets import open_splits
from tfvae.data.mapped import on_disk
from tfvae.errors import ConfigError
from tfvae.storage import read_json, write_json

ASKED = "asked.json"


def prepare(data, directory, num_shards, lanes):
    """Writes the splits of a `Data`, grey levels as they are, or says that it is done.

    Args:
        data: A `Data` of images.
        directory: The folder, which the caller holds locked.
        num_shards: Number of files of each split.
        lanes: Number of parts that machines may share the files by.

    Returns:
        What is in records.json.

    Raises:
        ConfigError: If the data is a table, `lanes` is no divisor of `num_shards`, or the folder holds other data.
        DataError: If the data cannot be read.
    """
    if data.is_table:
        raise ConfigError("A table fits into memory, and needs no preparing.")
    if num_shards % lanes:
        raise ConfigError(f"`lanes` must divide `shards`. Received: lanes={lanes}, shards={num_shards}")
    with on_disk(directory):
        splits = open_splits(data)._asdict()
    asked = {"shards": num_shards, "lanes": lanes, "digests": {name: s.digest() for name, s in splits.items()}}
    _claim(directory, asked)
    if records.is_prepared(directory):
        jobs.event(f"{directory} holds these records already: nothing to do.", finished=True)
        return read_json(directory / records.NAME)
    with jobs.progress_bar(sum(source.num_examples for source in splits.values()), "example") as progress:
        written = records.prepare(splits, directory, num_shards, lanes, progress.update)
    sizes = ", ".join(f"{name} {source.num_examples}" for name, source in splits.items())
    jobs.event(f"Wrote {num_shards} shards for each split ({sizes} examples): data.name = {str(directory)!r}.")
    return written


def _claim(directory, asked):
    path = directory / ASKED
    if path.exists() and read_json(path) != asked:
        raise ConfigError(f"{directory} holds other data, or other shards of it: choose another --output.")
    write_json(path, asked)
