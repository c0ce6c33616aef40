"""Sources: where examples come from, one array or one drawing at a time; datasets by name are made of them.

A source is anything with `num_examples`, `image_shape` (H, W, C), `class_names` (empty where there are no classes),
`is_binary` (every pixel is 0 or 255), `digest()` (a hash of all pixels and labels, or of what determines them) and
`fetch(indices)`: int64 [B] -> {"x": uint8 [B, H, W, C], "label": int64 [B], ...}, pure TensorFlow, so that it runs
inside `tf.data.Dataset.map` on whole batches.
"""

import numpy as np
import tensorflow as tf

from tfvae.storage import sha256_of_arrays

CHUNK = 4096  # examples looked at in one go


class ArraySource:
    """Examples held in memory as uint8.

    Args:
        images: Grey levels, uint8 [N, H, W, C].
        labels: Class of each image, integers [N].
        class_names: Name of each class; empty where there are none.

    Raises:
        ValueError: If the images are not uint8 [N, H, W, C], or there is not one label for each.
    """

    def __init__(self, images, labels, class_names=()):
        if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != images.shape[:1]:
            received = f"images={images.dtype}{list(images.shape)}, labels={list(labels.shape)}"
            raise ValueError(f"`images` must be uint8 [N, H, W, C] and `labels` [N]. Received: {received}")
        self.num_examples, self.image_shape = len(images), tuple(images.shape[1:])
        self.class_names = tuple(class_names)
        self.is_binary = all(_is_binary(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK))
        # On the CPU, where tf.data runs: a copy on an accelerator would travel back for every batch.
        with tf.device("CPU:0"):
            self.images, self.labels = tf.constant(images), tf.constant(labels, "int64")

    def fetch(self, indices):
        return {"x": tf.gather(self.images, indices), "label": tf.gather(self.labels, indices)}

    def digest(self):
        return sha256_of_arrays([self.images.numpy(), self.labels.numpy(), np.array(list(self.class_names))])


def _is_binary(images):
    return not np.any((images != 0) & (images != 255))
