"""Reading what a job of batch scoring wrote."""

from pathlib import Path

from tfvae.errors import DataError
from tfvae.scoring.formats import FORMATS
from tfvae.scoring.manifest import layout_of, read_manifest
from tfvae.scoring.parts import Cut


def read(directory):
    """The records of a finished job, in the order of the data, alike for each format.

    Args:
        directory: The folder of the output.

    Returns:
        An iterator of dicts: "index", an int; "file" or "id", where examples have names; "label", the name of a class,
        where they have classes; and either each output, an array, or "error", why there is none.

    Raises:
        DataError: If it is no such folder, or parts are missing.
    """
    directory, manifest = Path(directory), read_manifest(directory)
    chosen, cut = FORMATS[manifest["format"]], Cut(manifest["num_examples"], manifest["part_size"], 1)
    paths = [directory / cut.part_name(number, chosen.SUFFIX) for number in range(cut.num_parts)]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise DataError(
            f"{directory} is not finished: {len(missing)} of {len(paths)} parts are missing, {missing[0]} the first."
            " Start its shards again."
        )
    layout = layout_of(manifest)
    return (record for path in paths for record in chosen.read(path, layout))
