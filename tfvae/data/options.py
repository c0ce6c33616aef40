"""Data: which data, how much of it, and what is done to its pixels. Imports no TensorFlow."""

from dataclasses import dataclass

from tfvae.errors import ConfigError

BINARIZE_MODES = ("none", "static", "dynamic")


@dataclass(frozen=True)
class Data:
    """The `[data]` table of a configuration, and the arguments of `tfvae.data.load`.

    Attributes:
        name: "digits", "shapes", the name of a TFDS image dataset, a folder of images, or an .npz or .npy file.
        batch_size: Number of examples in a batch.
        binarize: "none"; "static": one draw, the same for every run; "dynamic": a fresh draw every epoch in training,
            the static one for validation and test.
        validation_fraction: Share of the training examples that is held out for validation.
        test_fraction: Share of all examples that is held out for the test, where the data has no test split.
        split_seed: Integer that keys the splits; apart from the seed of a run, so that runs can be compared.
        num_examples: Number of examples to keep, a seeded draw from all; None keeps all. Data with a test split of its
            own keeps that whole, so that figures stay comparable.
        factors: For "shapes": the factor classes to keep, such as {shape = [0, 1], scale = [5]}; None keeps all.
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
    data_dir: str | None = None
    download: bool = False

    def __post_init__(self):
        if self.binarize not in BINARIZE_MODES:
            raise ConfigError(f"`binarize` must be one of {list(BINARIZE_MODES)}. Received: binarize={self.binarize!r}")
        for name in ("batch_size", "num_examples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {name}={value!r}")
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must lie between 0 and 1. Received: {name}={getattr(self, name)!r}")
        if not 0 <= self.split_seed < 2**32:
            raise ConfigError(f"`split_seed` must lie between 0 and 2**32 - 1. Received: split_seed={self.split_seed}")
        if self.factors is not None and self.name != "shapes":
            raise ConfigError(f"`factors` chooses among drawn `shapes`. Received: name={self.name!r}")
