"""What the tests of the posteriors share."""

import numpy as np
import pytest
import tensorflow as tf

FEATURES = 5


@pytest.fixture
def build():
    """Builds a posterior for FEATURES features and moves its weights to random places."""

    def make(posterior, noise=0.3):
        posterior.build((None, FEATURES))
        rng = np.random.default_rng(0)
        for weight in posterior.trainable_weights:
            weight.assign_add(noise * rng.normal(size=weight.shape).astype("float32"))
        return posterior

    return make


@pytest.fixture
def features():
    """Draws features [n, FEATURES]."""

    def draw(n, scale=1.0):
        return scale * tf.random.stateless_normal([n, FEATURES], (0, 1))

    return draw


@pytest.fixture
def softplus_inverse():
    """What softplus makes a stddev of, as the normal posteriors do."""

    def invert(stddev):
        return np.log(np.expm1(np.array(stddev) - 1e-6))

    return invert
