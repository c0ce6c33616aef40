"""A batch is a function of seed and step, an epoch is a permutation, and no draw depends on anything else."""

import itertools

import numpy as np
import pytest

from tfvae.data import pipeline
from tfvae.data.source import ArraySource

SIZE, BATCH = 103, 10
STEPS = SIZE // BATCH
dynamic = pytest.mark.parametrize("dynamic", [False, True], ids=["as they are", "dynamic"])


def source_of(size=SIZE, binary=False):
    """Random grey images of 8 x 8 pixels; the label of each is its number."""
    images = np.random.default_rng(0).integers(0, 256, (size, 8, 8, 1), dtype=np.uint8)
    return ArraySource(images // 128 * 255 if binary else images, np.arange(size), ("a",) * size)


@pytest.fixture(scope="module")
def source():
    return source_of()


def batches(source, num_steps, batch_size=BATCH, seed=0, dynamic=False, first_step=0):
    stream = pipeline.training_batches(source, batch_size, seed, dynamic, first_step)
    return list(stream.take(num_steps).as_numpy_iterator())


def images(batches):
    return np.concatenate([batch["x"] for batch in batches])


def labels(batches):
    return np.concatenate([batch["label"] for batch in batches])


def by_label(batches):
    return images(batches)[np.argsort(labels(batches))]


# Training.


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_every_example_is_seen_at_most_once_in_an_epoch_and_all_but_the_remainder_are(epoch, source):
    seen = labels(batches(source, STEPS, first_step=epoch * STEPS))
    assert len(set(seen)) == len(seen) == STEPS * BATCH == SIZE - SIZE % BATCH


def test_the_remainder_is_another_one_in_another_epoch(source):
    left = [frozenset(range(SIZE)) - set(labels(batches(source, STEPS, first_step=e * STEPS))) for e in range(4)]
    assert len(set(left)) == 4


def test_order_differs_between_epochs_and_between_seeds(source):
    orders = [labels(batches(source, STEPS, seed=s, first_step=e * STEPS)) for s in (0, 1, 2) for e in (0, 1)]
    # Two random orders of 100 agree in one place on average, in more than eight with probability 1e-6.
    assert all(np.sum(a == b) <= 8 for a, b in itertools.combinations([np.arange(100), *orders], 2))


def test_images_are_those_of_their_labels(source):
    batch = batches(source, 1)[0]
    np.testing.assert_array_equal(batch["x"] * 255, source.images.numpy()[batch["label"]])


@dynamic
@pytest.mark.parametrize("first_step", [1, STEPS - 1, STEPS, 2 * STEPS + 3])
def test_stream_from_a_step_is_the_stream_from_zero_after_that_many(first_step, dynamic, source):
    later = batches(source, 4, dynamic=dynamic, first_step=first_step)
    whole = batches(source, first_step + 4, dynamic=dynamic)[first_step:]
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(later, whole, strict=True) for name in ("x", "label"))


@pytest.mark.parametrize("seed", [2**31 - 1, 2**40 + 1, -1])
def test_any_integer_is_a_seed(seed, source):
    seen = labels(batches(source, STEPS, seed=seed))
    assert len(set(seen)) == STEPS * BATCH and not np.array_equal(seen, labels(batches(source, STEPS)))


def test_a_batch_larger_than_the_data_shrinks_to_it(source):
    assert pipeline.steps_per_epoch(source, 1000) == 1
    first, second = (labels([batch]) for batch in batches(source, 2, batch_size=1000))
    assert sorted(first) == sorted(second) == list(range(SIZE)) and not np.array_equal(first, second)


def test_batches_have_a_static_size(source):
    assert pipeline.training_batches(source, BATCH, 0).element_spec["x"].shape == (BATCH, 8, 8, 1)


# Dynamic binarisation.


def draws_of_one_image(seed, num_epochs):
    """What becomes of equal images, half grey, in each epoch: no order shows in it."""
    grey = ArraySource(np.full((SIZE, 8, 8, 1), 127, np.uint8), np.zeros(SIZE, int))
    return [batch["x"] for batch in batches(grey, num_epochs, SIZE, seed, dynamic=True)]


def are_independent(first, second):
    """Whether two draws differ in half of their 6592 pixels, to four standard errors."""
    return abs(np.mean(first != second) - 0.5) < 4 * 0.5 / np.sqrt(first.size)


def test_dynamic_draws_are_0_or_1(source):
    assert set(np.unique(images(batches(source, 3, dynamic=True)))) == {0.0, 1.0}


def test_dynamic_draws_differ_between_epochs():
    assert are_independent(*draws_of_one_image(seed=0, num_epochs=2))


