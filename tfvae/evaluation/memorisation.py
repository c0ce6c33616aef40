"""Memorisation: whether samples lie closer to training images than images that were held out do."""

import math
from typing import NamedTuple

import numpy as np

from tfvae.evaluation.distances import squared_distances
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.metrics import mean_of, metric

LEVEL = 0.05  # share of held-out images that count as close to a training image
UNIT = "root mean squared difference"


class Nearest(NamedTuple):
    """The nearest training example of each query.

    Attributes:
        distance: Root mean squared difference of the two, over pixels or features, [Q].
        index: Place of the nearest example in its source, the first one of several, int64 [Q].
    """

    distance: np.ndarray
    index: np.ndarray


class Memorisation(NamedTuple):
    """How close samples are to training examples, beside how close held-out ones are.

    Attributes:
        samples: The `Nearest` of the samples, [M].
        held_out: The `Nearest` of the held-out examples, [N].
        threshold: The distance below which 5 % of the held-out examples lie.
        is_close: 1 for samples below the threshold and 0 above, [M]. At the threshold, where many lie if distances
            have few values, as between binary images, the fraction that makes it 5 % of the held-out examples.
    """

    samples: Nearest
    held_out: Nearest
    threshold: float
    is_close: np.ndarray

    def metrics(self):
        """The share of close samples, which is 0.05 for a perfect model and more for one that copies."""
        num_samples, num_held_out = len(self.is_close), len(self.held_out.distance)
        share = float(np.mean(self.is_close))
        # Of the samples' draw; and of the threshold's, as large as where samples and held-out examples are alike.
        variance = share * (1 - share) / num_samples + LEVEL * (1 - LEVEL) / num_held_out
        counts = {"num_samples": num_samples, "num_held_out": num_held_out}
        return {
            "close_to_training_share": metric(share, "share", math.sqrt(variance), of_held_out=LEVEL, **counts),
            "distance_to_training": mean_of(self.samples.distance, UNIT) | {"num_samples": num_samples},
            "distance_to_training_of_held_out": mean_of(self.held_out.distance, UNIT) | {"num_examples": num_held_out},
        }


def memorisation(samples, held_out, training, extractor=None, progress=no_progress):
    """Compares samples and held-out examples by their distances to the nearest training example.

    A model that learned the distribution has samples as far from the training examples as held-out ones are, and one
    that copies has them closer. Means of p(x|z) lack the noise of images, and so are closer to everything: give
    reconstructions of held-out examples as `held_out` to compare like with like.

    Args:
        samples: Iterable of arrays, each [B, *event]; what they are compared by is held in memory.
        held_out: The same, of examples that the model was not trained on, or of their reconstructions.
        training: Iterable of {"x": [B, *event], "index": int64 [B]}, read once, of any size.
        extractor: Function [B, *event] -> [B, F] whose features are compared; None compares pixels.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `Memorisation`.

    Raises:
        ValueError: If there are no samples, or no held-out examples.

    Reference:
        Meehan et al., 2020. A Non-Parametric Test to Detect Data-Copying in Generative Models, whose idea of a
        reference this is; their statistic compares all distances, and here the shortest count, so that few copies
        among many samples are seen. https://arxiv.org/abs/2004.05675
    """
    samples, held_out = (_rows(arrays, extractor) for arrays in (samples, held_out))
    if not len(samples) or not len(held_out):
        raise ValueError(f"There must be samples and held-out examples. Received: {len(samples)} and {len(held_out)}")
    found = nearest_training_examples(np.concatenate([samples, held_out]), training, extractor, progress)
    of_samples, of_held_out = (Nearest(*(part[rows] for part in found)) for rows in _split(len(samples)))
    threshold, is_close = _close(of_samples.distance, of_held_out.distance)
    return Memorisation(of_samples, of_held_out, threshold, is_close)


def nearest_training_examples(queries, training, extractor=None, progress=no_progress):
    """The `Nearest` training example of each query [Q, D], D pixels or features; see `memorisation`."""
    queries = np.asarray(queries, "float64")
    best, index = np.full(len(queries), np.inf), np.full(len(queries), -1, "int64")
    with progress(None, "example") as bar:
        for batch in training:
            squares = squared_distances(queries, _pixels_or_features(batch["x"], extractor))
            place = np.argmin(squares, axis=1)
            squares = squares[np.arange(len(queries)), place]
            index = np.where(squares < best, np.asarray(batch["index"])[place], index)
            best = np.minimum(best, squares)
            bar.update(len(batch["x"]))
    return Nearest(np.sqrt(best / queries.shape[1]), index)


def _close(distance, of_held_out):
    """The threshold, and for each sample whether it lies below it, with ties at the threshold shared out."""
    number = len(of_held_out)
    threshold = np.sort(of_held_out)[math.ceil(LEVEL * number) - 1]
    below, at = np.mean(of_held_out < threshold), np.mean(of_held_out == threshold)
    fraction = (LEVEL - below) / at
    return float(threshold), np.where(distance < threshold, 1.0, np.where(distance == threshold, fraction, 0.0))


def _rows(arrays, extractor):
    """Rows to compare, in memory: [N, D]."""
    parts = [_pixels_or_features(x, extractor) for x in arrays]
    return np.concatenate(parts) if parts else np.zeros([0, 1], "float32")


def _pixels_or_features(x, extractor):
    x = np.asarray(x if extractor is None else extractor(x), "float32")
    return x.reshape(len(x), -1)


def _split(number):
    return slice(None, number), slice(number, None)
