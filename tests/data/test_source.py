"""An array as a source: out of the graph, with a digest of its content."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.source import ArraySource

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 4, 6), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_images_stay_out_of_the_graph():
    source = ArraySource(np.zeros((1000, 32, 32, 1), np.uint8), np.zeros(1000, int))
    dataset = tf.data.Dataset.range(1000).batch(10).map(source.fetch)
    assert next(iter(dataset))["x"].shape == (10, 32, 32, 1)
    # A megabyte of images, and a graph of a few nodes.
    assert dataset._functions()[0].function.graph.as_graph_def().ByteSize() < 10_000


@pytest.mark.parametrize(("pixel", "is_binary"), [(255, True), (254, False)])
def test_one_grey_pixel_makes_images_grey(pixel, is_binary):
    images = np.zeros((5000, 2, 2, 1), np.uint8)
    images[-1, 1, 1] = pixel
    assert ArraySource(images, np.zeros(5000, int)).is_binary is is_binary


def test_digest_changes_with_any_pixel_and_any_label():
    images, labels = GREY[..., None], np.arange(5)
    digests = {
        ArraySource(*arrays).digest() for arrays in ((images, labels), (images ^ 1, labels), (images, labels + 1))
    }
    assert len(digests) == 3 and ArraySource(images, labels).digest() in digests


@pytest.mark.parametrize("arrays", [(GREY, np.arange(5)), (COLOUR, np.arange(4)), (COLOUR / 255, np.arange(5))])
def test_array_source_refuses_other_arrays(arrays):
    with pytest.raises(ValueError, match="must be uint8"):
        ArraySource(*arrays)
