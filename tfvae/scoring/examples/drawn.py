"""The drawn shapes, drawn while they are scored."""

import tensorflow as tf

from tfvae.data.builders.shapes import ShapesSource
from tfvae.data.pipeline import mapped
from tfvae.data.preprocessing import scale
from tfvae.scoring.examples.inputs import check_shape, check_wanted
from tfvae.scoring.rows import Rows, indices_of


class DrawnExamples:
    """All drawn shapes, in the order of `tfvae.data`.

    Args:
        interface: The `Interface` of the model.

    Raises:
        ConfigError: If the signature asks for something else than images.
        DataError: If the model takes images of another shape.
    """

    name, has_labels = None, True

    def __init__(self, interface):
        self.source = ShapesSource()
        check_wanted(interface.wanted, ["images"], "`shapes`")
        check_shape(self.source.image_shape, interface.wanted["images"].shape, "`shapes`")
        self.num_examples, self.class_names = self.source.num_examples, self.source.class_names

    def fingerprint(self):
        return self.source.digest()

    def read(self, cut, parts):
        span = cut.span(parts)
        indices = tf.data.Dataset.range(span.start, span.stop).batch(cut.batch_size).rebatch(cut.batch_sizes)
        fetched = mapped(indices, self.source.fetch)
        for span, batch in zip(cut.batches(parts), fetched, strict=True):
            labels = [self.class_names[label] for label in batch["label"].numpy()]
            yield Rows(indices_of(span), {"images": scale(batch["x"]).numpy()}, labels=labels)
