"""Scoring: what a job of batch scoring is asked to do. Imports no TensorFlow."""

from dataclasses import dataclass

from tfvae.errors import ConfigError

FORMATS = ("jsonl", "parquet", "tfrecord")


@dataclass(frozen=True)
class Scoring:
    """The arguments of `tfvae score`, but for the folder of the output.

    Attributes:
        model: An export, the folder of a run that has one, or one of numbered versions, of which the latest counts.
        data: A folder of images, an .npz or .npy file, a .csv or .parquet table, "shapes", or the name of a TFDS
            dataset; None where the signature takes no example, and `num` tells how often to call it.
        signature: What to ask the model.
        format: "jsonl", "parquet" or "tfrecord".
        shard: (i, n): the i-th of n shares of the parts, i from 0.
        seed: Integer; the row of index k gets the seed `seed + k`.
        batch_size: Number of examples in a call; it may change when a job goes on.
        part_size: Number of examples in a file of the output.
        num: Number of rows where there is no data.
        split: Split of a dataset, or of an .npz file that has two; None takes "test" where there is one, else "train".
        data_dir: Folder of prepared TFDS datasets; None takes TFDS's own.

    Raises:
        ConfigError: If a value is out of range, or data and num are both given, or neither.
    """

    model: str
    data: str | None = None
    signature: str = "score"
    format: str = "jsonl"
    shard: tuple[int, int] = (0, 1)
    seed: int = 0
    batch_size: int = 256
    part_size: int = 4096
    num: int | None = None
    split: str | None = None
    data_dir: str | None = None

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ConfigError(f"`format` must be one of {list(FORMATS)}. Received: format={self.format!r}")
        for name in ("batch_size", "part_size", "num"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        if not 0 <= self.shard[0] < self.shard[1]:
            raise ConfigError(f"`shard` i/n must have 0 <= i < n. Received: shard={self.shard[0]}/{self.shard[1]}")
        if (self.data is None) == (self.num is None):
            raise ConfigError("Give either --data, or --num for a signature that takes no examples, such as `sample`.")
        if not -(2**62) <= self.seed < 2**62:  # leaves room for the index in an int64
            raise ConfigError(f"`seed` must lie between -2**62 and 2**62 - 1. Received: seed={self.seed}")
