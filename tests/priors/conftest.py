"""What the tests of the priors share."""

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def build():
    """Builds a prior for a latent shape and moves its trainable weights to random places."""

    def make(prior, *shapes, noise=0.3):
        prior.build(*shapes)
        return shake(prior, noise)

    return make


@pytest.fixture
def build_in_vae(make_vae, binary):
    """Makes a VAE of 2 latents around a prior, started from examples, its weights moved to random places."""

    def make(prior, **parts):
        model = make_vae(prior=prior, **parts)
        model.start(binary(model.num_examples), tf.range(model.num_examples, dtype="int64"))
        shake(prior, 0.15)
        return model

    return make


def shake(prior, noise):
    rng = np.random.default_rng(0)
    for weight in prior.trainable_weights:
        weight.assign_add(noise * rng.normal(size=weight.shape).astype("float32"))
    return prior
