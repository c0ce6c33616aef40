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


FACTORS = np.arange(10).reshape(5, 2)


def test_factors_are_fetched_with_the_images():
    source = ArraySource(COLOUR, np.arange(5), (), FACTORS, ("shape", "scale"))
    np.testing.assert_array_equal(source.fetch(tf.constant([3, 0], "int64"))["factors"], FACTORS[[3, 0]])
    assert source.factor_names == ("shape", "scale")


def test_source_without_factors_has_no_names_and_the_digest_that_it_always_had():
    source = ArraySource(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(2, int), ("a",))
    assert source.factor_names == () and set(source.fetch(tf.constant([0], "int64"))) == {"x", "label"}
    assert source.digest() == "a02932cc50d57c62f07b0b81ba4fb791a82dc6f8479e4dea75889593772ba127"


def test_digest_changes_with_any_factor_and_any_name():
    choices = [(), (FACTORS, ("a", "b")), (FACTORS + 1, ("a", "b")), (FACTORS, ("a", "c"))]
    assert len({ArraySource(COLOUR, np.arange(5), (), *choice).digest() for choice in choices}) == len(choices)


@pytest.mark.parametrize(("factors", "names"), [(FACTORS[:4], ("a", "b")), (FACTORS, ("a",)), (FACTORS[:, 0], ("a",))])
def test_array_source_refuses_other_factors(factors, names):
    with pytest.raises(ValueError, match=r"`factors` must be \[N, F\], with F names"):
        ArraySource(COLOUR, np.arange(5), (), factors, names)
