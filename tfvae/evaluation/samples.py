"""The quality of samples: all figures that compare them with data, in the features of one extractor."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.blur import UNIT, gradient_energy, ratio_of_sets
from tfvae.evaluation.features import features_of_batch
from tfvae.evaluation.frechet import FrechetComparison, frechet_comparison
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.kernel_distance import KernelDistance, kernel_distance
from tfvae.evaluation.manifolds import PrecisionRecall, precision_recall
from tfvae.evaluation.metrics import metric

NUM_SAMPLES = 10_000


class SampleQuality(NamedTuple):
    """What is found out about samples.

    Attributes:
        extractor: {"extractor": its name, "sha256": of its weights}: what figures must share to be compared.
        frechet: A `FrechetComparison`; None where a set has no more examples than there are features.
        kernel: A `KernelDistance`.
        manifolds: A `PrecisionRecall`, which says for each sample whether it is near data, [M], and the reverse, [N].
        energy: Gradient energy of each sample, [M]; None for what is no image.
        energy_of_data: That of each example of the data, [N], or None.
    """

    extractor: dict
    frechet: FrechetComparison | None
    kernel: KernelDistance
    manifolds: PrecisionRecall
    energy: np.ndarray | None
    energy_of_data: np.ndarray | None

    def metrics(self):
        """The figures that are defined, each with the extractor and the numbers of samples and examples."""
        manifolds = self.manifolds
        counts = {"num_samples": len(manifolds.sample_on_data), "num_examples": len(manifolds.data_on_samples)}
        ratio = None if self.energy is None else ratio_of_sets(self.energy, self.energy_of_data)
        found = {} if ratio is None else {"gradient_energy_ratio": metric(ratio[0], UNIT, ratio[1], **counts)}
        more = self.extractor | counts
        return {name: metric(value, unit, error, **more) for name, value, unit, error in self._of_features()} | found

    def _of_features(self):
        frechet = self.frechet
        if frechet is not None:
            yield "frechet_distance", frechet.distance, "squared features", frechet.distance_error
        if frechet is not None and frechet.of_data is not None:
            yield "frechet_distance_of_data", frechet.of_data, "squared features", frechet.of_data_error
        yield "kernel_distance", self.kernel.value, "polynomial kernel", self.kernel.standard_error
        yield "precision", np.mean(self.manifolds.sample_on_data), "share", self.manifolds.precision_error
        yield "recall", np.mean(self.manifolds.data_on_samples), "share", self.manifolds.recall_error


def sample_quality(model, batches, extractor, num_samples=NUM_SAMPLES, seed=0, progress=no_progress):
    """Draws samples from a model and compares them with data, out of core: features alone are kept.

    Args:
        model: A `LatentVariableModel` with a prior.
        batches: Iterable of {"x": [B, *event], ...}, read several times where it has fewer examples than samples.
        extractor: An `Extractor`, or any function x [B, *event] -> features [B, F].
        num_samples: Number M of samples.
        seed: Integer that keys all draws.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `SampleQuality`.

    Raises:
        ValueError: If the model cannot sample, or there are fewer than 4 samples or examples.
    """
    with progress(num_samples, "sample") as bar:
        return quality_of(_counted(draw_samples(model, batches, num_samples, seed), bar), batches, extractor, seed)


def quality_of(samples, batches, extractor, seed=0):
    """Compares samples from anywhere, an iterable of arrays [B, *event], with data; see `sample_quality`."""
    data, energy_of_data = _described(extractor, (batch["x"] for batch in batches))
    samples, energy = _described(extractor, samples)
    fits = min(len(data), len(samples)) > max(2, data.shape[1])
    return SampleQuality(
        _identity(extractor),
        frechet_comparison(data, samples, seed) if fits else None,
        kernel_distance(data, samples, seed),
        precision_recall(data, samples, seed=seed),
        energy,
        energy_of_data,
    )


def draw_samples(model, batches, num_samples, seed=0):
    """Yields means of p(x|z) for z ~ p(z), each an array [B, *event], of which none depends on how batches are cut.

    Images are cut to [0, 1], as they are when they are shown. A conditional model is given the conditions of the
    batches in turn, from the first again where they are fewer than samples.

    Raises:
        ValueError: If the model cannot sample.
    """
    if not model.can_sample:
        raise ValueError("`model` must have a prior that samples can be drawn from, and this one has none, or not yet.")
    draw = tf.function(lambda seeds, batch: _draw(model.given(batch), seeds), reduce_retracing=True)
    for first, batch in _in_turn(batches, num_samples):
        number = min(len(batch["x"]), num_samples - first)
        conditions = {name: batch[name][:number] for name in ("condition",) if name in batch}
        seeds = np.stack([np.full(number, seed), np.arange(first, first + number)], axis=1)
        yield draw(tf.constant(seeds, "int32"), conditions).numpy()


def _in_turn(batches, number):
    """Batches, from the first again until there are `number` examples, each with how many were before it."""
    seen = 0
    while seen < number:
        before = seen
        for batch in batches:
            yield seen, batch
            seen += len(batch["x"])
            if seen >= number:
                return
        if seen == before:
            raise ValueError("`batches` must hold examples each time that they are read. Received none.")


def _draw(model, seeds):
    x = model.decode(model.prior_sample(seeds)).mean()
    return tf.clip_by_value(x, 0.0, 1.0) if _is_image(x) else x


def _described(extractor, arrays):
    """Features [N, F] of arrays [B, *event], and the gradient energy [N] of images, None of anything else."""
    features, energies = [], []
    for x in arrays:
        features.append(features_of_batch(extractor, x))
        if _is_image(x):
            energies.append(gradient_energy(x))
    if not features:
        raise ValueError("There must be samples, and data to compare them with. Received none.")
    return np.concatenate(features), np.concatenate(energies) if energies else None


def _is_image(x):
    return len(x.shape) == 4


def _identity(extractor):
    name = getattr(extractor, "name", None) or getattr(extractor, "__name__", type(extractor).__name__)
    return {"extractor": name, "sha256": getattr(extractor, "sha256", None)}


def _counted(arrays, bar):
    for x in arrays:
        yield x
        bar.update(len(x))
