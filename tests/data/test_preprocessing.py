"""What happens to pixels, and that every draw is keyed by its seed alone."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import preprocessing

LEVEL = tf.constant(64, "uint8")
INT64 = np.iinfo(np.int64)
SEEDS = [0, 1, -1, 2, 2**24, 2**31 - 1, 2**31, 2**32, 2**32 + 1, -(2**31), INT64.max, INT64.min]


def grey(n, size=5000):
    return tf.constant(np.random.default_rng(0).random((n, size)), "float32")


def test_scale_takes_grey_levels_to_the_unit_interval():
    x = preprocessing.scale(tf.range(256))
    assert (x.dtype, float(x[0]), float(x[255])) == (tf.float32, 0.0, 1.0)
    np.testing.assert_array_equal(np.rint(x * 255), np.arange(256))


def test_binarized_pixels_are_0_or_1():
    assert set(np.unique(preprocessing.binarize(grey(2), [0, 1]))) == {0.0, 1.0}


def test_black_and_white_stay_what_they_are():
    x = tf.repeat(tf.constant([[0.0], [1.0]]), 100_000, axis=1)
    np.testing.assert_array_equal(preprocessing.binarize(x, [0, 1]), x)


def test_probability_of_white_is_the_grey_value():
    levels = np.arange(0, 1.05, 0.1, dtype="float32")
    mean = preprocessing.binarize(tf.repeat(levels[:, None], 10_000, axis=1), [0, 1]).numpy().mean(axis=1)
    assert np.all(np.abs(mean - levels) <= 4 * np.sqrt(levels * (1 - levels) / 10_000))  # four standard errors


def test_draw_is_that_of_its_seed():
    x = grey(1)
    first, again, other = (preprocessing.binarize(x, seed).numpy() for seed in ([3, 1], [3, 1], [3, 2]))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_every_grey_level_has_exactly_its_probability():
    number, of_batch, level = np.ix_(range(256), range(1, 256), range(256))
    ones = preprocessing.is_one(number, level, of_batch).sum(axis=(0, 1))
    np.testing.assert_array_equal(ones * 255, np.arange(256) * 256 * 255)


@pytest.mark.parametrize("size", [6, 7])
def test_batches_drawn_again_are_fair_and_of_independent_pixels(size):
    drawn = np.stack(
        [preprocessing.binarize_again(tf.fill([500, size], LEVEL), tf.constant([step, 1])) for step in range(40)]
    )
    rows = drawn.reshape(-1, size)
    assert set(np.unique(rows)) == {0.0, 1.0}
    p = 64 / 255
    np.testing.assert_allclose(rows.mean(0), p, atol=5 * np.sqrt(p * (1 - p) / len(rows)))  # five standard errors
    covariance = np.cov(rows.T) - np.diag(rows.var(0, ddof=1))
    np.testing.assert_allclose(covariance, 0, atol=5 * p * (1 - p) / np.sqrt(len(rows)))
    assert len(np.unique(drawn.reshape(40, -1), axis=0)) == 40


@pytest.mark.parametrize("shape", [(6, 5), (6, 8, 8, 1), (3, 1), (9, 7)], ids=str)
def test_a_part_of_a_batch_is_drawn_as_in_the_whole(shape):
    x = tf.cast(tf.reshape(tf.linspace(0, 255, math.prod(shape)), shape), "uint8")
    whole = preprocessing.binarize_again(x, tf.constant([3, 4]))
    parts = [preprocessing.binarize_again(rows, tf.constant([3, 4]), i) for i, rows in enumerate(tf.split(x, 3))]
    np.testing.assert_array_equal(tf.concat(parts, 0), whole)


def test_row_of_binarize_rows_depends_on_its_own_pixels_and_seed_alone():
    x, seeds = grey(4), tf.constant([[0, 0], [0, 1], [1, 0], [7, 7]])
    drawn = preprocessing.binarize_rows(x, seeds).numpy()
    order = [3, 1]
    np.testing.assert_array_equal(
        preprocessing.binarize_rows(tf.gather(x, order), tf.gather(seeds, order)), drawn[order]
    )
    np.testing.assert_array_equal(drawn[2], preprocessing.binarize(x[2], seeds[2]))


def test_equal_rows_differ_by_their_seeds():
    drawn = preprocessing.binarize_rows(tf.repeat(grey(1), 2, axis=0), tf.constant([[0, 1], [1, 0]])).numpy()
    # Two independent draws of a pixel differ with probability 2 p (1 - p), 1/3 on average over p.
    assert np.mean(drawn[0] != drawn[1]) == pytest.approx(1 / 3, abs=4 * 0.5 / np.sqrt(5000))


def test_binarize_rows_takes_an_empty_batch():
    assert preprocessing.binarize_rows(grey(0), tf.zeros([0, 2], "int32")).shape == (0, 5000)


def test_row_seeds_of_a_stream_differ_for_any_two_seeds():
    pairs = preprocessing.row_seeds(tf.constant([*SEEDS, 2**56, 2**62], "int64"), 3).numpy()
    assert len(np.unique(pairs, axis=0)) == len(SEEDS) + 2


def test_row_seeds_of_two_streams_never_meet():
    # Unless the seeds are 2**56 apart: two int32 hold no more than one int64.
    pairs = [preprocessing.row_seeds(tf.constant(SEEDS, "int64"), stream).numpy() for stream in range(4)]
    assert len(np.unique(np.concatenate(pairs), axis=0)) == 4 * len(SEEDS)


def test_row_seeds_are_stateless_seeds():
    pairs = preprocessing.row_seeds(tf.constant(SEEDS, "int64"), 3)
    assert (pairs.dtype, pairs.shape) == (tf.int32, (len(SEEDS), 2))
    assert len({float(tf.random.stateless_uniform([], pair)) for pair in pairs}) == len(SEEDS)


@pytest.mark.parametrize("encode", [tf.io.encode_png, lambda image: tf.io.encode_jpeg(image, quality=100)])
def test_image_is_decoded(encode):
    image = np.full((4, 6, 3), 100, np.uint8)
    np.testing.assert_array_equal(preprocessing.decode_image(encode(image), (4, 6, 3)), image)


def test_colour_is_decoded_to_the_channels_that_the_model_has():
    data = tf.io.encode_png(np.full((4, 6, 3), 100, np.uint8))
    np.testing.assert_array_equal(preprocessing.decode_image(data, (4, 6, 1)), np.full((4, 6, 1), 100))


@pytest.mark.parametrize(
    "data", [b"no image", tf.io.encode_png(np.zeros((5, 6, 1), np.uint8)).numpy()], ids=["bytes", "size"]
)
def test_what_is_no_image_of_the_size_is_an_invalid_argument(data):
    decode = tf.function(lambda data: preprocessing.decode_image(data, (4, 6, 1)))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(tf.constant(data))
