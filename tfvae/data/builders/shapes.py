"""The drawn shapes as a source that draws while it is read, and as a TFDS dataset for those who want files."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae.data.builders import drawing
from tfvae.errors import DataError
from tfvae.storage import sha256_of_arrays

BATCH = 1024  # images drawn at a time

DESCRIPTION = """
White shapes on black, 64 x 64 pixels, one image for every combination of five factors: shape (square, ellipse, heart),
6 scales, 40 orientations, 32 positions in x and 32 in y; 737,280 images in C order of the factors, the last fastest.
The grid is that of dSprites; the images are drawn by tfvae, whose `tfvae.data.builders.drawing` states the geometry.
"""
CITATION = """
@misc{dsprites17,
  author = {Loic Matthey and Irina Higgins and Demis Hassabis and Alexander Lerchner},
  title  = {dSprites: Disentanglement testing Sprites dataset},
  url    = {https://github.com/google-deepmind/dsprites-dataset/},
  year   = {2017},
}
"""


class ShapesSource:
    """Drawn shapes in a seeded order; `indices` tells where each stands in the grid of 737,280.

    Args:
        factors: Factor classes to keep, a dict of lists such as {"shape": [0, 1], "scale": [5]}; None keeps all.
        num_examples: Number of images to keep of those; None keeps all.
        seed: Integer that keys the order, and so the draw.

    Raises:
        DataError: If a factor is unknown, a class is out of its range, or there are fewer than `num_examples` images.
    """

    image_shape = drawing.IMAGE_SHAPE
    class_names = drawing.SHAPES
    factor_names = drawing.FACTORS
    is_binary = True

    def __init__(self, factors=None, num_examples=None, seed=0):
        grid = _grid(_kept_classes(factors or {}))
        if num_examples is not None and not 1 <= num_examples <= len(grid):
            raise DataError(f"`num_examples` must be from 1 to {len(grid)}. Received: num_examples={num_examples!r}")
        # RandomState and not default_rng: its streams are frozen for ever.
        order = np.random.RandomState(seed).permutation(grid)[:num_examples]
        self.num_examples = len(order)
        with tf.device("CPU:0"):  # where tf.data runs
            self.indices = tf.constant(order, "int64")

    def fetch(self, indices):
        """Draws the examples at the given places in the order, int64 [B].

        Returns:
            {"x": uint8 [B, 64, 64, 1], "label": the shape, int64 [B], "factors": classes, int64 [B, 5],
            "factor_values": float32 [B, 5]}.
        """
        classes = drawing.classes_of(tf.gather(self.indices, indices))
        values = drawing.factor_values(classes)
        return {"x": drawing.render(classes), "label": classes[:, 0], "factors": classes, "factor_values": values}

    def digest(self):
        return sha256_of_arrays([self.indices.numpy(), drawing.stamps().numpy()])


class Shapes(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of `shapes`: one split "train" of all images in the order of the grid, features as in `dsprites`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The full grid, 737,280 images."}  # noqa: RUF012

    def _info(self):
        sizes = dict(zip(drawing.FACTORS, drawing.SIZES, strict=True))
        features = {"image": tfds.features.Image(shape=drawing.IMAGE_SHAPE, encoding_format="png")}
        features |= {f"label_{name}": tfds.features.ClassLabel(num_classes=size) for name, size in sizes.items()}
        features |= {f"value_{name}": tfds.features.Scalar(np.float32) for name in sizes}
        features["label_shape"] = tfds.features.ClassLabel(names=drawing.SHAPES)
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label_shape"),
            disable_shuffling=True,  # written, and so read, in the order of the grid
            homepage="https://github.com/google-deepmind/dsprites-dataset",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for first in range(0, drawing.NUM_IMAGES, BATCH):
            indices = tf.range(first, first + BATCH, dtype="int64")  # BATCH divides the number of images
            classes = drawing.classes_of(indices)
            values = drawing.factor_values(classes).numpy()
            yield from map(_example, indices.numpy(), drawing.render(classes).numpy(), classes.numpy(), values)


def _example(index, image, classes, values):
    labels = {f"label_{name}": int(c) for name, c in zip(drawing.FACTORS, classes, strict=True)}
    values = {f"value_{name}": v for name, v in zip(drawing.FACTORS, values, strict=True)}
    return int(index), {"image": image, **labels, **values}


def _kept_classes(factors):
    if unknown := sorted(set(factors) - set(drawing.FACTORS)):
        raise DataError(f"`factors` has no `{unknown[0]}`. Its factors: {', '.join(drawing.FACTORS)}.")
    pairs = zip(drawing.FACTORS, drawing.SIZES, strict=True)
    return [_classes_in_range(name, factors.get(name, range(size)), size) for name, size in pairs]


def _classes_in_range(name, classes, size):
    is_list = isinstance(classes, (list, tuple, range))
    if not is_list or not classes or not all(type(c) is int and 0 <= c < size for c in classes):
        raise DataError(f"`factors.{name}` must list classes from 0 to {size - 1}. Received: {name}={classes!r}")
    return sorted(set(classes))


def _grid(kept_classes):
    """Indices of all combinations of the kept classes, ascending, int64 [N]."""
    pairs = zip(kept_classes, drawing.STRIDES, strict=True)
    steps = [np.array(classes) * stride for classes, stride in pairs]
    return functools.reduce(np.add.outer, steps).ravel()
