"""Labels: sources whose labels condition a model, or are known for a few examples only."""

import numpy as np
import tensorflow as tf

from tfvae.errors import DataError
from tfvae.storage import sha256_of_json

UNKNOWN = -1
CHUNK = 4096  # examples looked at in one go


class Relabelled:
    """A source with something done to its labels; everything else is that of the source."""

    def __init__(self, source):
        self.source = source

    def __getattr__(self, name):
        return getattr(self.source, name)


class Conditional(Relabelled):
    """Adds "condition", the class as a one-hot vector, float32 [B, K]; zeros where the label is unknown.

    Raises:
        DataError: If the source has no classes.
    """

    def __init__(self, source):
        super().__init__(source)
        if not source.class_names:
            raise DataError("`conditional` needs classes, and this data has none: no labels, or no sub-folders.")

    def fetch(self, indices):
        batch = self.source.fetch(indices)
        return {**batch, "condition": tf.one_hot(batch["label"], len(self.class_names))}


def indices_without(source, held_out_class):
    """Places of the examples that are of another class, int64 [N].

    Raises:
        DataError: If there is no such class, or no other.
    """
    if held_out_class >= len(source.class_names):
        number = len(source.class_names)
        raise DataError(f"`held_out_class` is {held_out_class}, and the data has {number} classes, counted from 0.")
    kept = np.flatnonzero(_labels(source) != held_out_class)
    if not len(kept):
        raise DataError(f"`held_out_class` is {held_out_class}, and there are no examples of other classes.")
    return kept


class PartlyLabelled(Relabelled):
    """Keeps the labels of the first examples of each class, as many of each class as can be; the others become -1.

    Args:
        source: Where examples come from, in an order that was drawn.
        num_labels: Number of examples that keep their label.

    Raises:
        DataError: If there are fewer examples with a label than that.
    """

    def __init__(self, source, num_labels):
        super().__init__(source)
        self.num_labels = num_labels
        labels = _labels(source)
        order = _one_of_each(labels)
        order = order[labels[order] != UNKNOWN]
        if num_labels > len(order):
            raise DataError(f"`num_labels` is {num_labels}, and there are {len(order)} training examples with a label.")
        kept = np.zeros(len(labels), bool)
        kept[order[:num_labels]] = True
        with tf.device("CPU:0"):  # where tf.data runs
            self.labels = tf.constant(np.where(kept, labels, UNKNOWN), "int64")

    def fetch(self, indices):
        return {**self.source.fetch(indices), "label": tf.gather(self.labels, indices)}

    def digest(self):
        return sha256_of_json([self.source.digest(), self.num_labels])


def _labels(source):
    # In a graph, which leaves out what is not asked for: images that would be drawn, or copied, for nothing.
    read = tf.function(lambda indices: source.fetch(indices)["label"])
    read = read.get_concrete_function(tf.TensorSpec([None], "int64"))
    firsts, number = range(0, source.num_examples, CHUNK), source.num_examples
    return np.concatenate([read(tf.range(first, min(first + CHUNK, number), dtype="int64")) for first in firsts])


def _one_of_each(labels):
    """Indices of all examples: the first of each class, then the second of each, and so on."""
    occurrence = np.zeros(len(labels), int)
    for label in np.unique(labels):
        occurrence[labels == label] = np.arange(np.sum(labels == label))
    return np.lexsort((labels, occurrence))
