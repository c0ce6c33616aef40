"""What the tests of likelihoods share: building one, and features to feed it."""

import pytest
import tensorflow as tf


@pytest.fixture
def built():
    """Builds a likelihood for features [B, 5] and examples [B, 6], or as told."""

    def build(likelihood, features_shape=(5,), event_shape=(6,)):
        likelihood.build((None, *features_shape), event_shape)
        return likelihood

    return build


@pytest.fixture
def normals():
    """Standard normal features, float32 of a shape, the same every time."""
    return lambda *shape: tf.random.stateless_normal(shape, (0, 1))
