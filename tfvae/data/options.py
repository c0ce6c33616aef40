"""Data: which data, how much of it, and what is done to its pixels. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import PurePath

from tfvae.errors import ConfigError

BINARIZE_MODES = ("none", "static", "dynamic")
TABLES = (".csv", ".parquet")
COLUMN_TYPES = ("real", "binary", "categorical", "ignore")


@dataclass(frozen=True)
class Data:
    """The `[data]` table of a configuration, and the arguments of `tfvae.data.load`.

    Attributes:
        name: "digits", "shapes", the name of a TFDS image dataset, a folder of images, an .npz or .npy file of images,
            a .csv or .parquet file of a table, or a folder that `tfvae data prepare` made, whose splits stay.
        batch_size: Number of examples in a batch.
        binarize: "none"; "static": one draw, the same for every run; "dynamic": a fresh draw every epoch in training,
            the static one for validation and test.
        validation_fraction: Share of the training examples that is held out for validation.
        test_fraction: Share of all examples that is held out for the test, where the data has no test split.
        split_seed: Integer that keys the splits; apart from the seed of a run, so that runs can be compared.
        num_examples: Number of examples to keep, a seeded draw from all; None keeps all. Data with a test split of its
            own keeps that whole, so that figures stay comparable.
        factors: For "shapes": the factor classes to keep, such as {shape = [0, 1], scale = [5]}; None keeps all.
        schema: For a table: the type of columns, such as {age = "real", id = "ignore", size = ["S", "M", "L"]}: "real",
            "binary", "categorical" or a list of its categories, or "ignore". What it leaves out is found from the file.
        label: For a table: the column that is the class of a row, and no part of x.
        conditional: Whether batches carry the class as a "condition", one-hot, for models that depend on one.
        num_labels: Number of training examples that keep their label, as many of each class as can be; the others get
            the label -1, for semi-supervised models. None keeps all.
        held_out_class: The class, an integer from 0, that is left out of training and validation and stays in the test
            split, where it is an anomaly to be found. None holds out none.
        data_dir: Folder of prepared TFDS datasets; None takes TFDS's own (TFDS_DATA_DIR, ~/tensorflow_datasets).
        download: Whether a TFDS dataset that is not prepared may be fetched from the network.

    Raises:
        ConfigError: If a value is out of range.
    """

    name: str
    batch_size: int = 128
    binarize: str = "none"
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    split_seed: int = 0
    num_examples: int | None = None
    factors: dict | None = None
    schema: dict | None = None
    label: str | None = None
    conditional: bool = False
    num_labels: int | None = None
    held_out_class: int | None = None
    data_dir: str | None = None
    download: bool = False

    def __post_init__(self):
        if self.binarize not in BINARIZE_MODES:
            raise ConfigError(f"`binarize` must be one of {list(BINARIZE_MODES)}. Received: binarize={self.binarize!r}")
        for name in ("batch_size", "num_examples", "num_labels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        if self.held_out_class is not None and self.held_out_class < 0:
            raise ConfigError(f"`held_out_class` must be at least 0. Received: held_out_class={self.held_out_class!r}")
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must lie between 0 and 1. Received: {name}={getattr(self, name)!r}")
        if not 0 <= self.split_seed < 2**32:
            raise ConfigError(f"`split_seed` must lie between 0 and 2**32 - 1. Received: split_seed={self.split_seed}")
        if self.factors is not None and self.name != "shapes":
            raise ConfigError(f"`factors` chooses among drawn `shapes`. Received: name={self.name!r}")
        self._check_table()

    @property
    def is_table(self):
        """Whether the data is a table, and not images."""
        return PurePath(self.name).suffix.lower() in TABLES

    def _check_table(self):
        if self.is_table and self.binarize != "none":
            raise ConfigError(f"`binarize` draws pixels, and {self.name} is a table. Received: {self.binarize!r}")
        for name in ("schema", "label"):
            if not self.is_table and getattr(self, name) is not None:
                raise ConfigError(f"`{name}` is for a table, a .csv or .parquet file. Received: name={self.name!r}")
        for column, kind in (self.schema or {}).items():
            if kind not in COLUMN_TYPES and not _are_categories(kind):
                rule = f"must give each column one of {list(COLUMN_TYPES)}, or a list of different, non-empty texts"
                raise ConfigError(f"`schema` {rule}. Received: {column}={kind!r}")


def _are_categories(kind):
    """Whether a column's entry in a schema is a list of categories."""
    return isinstance(kind, list) and 0 < len(kind) == len({c for c in kind if isinstance(c, str) and c})
