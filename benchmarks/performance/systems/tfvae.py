"""tfvae as `tfvae train` runs it: its input pipeline with a fresh draw of every pixel, its loop, its Adam."""

import os

import numpy as np

from benchmarks.performance.works import LEARNING_RATE
from tfvae import devices
from tfvae.data.datasets import Splits, Subset
from tfvae.data.source import ArraySource
from tfvae.experiment import build_model, experiment_from
from tfvae.training.loop import Loop

CALL_STEPS = 100
THREADS = len(os.sched_getaffinity(0))


def make(work, batch_size, threads=THREADS):
    """Trains by the loop of `tfvae train`."""
    loop, feed = loop_of(work, batch_size, threads)

    def advance(num_steps):
        for first in range(0, num_steps, CALL_STEPS):
            terms = loop.advance(feed, min(CALL_STEPS, num_steps - first))
        float(terms["loss"])

    return advance


def loop_of(work, batch_size, threads=THREADS):
    """A `Loop`, and its batches."""
    experiment, number = prepared(work, batch_size, threads), work.num_images
    images = np.random.default_rng(0).integers(0, 256, (number, work.image_size, work.image_size, 1), np.uint8)
    source = Subset(ArraySource(images, np.zeros(number, "int64")), np.arange(number))
    loop = Loop(build_model(experiment, source), Splits(source, source, source), experiment, None, None)
    return loop, loop.feed()


def prepared(work, batch_size, threads):
    """The experiment of a work, and TensorFlow's threads as it wants them, before anything is calculated."""
    experiment = experiment_from(tree(work, batch_size, threads))
    devices.prepare(experiment.training)
    return experiment


def tree(work, batch_size, threads):
    """The experiment of a work as a nested dict."""
    encoder = {"name": {"mlp": "MLP", "gated": "GatedMLP", "conv": "ConvEncoder"}[work.network]}
    decoder = {"name": {"mlp": "MLP", "gated": "GatedMLP", "conv": "ConvDecoder"}[work.network]}
    sizes = list(work.hidden_sizes)
    if work.network == "conv":
        encoder |= {"filters": sizes, "hidden_size": work.hidden_size}
        decoder |= {"filters": sizes[:0:-1], "hidden_size": work.hidden_size, "half_size": True}
    else:
        encoder["hidden_sizes"], decoder["hidden_sizes"] = sizes, sizes[::-1]
    bound = {"name": "ELBO"}
    if work.num_samples > 1:
        bound = {"name": "ImportanceWeightedELBO", "num_samples": work.num_samples}
    return {
        "data": {"name": "images", "binarize": "dynamic", "batch_size": batch_size},
        "training": {"epochs": 1, "learning_rate": LEARNING_RATE, "threads": threads},
        "model": {
            "name": "VAE",
            "encoder": encoder,
            "posterior": {"name": "DiagonalNormal", "latent_size": work.latent_size},
            "prior": {"name": "StandardNormal"},
            "decoder": decoder,
            "likelihood": {"name": "Bernoulli"},
            "objective": bound,
        },
    }
