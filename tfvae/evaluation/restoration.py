"""Restoration: how near the model brings a damaged image to the clean one, over kinds and amounts of damage."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.image_quality import psnr_of, squared_error, ssim
from tfvae.evaluation.importance_sampling import no_progress

ROUNDS = 20  # of filling in; the reconstruction of most images has settled by then
NOISE, HOLES = 0, 1  # streams of damage that never meet
ALGORITHM = "philox"


class Restoration(NamedTuple):
    """What became of damaged images, at each of K levels of damage.

    Attributes:
        name: "denoising" or "imputation".
        levels: Standard deviation of the noise in grey values, or share of missing pixels, [K].
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

    def metrics(self):
        """PSNR and SSIM over the levels, each a list; PSNR is the mean over images."""
        found = {
            f"{self.name}_psnr": self._listed(psnr_of(self.squared_error), "dB"),
            f"{self.name}_ssim": self._listed(self.ssim, "similarity"),
            f"{self.name}_damaged_psnr": self._listed(psnr_of(self.damaged_error), "dB"),
        }
        if self.filtered_error is not None:
            found[f"{self.name}_filtered_psnr"] = self._listed(psnr_of(self.filtered_error), "dB")
        return found

    def _listed(self, values, unit):
        errors = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]) if values.shape[1] > 1 else np.zeros(len(values))
        levels = [float(level) for level in self.levels]
        return {
            "value": values.mean(axis=1).tolist(),
            "standard_error": errors.tolist(),
            "levels": levels,
            "unit": unit,
        }


def denoising(model, batches, levels=(0.1, 0.2, 0.3, 0.5), seed=0, progress=no_progress):
    """Reconstructs images under Gaussian noise, cut off at 0 and 1.

    Args:
        model: A `LatentVariableModel` of images.
        batches: Iterable of {"x": [B, H, W, C] in [0, 1], "index": [B], ...}, as often as there are levels.
        levels: Standard deviations of the noise, in grey values.
        seed: Integer; the noise of an image is keyed by it and the image's index, so that models see the same noise.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `Restoration`.

    Raises:
        ValueError: If the data is not images.
    """
    restore = tf.function(lambda batch, x: model.given(batch).reconstruct(x), reduce_retracing=True)
    rows = [
        _of_level(batches, lambda batch, level=level: noisy(_images(batch), batch["index"], level, seed), restore, bar)
        for level, bar in _bars(levels, progress)
    ]
    return Restoration("denoising", tuple(levels), *(np.stack(column) for column in zip(*rows, strict=True)))


def noisy(x, index, stddev, seed=0):
    """Images x [B, H, W, C] under Gaussian noise, cut off at 0 and 1; each has the noise of (seed, its index)."""
    return tf.clip_by_value(x + stddev * _draws(tf.random.stateless_normal, x, index, seed, NOISE), 0.0, 1.0)


def imputation(model, batches, levels=(0.25, 0.5, 0.75), seed=0, progress=no_progress):
    """Fills in pixels that are missing at random, all channels of a pixel together.

    Missing pixels start at the mean of the pixels that are seen, and become what the model reconstructs there, over and
    over: a chain whose draws are replaced by their means, so that it settles.

    Args:
        model: A `LatentVariableModel` of images.
        batches: Iterable of {"x": [B, H, W, C] in [0, 1], "index": [B], ...}, as often as there are levels.
        levels: Shares of missing pixels.
        seed: Integer; the holes of an image are keyed by it and the image's index.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `Restoration`, whose errors are those of missing pixels alone.

    Raises:
        ValueError: If the data is not images.

    Reference:
        Rezende et al., 2014. Stochastic Backpropagation and Approximate Inference in Deep Generative Models, appendix
        F. https://arxiv.org/abs/1401.4082
    """
    fill = tf.function(lambda batch, x, seen: _filled(model.given(batch), x, seen), reduce_retracing=True)
    rows = []
    for level, bar in _bars(levels, progress):
        parts = []
        for batch in batches:
            x = _images(batch)
            seen = tf.cast(
                _draws(tf.random.stateless_uniform, x[..., :1], batch["index"], seed, HOLES) >= level, x.dtype
            )
            start = x * seen + (1 - seen) * _mean_of_seen(x, seen)
            parts.append(_in_holes(x.numpy(), fill(batch, start, seen).numpy(), start.numpy(), seen.numpy()))
            bar.update(1)
        rows.append([np.concatenate(part) for part in zip(*parts, strict=True)])
    return Restoration("imputation", tuple(levels), *(np.stack(column) for column in zip(*rows, strict=True)), None)


def _of_level(batches, damage, restore, bar):
    """Errors and similarity of one level: of the restored image, of the damaged and of the filtered one."""
    from scipy.ndimage import median_filter

    parts = []
    for batch in batches:
        x, damaged = _images(batch), damage(batch)
        restored, clean = restore(batch, damaged).numpy(), x.numpy()
        filtered = median_filter(damaged.numpy(), size=(1, 3, 3, 1), mode="nearest")
        errors = [squared_error(clean, image) for image in (restored, damaged.numpy(), filtered)]
        parts.append([errors[0], ssim(clean, restored), *errors[1:]])
        bar.update(1)
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


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
    errors = [np.sum(((x - image) * (1 - seen)) ** 2, axis=(1, 2, 3)) / missing for image in (filled, start)]
    return [errors[0], ssim(x, filled), errors[1]]


def _mean_of_seen(x, seen):
    total = tf.reduce_sum(x * seen, axis=[1, 2], keepdims=True)
    return tf.math.divide_no_nan(total, tf.reduce_sum(seen, axis=[1, 2], keepdims=True))


def _draws(sample, x, index, seed, stream):
    """A draw for each element of x, keyed by seed, stream and the row's index: of the shape of x."""
    key = tf.constant([seed & 0x7FFFFFFF, stream], "int32")
    shape = x.shape[1:]

    def draw(number):
        return sample(shape, tf.random.fold_in(key, number), alg=ALGORITHM)

    return tf.map_fn(draw, tf.cast(index, "int32"), fn_output_signature=tf.TensorSpec(shape, "float32"))


def _images(batch):
    if batch["x"].shape.rank != 4:
        raise ValueError("Restoration is measured on images, and this data is none.")
    return batch["x"]


def _bars(levels, progress):
    for level in levels:
        with progress(None, "batch") as bar:
            yield level, bar
