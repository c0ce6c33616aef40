"""Rows for a signature that takes no examples: a number of seeds, and each class in turn where there are classes."""

from tfvae.errors import ConfigError
from tfvae.scoring.rows import Rows, indices_of
from tfvae.storage import sha256_of_json


class Numbers:
    """Rows that are nothing but an index.

    Args:
        num: Number of rows.
        interface: The `Interface` of the model.

    Raises:
        ConfigError: If the signature does take examples.
    """

    name = None

    def __init__(self, num, interface):
        if interface.wanted:
            raise ConfigError(f"The signature asks for {sorted(interface.wanted)}: give --data in place of --num.")
        self.num_examples, self.class_names = num, interface.class_names
        self.has_labels = "condition" in interface.inputs

    def fingerprint(self):
        return sha256_of_json(["numbers", self.num_examples])

    def read(self, cut, parts):
        for span in cut.batches(parts):
            yield Rows(indices_of(span), {}, labels=self._labels(span) if self.has_labels else None)

    def _labels(self, span):
        return [self.class_names[index % len(self.class_names)] for index in span]
