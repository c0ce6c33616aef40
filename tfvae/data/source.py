"""Sources: where examples come from, one array or one drawing at a time; datasets by name are made of them.

A source is anything with `num_examples`, `image_shape` (H, W, C), `class_names` (empty where there are no classes),
`is_binary` (every pixel is 0 or 255), `factor_names` (of the known factors of variation; empty where none are),
`digest()` (a hash of all pixels, labels and factors, or of what determines them) and `fetch(indices)`: int64 [B] ->
{"x": uint8 [B, H, W, C], "label": int64 [B], maybe "factors": int64 [B, F], ...}, pure TensorFlow, so that it runs
inside `tf.data.Dataset.map` on whole batches.
"""

import atexit
import functools
import gc

import numpy as np
import tensorflow as tf

from tfvae.storage import sha256_of_arrays

CHUNK = 4096  # examples looked at in one go


class ArraySource:
    """Examples held in memory as uint8, or left in the file where they are.

    Args:
        images: Grey levels, uint8 [N, H, W, C]; those of a `np.memmap` stay in its file.
        labels: Class of each image, integers [N].
        class_names: Name of each class; empty where there are none.
        factors: Class of each factor of variation, integers [N, F], which batches then hold as "factors"; or None.
        factor_names: Names of the factors, F of them.

    Raises:
        ValueError: If the images are not uint8 [N, H, W, C], or there is not one label, or row of factors, for each.
    """

    def __init__(self, images, labels, class_names=(), factors=None, factor_names=()):
        if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != images.shape[:1]:
            received = f"images={images.dtype}{list(images.shape)}, labels={list(labels.shape)}"
            raise ValueError(f"`images` must be uint8 [N, H, W, C] and `labels` [N]. Received: {received}")
        if factors is not None and factors.shape != (len(images), len(factor_names)):
            received = f"factors={list(factors.shape)}, factor_names={list(factor_names)}"
            raise ValueError(f"`factors` must be [N, F], with F names. Received: {received}")
        self.num_examples, self.image_shape = len(images), tuple(images.shape[1:])
        self.factor_names = tuple(factor_names)
        self.class_names = tuple(class_names)
        self.is_binary = all(_is_binary(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK))
        # On the CPU, where tf.data runs: a copy on an accelerator would travel back for every batch.
        with tf.device("CPU:0"):
            self.images = images if isinstance(images, np.memmap) else tf.constant(images)
            self.labels = tf.constant(labels, "int64")
            self.factors = None if factors is None else tf.constant(factors, "int64")

    def fetch(self, indices):
        known = {} if self.factors is None else {"factors": tf.gather(self.factors, indices)}
        return {"x": self._gather(indices), "label": tf.gather(self.labels, indices), **known}

    def digest(self):
        known = [] if self.factors is None else [self.factors.numpy(), np.array(list(self.factor_names))]
        return sha256_of_arrays(
            [np.asarray(self.images), self.labels.numpy(), np.array(list(self.class_names)), *known]
        )

    def _gather(self, indices):
        if not isinstance(self.images, np.memmap):
            return tf.gather(self.images, indices)
        indices = tf.convert_to_tensor(indices)
        rows = read_by_python(lambda places: np.array(self.images[places]), indices, tf.uint8)
        return tf.ensure_shape(rows, [*indices.shape, *self.image_shape])


def read_by_python(read, indices, dtype):
    """What a function of NumPy arrays reads at `indices`, as a tensor of a type and an unknown shape."""
    _end_streams_at_exit()
    return tf.numpy_function(read, [indices], dtype)


@functools.cache
def _end_streams_at_exit():
    """Has streams end before Python does, once.

    From then on Python stops every thread that enters it, and the end of a stream waits for such threads for ever.
    """
    atexit.register(_end_streams)


def _end_streams():
    gc.collect()
    for each in gc.get_objects():
        if issubclass(type(each), tf.data.Iterator):
            vars(each).pop("_iterator_resource", None)  # there is no public way to end one that somebody holds


def _is_binary(images):
    return not np.any((images != 0) & (images != 255))
