"""The 1,797 handwritten digits that scikit-learn ships, as a TFDS dataset: real data without a download."""

import numpy as np
import tensorflow_datasets as tfds

NUM_TEST = 360  # examples, a fifth
SPLIT_SEED = 0

DESCRIPTION = """
Handwritten digits of 13 writers, 8 x 8 pixels: the test set of the UCI data that scikit-learn ships. The original grey
levels 0 to 16 are scaled to 0 to 255 and rounded. The data has no split of its own. Here `test` is the 360 examples
that come first in the permutation of NumPy's `RandomState(0)`, `train` the other 1,437, both in scikit-learn's order;
so the two share their writers.
"""
CITATION = """
@misc{alpaydin1998digits,
  author = {Alpaydin, E. and Kaynak, C.},
  title  = {Optical Recognition of Handwritten Digits},
  year   = {1998},
  note   = {UCI Machine Learning Repository},
  doi    = {10.24432/C50P49},
}
"""


class Digits(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of `digits`: "image" uint8 [8, 8, 1] and "label", 0 to 9; splits "train" and "test"."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The digits of scikit-learn, 1,437 to train on and 360 to test on."}  # noqa: RUF012

    def _info(self):
        features = {"image": tfds.features.Image(shape=(8, 8, 1)), "label": tfds.features.ClassLabel(num_classes=10)}
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            disable_shuffling=True,  # written, and so read, in scikit-learn's order
            homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager):
        from sklearn.datasets import load_digits  # only to prepare: scikit-learn takes a second to import

        digits = load_digits()
        images = np.rint(digits.images[..., None] * 255 / 16).astype(np.uint8)
        # RandomState and not default_rng: its streams are frozen for ever.
        order = np.random.RandomState(SPLIT_SEED).permutation(len(images))
        return {
            "train": self._generate_examples(images, digits.target, np.sort(order[NUM_TEST:])),
            "test": self._generate_examples(images, digits.target, np.sort(order[:NUM_TEST])),
        }

    def _generate_examples(self, images, labels, rows):
        for row in rows:
            yield int(row), {"image": images[row], "label": int(labels[row])}