def test_dynamic_draws_differ_between_seeds():
    assert are_independent(*[draws_of_one_image(seed, num_epochs=1)[0] for seed in (0, 1)])


def test_mean_of_dynamic_draws_is_the_grey_value(source):
    num_epochs, grey = 400, source.images.numpy() / 255
    mean = sum(by_label([batch]) for batch in batches(source, num_epochs, SIZE, dynamic=True)) / num_epochs
    error = np.sqrt(grey * (1 - grey) / num_epochs)
    assert np.all(np.abs(mean - grey) <= 5 * error + 1e-6)  # five standard errors: 6592 pixels are looked at
    assert np.sqrt(np.mean((mean - grey) ** 2 / np.maximum(error, 1e-3) ** 2)) > 0.9  # and no better than chance


# Epochs, for `load`.


def read(dataset):
    return list(dataset.as_numpy_iterator())


@dynamic
def test_epochs_are_the_training_batches_an_epoch_at_a_time(dynamic, source):
    dataset = pipeline.epochs(source, BATCH, seed=3, dynamic=dynamic)
    twice = read(dataset) + read(dataset)
    for ours, theirs in zip(twice, batches(source, 2 * STEPS, seed=3, dynamic=dynamic), strict=True):
        np.testing.assert_array_equal(ours["x"], theirs["x"])


def test_epochs_know_their_length(source):
    assert pipeline.epochs(source, BATCH, seed=0).cardinality() == STEPS == pipeline.steps_per_epoch(source, BATCH)


# Validation and test.


@pytest.mark.parametrize("batch_size", [1, 51, 1000])
def test_ordered_batches_hold_every_example_once_in_order(batch_size, source):
    held = read(pipeline.ordered_batches(source, batch_size))  # 103 = 2 * 51 + 1
    np.testing.assert_array_equal(labels(held), np.arange(SIZE))
    np.testing.assert_array_equal(np.concatenate([batch["index"] for batch in held]), np.arange(SIZE))
    np.testing.assert_array_equal(np.rint(images(held) * 255), source.images)
    assert [len(batch["x"]) for batch in held] == [batch_size] * (SIZE // batch_size) + [SIZE % batch_size] * (
        SIZE % batch_size > 0
    )


def test_no_stream_is_tuned_for_who_lets_go_of_one_would_wait_for_the_tuner(source):
    streams = pipeline.training_batches(source, BATCH, 0), pipeline.epochs(source, BATCH, 0)
    for stream in (*streams, pipeline.ordered_batches(source, BATCH)):
        assert stream.options().autotune.enabled is False


def test_ordered_batches_are_the_same_on_every_reading_and_for_every_batch_size(source):
    drawn = pipeline.binarized(source)
    dataset = pipeline.ordered_batches(drawn, 51)
    first = images(read(dataset))
    np.testing.assert_array_equal(images(read(dataset)), first)
    np.testing.assert_array_equal(images(read(pipeline.ordered_batches(drawn, 7))), first)


# Static binarisation.


def test_static_draw_is_always_the_same_and_differs_from_its_source(source):
    assert pipeline.binarized(source).digest() == pipeline.binarized(source).digest() != source.digest()


def test_static_draw_is_kept_as_uint8_0_and_255(source):
    drawn = pipeline.binarized(source)
    assert drawn.images.dtype == np.uint8 and set(np.unique(drawn.images)) == {0, 255} and drawn.is_binary


def test_static_draw_keeps_labels_and_classes(source):
    drawn = pipeline.binarized(source)
    np.testing.assert_array_equal(drawn.labels, source.labels)
    assert drawn.class_names == source.class_names


def test_static_draw_leaves_binary_images_as_they_are():
    binary = source_of(binary=True)
    assert pipeline.binarized(binary) is binary


def test_mean_of_static_draws_is_the_grey_value():
    size, levels = 3 * pipeline.CHUNK + 5, np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    grey = ArraySource(np.repeat(levels, size, axis=0), np.zeros(size, int))
    p = levels[0] / 255
    mean = pipeline.binarized(grey).images.numpy().mean(axis=0) / 255
    assert np.all(np.abs(mean - p) <= 5 * np.sqrt(p * (1 - p) / size) + 1e-12)  # five standard errors, 256 levels


def test_static_draws_of_two_chunks_are_independent():
    size = 2 * pipeline.CHUNK
    drawn = pipeline.binarized(ArraySource(np.full((size, 4, 4, 1), 127, np.uint8), np.zeros(size, int))).images.numpy()
    # Two draws of a pixel differ with probability 1/2; 16,384 pixels.
    assert np.mean(drawn[: pipeline.CHUNK] != drawn[pipeline.CHUNK :]) == pytest.approx(0.5, abs=4 * 0.5 / 128)
