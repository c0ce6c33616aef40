"""tfvae as `tfvae train` runs it: its input pipeline with a fresh draw of every pixel, its loop, its Adam."""

import numpy as np
import tensorflow as tf

from benchmarks.performance.works import LEARNING_RATE, NUM_IMAGES
from tfvae.data.datasets import Splits, Subset
from tfvae.data.source import ArraySource
from tfvae.experiment import build_model, experiment_from
from tfvae.training.loop import Loop

CALL_STEPS = 100


def make(work, batch_size):
    """Trains by the loop of `tfvae train`."""
    loop = loop_of(work, batch_size)

    def advance(num_steps):
        for first in range(0, num_steps, CALL_STEPS):
            terms = loop._advance(loop.batches, tf.constant(min(CALL_STEPS, num_steps - first)))
        float(terms["loss"])

    return advance


def loop_of(work, batch_size):
    """A `Loop` that has begun to read its batches."""
    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, work.image_size, work.image_size, 1), np.uint8)
    source = Subset(ArraySource(images, np.zeros(NUM_IMAGES, "int64")), np.arange(NUM_IMAGES))
    experiment = experiment_from(tree(work, batch_size))
    loop = Loop(build_model(experiment, source), Splits(source, source, source), experiment, None, None)
    loop.batches = iter(loop._batches())
    return loop


def tree(work, batch_size):
    """The experiment of a work."""
    encoder = {"name": {"mlp": "MLP", "gated": "GatedMLP", "conv": "ConvEncoder"}[work.network]}
    decoder = {"name": {"mlp": "MLP", "gated": "GatedMLP", "conv": "ConvDecoder"}[work.network]}
    sizes = list(work.hidden_sizes)
    if work.network == "conv":
        encoder |= {"filters": sizes, "hidden_size": work.hidden_size}
        decoder |= {"filters": sizes[::-1], "hidden_size": work.hidden_size}
    else:
        encoder["hidden_sizes"], decoder["hidden_sizes"] = sizes, sizes[::-1]
    bound = {"name": "ELBO"}
    if work.num_samples > 1:
        bound = {"name": "ImportanceWeightedELBO", "num_samples": work.num_samples}
    return {
        "data": {"name": "images", "binarize": "dynamic", "batch_size": batch_size},
        "training": {"epochs": 1, "learning_rate": LEARNING_RATE},
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
