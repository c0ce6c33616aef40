"""Restoration: how near the model brings a damaged image to the clean one, over kinds and amounts of damage."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.damage import GAUSSIAN, RANDOM_HOLES, noisy
from tfvae.evaluation.image_quality import psnr_of, squared_error, ssim
from tfvae.evaluation.importance_sampling import no_progress

__all__ = ["Restoration", "denoising", "imputation", "noisy"]

ROUNDS = 20  # of filling in; the reconstruction of most images has settled by then
DECIBELS = 10 / math.log(10)  # for a relative error of 1


class Restoration(NamedTuple):
    """What became of damaged images, at each of K levels of damage.

    Attributes:
        name: Of the damage: "denoising", "salt_and_pepper", "imputation" or "block_imputation".
        levels: Standard deviation of the noise in grey values, or share of changed or missing pixels, [K].
        squared_error: Of the restored image, per pixel (imputation: per missing pixel), [K, N].
        ssim: Of the restored image, [K, N].
        damaged_error: Squared error of what stands there without a model: the noisy image; holes of mean grey, [K, N].
        filtered_error: Squared error after a median filter of 3x3 pixels, [K, N]; None for imputation.
    """

    name: str
    levels: tuple
    squared_error: np.ndarray
    ssim: np.ndarray
    damaged_error: np.ndarray
    filtered_error: np.ndarray | None

    @property
    def psnr(self):
        """PSNR of each restored image, in dB, [K, N]."""
        return psnr_of(self.squared_error)

    def metrics(self):
        """PSNR, SSIM and squared error over the levels, each a list.

        PSNR is that of the mean squared error. A mean of PSNRs would depend most on images that light noise leaves as
        they are, whose own PSNR is infinite.
        """
        errors = {"": self.squared_error, "_damaged": self.damaged_error, "_filtered": self.filtered_error}
        found = {f"{self.name}{of}_psnr": self._psnr(error) for of, error in errors.items() if error is not None}
        of_images = {"ssim": (self.ssim, "similarity"), "mse": (self.squared_error, "squared grey value/pixel")}
        means = {f"{self.name}_{what}": self._listed(*_mean(v), unit) for what, (v, unit) in of_images.items()}
        return found | means

    def _psnr(self, squared_error):
        mean, error = _mean(squared_error)
        relative = np.divide(error, mean, out=np.zeros_like(mean), where=mean > 0)
        return self._listed(psnr_of(mean), DECIBELS * relative, "dB")

    def _listed(self, values, errors, unit):
        levels = [float(level) for level in self.levels]
        return {"value": values.tolist(), "standard_error": errors.tolist(), "levels": levels, "unit": unit}


def denoising(model, batches, levels=(0.1, 0.2, 0.3, 0.5), seed=0, progress=no_progress, damage=GAUSSIAN):
    """Reconstructs images under noise, which stays in [0, 1]: so models of binary images can be asked as well.

    Args:
        model: A `LatentVariableModel` of images.
        batches: Iterable of {"x": [B, H, W, C] in [0, 1], "index": [B], ...}, read as often as there are levels.
        levels: Amounts of noise: its standard deviations in grey values, or the shares of changed pixels.
        seed: Integer; the noise of an image is keyed by it and the image's index, so that models see the same noise.
        progress: Makes a progress bar from a total and a unit.
        damage: The noise: `GAUSSIAN` or `SALT_AND_PEPPER` of `damage`.

    Returns:
        A `Restoration`.

    Raises:
        ValueError: If the data is not images, or a level is negative.
    """
    reconstruct = tf.function(lambda batch, x: model.given(batch).reconstruct(x), reduce_retracing=True)

    def compare(batch, level):
        damaged = damage.function(batch["x"], batch["index"], level, seed)
        return _compared(batch["x"].numpy(), reconstruct(batch, damaged).numpy(), damaged.numpy())

    return Restoration(damage.name, tuple(levels), *_over_levels(batches, levels, compare, progress))


def imputation(model, batches, levels=(0.25, 0.5, 0.75), seed=0, progress=no_progress, damage=RANDOM_HOLES):
    """Fills in missing pixels, all channels of a pixel together.

    Missing pixels start at the mean of the pixels that are seen, and become what the model reconstructs there, over and
    over: a chain whose draws are replaced by their means, so that it settles.

    Args:
        model: A `LatentVariableModel` of images.
        batches: Iterable of {"x": [B, H, W, C] in [0, 1], "index": [B], ...}, read as often as there are levels.
        levels: Shares of missing pixels.
        seed: Integer; the holes of an image are keyed by it and the image's index.
        progress: Makes a progress bar from a total and a unit.
        damage: The holes: `RANDOM_HOLES` or `CENTRAL_HOLE` of `damage`.

    Returns:
        A `Restoration`, whose squared errors are those of missing pixels alone; its SSIM is that of the whole image.

    Raises:
        ValueError: If the data is not images, or a level is negative.

    Reference:
        Rezende et al., 2014. Stochastic Backpropagation and Approximate Inference in Deep Generative Models, appendix
        F. https://arxiv.org/abs/1401.4082
    """
    fill = tf.function(lambda batch, x, seen: _filled(model.given(batch), x, seen), reduce_retracing=True)

    def compare(batch, level):
        x, seen = batch["x"], damage.function(batch["x"], batch["index"], level, seed)
        start = x * seen + (1 - seen) * _mean_of_seen(x, seen)
        return _in_holes(x.numpy(), fill(batch, start, seen).numpy(), start.numpy(), seen.numpy())

    return Restoration(damage.name, tuple(levels), *_over_levels(batches, levels, compare, progress), None)


def _over_levels(batches, levels, compare, progress):
    """What `compare` says of each batch, a tuple of arrays [B], at each level: arrays [K, N]."""
    if not len(levels) or min(levels) < 0:
        raise ValueError(f"`levels` must hold numbers from 0 up, at least one. Received: levels={levels}")
    rows = []
    with progress(None, "batch") as bar:
        for level in levels:
            parts = []
            for batch in batches:
                _check_images(batch["x"])
                parts.append(compare(batch, level))
                bar.update(1)
            rows.append([np.concatenate(part) for part in zip(*parts, strict=True)])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _compared(x, restored, damaged):
    """Squared error and similarity of the restored image; squared errors of the damaged and of the filtered one."""
    from scipy.ndimage import median_filter

    filtered = median_filter(damaged, size=(1, 3, 3, 1), mode="nearest")
    return squared_error(x, restored), ssim(x, restored), squared_error(x, damaged), squared_error(x, filtered)


def _filled(model, x, seen):
    """x with its holes filled by `ROUNDS` reconstructions."""
    return tf.while_loop(
        lambda number, _: number < ROUNDS,
        lambda number, image: (number + 1, x * seen + (1 - seen) * model.reconstruct(image)),
        (0, x),
    )[1]


def _in_holes(x, filled, start, seen):
    """Squared error in the holes after and before, and the similarity of the whole: each [B]."""
    missing = np.maximum(np.sum(1 - seen, axis=(1, 2, 3)) * x.shape[-1], 1)
    after, before = (np.sum(((x - image) * (1 - seen)) ** 2, axis=(1, 2, 3)) / missing for image in (filled, start))
    return after, ssim(x, filled), before


def _mean_of_seen(x, seen):
    total = tf.reduce_sum(x * seen, axis=[1, 2], keepdims=True)
    return tf.math.divide_no_nan(total, tf.reduce_sum(seen, axis=[1, 2], keepdims=True))


def _mean(values):
    """Mean over images and its standard error, of values [K, N]: each [K]."""
    number = values.shape[1]
    spread = values.std(axis=1, ddof=1) if number > 1 else np.zeros(len(values))
    return values.mean(axis=1), spread / math.sqrt(number)


def _check_images(x):
    if x.shape.rank != 4:
        raise ValueError("Restoration is measured on images, and this data is none.")
