"""tfvae's importance-weighted bound, S = 5000, as `tfvae evaluate` asks for it; a step is an image."""

import numpy as np

from benchmarks.performance.systems.tfvae import THREADS, prepared
from tfvae.data.datasets import Subset
from tfvae.data.source import ArraySource
from tfvae.evaluation import importance_weighted_bound
from tfvae.experiment import build_model


def make(work, batch_size, threads=THREADS):
    """Evaluates images that no one has seen."""
    model, images = untrained(work.training, batch_size, threads)

    def advance(num_steps):
        x = images[np.arange(num_steps) % len(images)]
        importance_weighted_bound(model, x, work.num_samples)

    return advance


def untrained(work, batch_size, threads):
    """A model of the work, and binary images, float32 [N, H, W, 1]."""
    experiment = prepared(work, batch_size, threads)
    grey = np.random.default_rng(0).integers(0, 2, (1000, work.image_size, work.image_size, 1), np.uint8)
    source = Subset(ArraySource(grey * 255, np.zeros(len(grey), "int64")), np.arange(len(grey)))
    return build_model(experiment, source), grey.astype("float32")
