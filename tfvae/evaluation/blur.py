"""Blur: how much of the data's fine detail images have, by the energy of their gradient and by their spectrum."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.metrics import jackknife, metric

UNIT = "share of the data's"


class Spectrum(NamedTuple):
    """Power by spatial frequency, whatever its direction.

    Attributes:
        frequency: Middle of each ring of frequencies, in cycles per pixel, [K].
        power: Mean squared amplitude of the frequencies in a ring, in squared grey values, [N, K].
        num_frequencies: Number of frequencies in each ring, [K]: power times this, summed over the rings, is the
            mean square of the image.
    """

    frequency: np.ndarray
    power: np.ndarray
    num_frequencies: np.ndarray


def gradient_energy(images):
    """Mean square of the gradient, in squared grey values per pixel: [N, H, W, C] -> [N].

    The differences of neighbours, down and across, squared and averaged, and the two summed; averaged over channels.
    Blur lowers it, and noise raises it.
    """
    images = np.asarray(images, "float64")
    return sum(_mean_square(np.diff(images, axis=axis)) for axis in (1, 2))


def power_spectrum(images):
    """The radially averaged `Spectrum` of images [N, H, W, C], averaged over channels.

    The rings are as wide as the lowest frequency of the longer side, and the first holds the constant alone. Edges of
    an image that do not match, left and right, up and down, have a spectrum of their own: compare like with like.
    """
    height, width = np.shape(images)[1:3]
    amplitude = np.fft.fft2(np.asarray(images, "float64"), axes=(1, 2), norm="forward")
    power = np.mean(np.abs(amplitude) ** 2, axis=3).reshape(len(images), -1)
    radius = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.fftfreq(width)).ravel()
    # The rounding of a radius that lies between two rings must not differ between directions.
    ring = np.floor(radius * max(height, width) + 0.5 + 1e-9).astype(int)
    sizes = np.bincount(ring)
    rings = np.flatnonzero(sizes)  # a thin image leaves some empty
    total = np.stack([np.sum(power[:, ring == number], axis=1) for number in rings], axis=1)
    return Spectrum(rings / max(height, width), total / sizes[rings], sizes[rings])


def ratio_of_sets(values, reference):
    """mean(values [M]) / mean(reference [N]) of independent sets, and its standard error by the delta method.

    None where the reference is 0, as the gradient of images of one grey value is.
    """
    if not np.mean(reference) > 0:
        return None
    ratio, errors = np.mean(values) / np.mean(reference), (_relative_error(values), _relative_error(reference))
    return float(ratio), float(ratio * math.hypot(*errors))


class ReconstructionBlur(NamedTuple):
    """The blur of reconstructions.

    Attributes:
        of_reconstructions: Gradient energy of each reconstruction, in squared grey values per pixel, [N].
        of_data: That of each example, [N].
    """

    of_reconstructions: np.ndarray
    of_data: np.ndarray

    def metrics(self):
        """The ratio of the means; nothing for data without any gradient."""
        if not np.mean(self.of_data) > 0:
            return {}
        # Not that of two independent sets: what is hard to draw is so in both.
        ratio, error = jackknife(lambda a, b: np.mean(a) / np.mean(b), *self)
        error = None if np.isnan(error) else error
        return {"reconstruction_gradient_energy_ratio": metric(ratio, UNIT, error, num_examples=len(self.of_data))}


def reconstruction_blur(model, batches):
    """The `ReconstructionBlur` of a model of images on batches of {"x": [B, H, W, C], ...}, out of core."""
    reconstruct = tf.function(lambda batch: model.given(batch).reconstruct(batch["x"]), reduce_retracing=True)
    pairs = [(gradient_energy(reconstruct(batch)), gradient_energy(batch["x"])) for batch in batches]
    return ReconstructionBlur(*map(np.concatenate, zip(*pairs, strict=True)))


def _mean_square(differences):
    """Over all but the first axis; 0 where there is no difference, in images of one row or column."""
    return np.sum(differences**2, axis=(1, 2, 3)) / max(1, np.prod(differences.shape[1:]))


def _relative_error(values):
    mean = np.mean(values)
    return np.std(values, ddof=1) / (math.sqrt(len(values)) * mean) if len(values) > 1 and mean > 0 else 0.0
