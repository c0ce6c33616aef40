"""Copies are found, and examples of the data itself are not mistaken for them."""

import numpy as np
import pytest

from tfvae.evaluation.memorisation import memorisation, nearest_training_examples

SHAPE = (3, 4, 1)


def images(size, seed, noise=1.0):
    """Images in [0, 1] of float32."""
    return np.random.default_rng(seed).random((size, *SHAPE)).astype("float32") * noise


def training(x, batch_size=7, first=100):
    """Batches of examples, of which the first has the place `first` in its source."""
    index = np.arange(first, first + len(x))
    return [{"x": x[i : i + batch_size], "index": index[i : i + batch_size]} for i in range(0, len(x), batch_size)]


def share(result):
    return result.metrics()["close_to_training_share"]


# The nearest example.


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_nearest_is_that_of_all_pairs(batch_size):
    x, queries = images(50, 0), images(9, 1)
    found = nearest_training_examples(queries.reshape(9, -1), training(x, batch_size))
    squares = np.mean((queries[:, np.newaxis].astype("float64") - x) ** 2, axis=(2, 3, 4))
    np.testing.assert_array_equal(found.index, 100 + np.argmin(squares, axis=1))
    np.testing.assert_allclose(found.distance, np.sqrt(squares.min(axis=1)), rtol=1e-10)


def test_copies_have_distance_zero_and_one_grey_level_is_seen():
    x = images(50, 0)
    queries = np.concatenate([x[20:23], x[30:31]])
    queries[3, 0, 0, 0] += 1 / 255
    found = nearest_training_examples(queries.reshape(4, -1), training(x))
    assert found.distance[:3].tolist() == [0, 0, 0] and found.index.tolist() == [120, 121, 122, 130]
    assert found.distance[3] == pytest.approx(1 / 255 / np.sqrt(12), rel=1e-4)  # float32 rounding of the query


def test_of_equal_examples_the_first_is_named():
    x = np.repeat(images(5, 0), 4, axis=0)  # 4 to 7 are equal, and lie in two batches
    assert nearest_training_examples(x[5:6].reshape(1, -1), training(x)).index == [104]


def test_features_are_compared_by_their_extractor():
    x, queries = images(50, 0), images(9, 1)
    mean = lambda x: np.mean(x, axis=(1, 2, 3))[:, np.newaxis]  # noqa: E731
    found = memorisation([queries], [queries], training(x), mean)
    expected = np.abs(mean(queries) - mean(x)[:, 0]).min(axis=1)
    np.testing.assert_allclose(found.samples.distance, expected, atol=1e-7)  # float32


# Copying.


def test_held_out_examples_themselves_have_a_share_of_a_twentieth():
    held_out = images(40, 1)
    result = memorisation([held_out[:15], held_out[15:]], [held_out], training(images(50, 0)))
    assert share(result)["value"] == pytest.approx(0.05, abs=1e-12) and share(result)["of_held_out"] == 0.05


@pytest.mark.parametrize("levels", [2, 256])
def test_other_examples_have_a_share_of_a_twentieth_within_its_error(levels):
    # Binary images have few distances, and ties at the threshold are shared out.
    draw = lambda size, seed: np.floor(images(size, seed) * levels) / (levels - 1)  # noqa: E731
    results = [
        memorisation([draw(150, 3 * s)], [draw(100, 3 * s + 1)], training(draw(60, 3 * s + 2), 60)) for s in range(60)
    ]
    shares, errors = np.array([(share(r)["value"], share(r)["standard_error"]) for r in results]).T
    # That the threshold is one of 100 held-out distances moves the mean by less than 1/100 of 0.05.
    assert abs(shares.mean() - 0.05) < 4 * shares.std() / np.sqrt(60) + 0.0005
    spread = shares.std(ddof=1)  # known to 9 %; of ties the error is an upper bound
    assert errors.mean() > 0.7 * spread and (levels == 2 or errors.mean() < 1.4 * spread)


def test_copies_among_other_samples_are_flagged():
    train, samples = images(50, 0), images(100, 2)
    samples[:20] = train[:20]
    result = memorisation([samples], [images(100, 1)], training(train))
    assert np.all(result.is_close[:20] == 1) and np.all(result.samples.index[:20] == np.arange(100, 120))
    metric = share(result)
    assert metric["value"] - 0.05 > 4 * metric["standard_error"] and 0.2 <= metric["value"] < 0.4


def test_copies_are_flagged_where_held_out_examples_are_found_in_the_data_too():
    # Half of them: the threshold is 0, and of those at it a tenth counts.
    train = images(50, 0)
    held_out = np.concatenate([train[:20], images(20, 1)])
    assert share(memorisation([train], [held_out], training(train)))["value"] == pytest.approx(0.1)
    assert share(memorisation([held_out], [held_out], training(train)))["value"] == pytest.approx(0.05)


def test_samples_far_from_all_data_are_not_close():
    result = memorisation([images(30, 2) + 5], [images(40, 1)], training(images(50, 0)))
    assert share(result)["value"] == 0 and share(result)["standard_error"] > 0
    metrics = result.metrics()
    assert metrics["distance_to_training"]["value"] > 4 > metrics["distance_to_training_of_held_out"]["value"]


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="There must be samples and held-out examples"):
        memorisation([], [images(5, 0)], training(images(5, 1)))
