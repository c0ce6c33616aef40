"""Examples to be scored, read from the front and never all at once.

An object of examples has `num_examples`, `class_names` (empty where they are not known before all is read),
`has_labels`, `name` (what a record calls the name of an example, "file" or "id"; None where it has none),
`fingerprint()` and `read(cut, parts)`, a generator of `Rows` for each batch of consecutive parts of a `Cut`.
"""

from pathlib import Path

from tfvae.data.options import TABLES
from tfvae.data.tfds_images import is_dataset
from tfvae.scoring.examples.array_examples import ArrayExamples
from tfvae.scoring.examples.dataset import DatasetExamples
from tfvae.scoring.examples.drawn import DrawnExamples
from tfvae.scoring.examples.folder import FolderExamples
from tfvae.scoring.examples.numbers import Numbers
from tfvae.scoring.examples.table import TableExamples


def open_examples(scoring, interface):
    """The examples that a `Scoring` names, such as an `Interface` wants them.

    Raises:
        ConfigError: If the signature asks for an input that such data does not have.
        DataError: If the data is missing or unreadable.
    """
    if scoring.data is None:
        return Numbers(scoring.num, interface)
    path = Path(scoring.data).expanduser()
    if scoring.data == "shapes":
        return DrawnExamples(interface)
    if path.suffix.lower() in TABLES:
        return TableExamples(path, interface)
    if path.suffix.lower() in (".npz", ".npy"):
        return ArrayExamples(path, interface, scoring.split)
    # As `tfvae.data` tells a folder from a dataset of the same name.
    if scoring.data.startswith((".", "/", "~")) or (path.is_dir() and not is_dataset(scoring.data)):
        return FolderExamples(path, interface)
    return DatasetExamples(scoring.data, interface, scoring.split, scoring.data_dir)
