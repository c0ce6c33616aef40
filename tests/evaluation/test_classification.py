"""Linear probe and nearest neighbours: what each can read and what it cannot."""

import warnings

import numpy as np
import pytest

from tfvae.evaluation import classification
from tfvae.evaluation.classification import linear_probe, nearest_neighbours

RANDOM = np.random.default_rng(0)
LABELS = np.arange(400) % 4
CORNERS = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])[LABELS] + RANDOM.normal(size=(400, 2))
RING = np.stack([np.cos(np.arange(400)), np.sin(np.arange(400))], 1) * (1 + 4 * (LABELS % 2))[:, np.newaxis]
BOTH = [linear_probe, nearest_neighbours]


def accuracy(classify, codes, labels=LABELS, **options):
    (metric,) = classify(codes[:300], labels[:300], codes[300:], labels[300:], **options).metrics().values()
    return metric


@pytest.mark.parametrize("classify", BOTH)
def test_separate_classes_are_read(classify):
    assert accuracy(classify, CORNERS)["value"] == 1


def test_a_ring_around_a_disc_is_not_linear():
    # The standard error of a share of 100 at one half is 0.05.
    assert accuracy(linear_probe, RING, LABELS % 2)["value"] < 0.7
    assert accuracy(nearest_neighbours, RING, LABELS % 2)["value"] == 1


@pytest.mark.parametrize("classify", BOTH)
def test_noise_is_at_chance(classify):
    metric = accuracy(classify, RANDOM.normal(size=(400, 3)))
    assert abs(metric["value"] - 0.25) < 4 * metric["standard_error"] < 0.2
    assert metric["majority_share"] == 0.25


@pytest.mark.parametrize("classify", BOTH)
def test_units_of_a_dimension_do_not_matter(classify):
    scaled = CORNERS * [1e-3, 1e4] + [5, -7]
    one, other = (classify(c[:300], LABELS[:300], c[300:], LABELS[300:]).correct for c in (CORNERS, scaled))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("classify", BOTH)
def test_codes_in_tiny_units_are_not_taken_for_constant(classify):
    assert accuracy(classify, CORNERS * 1e-9)["value"] == 1


@pytest.mark.parametrize("classify", BOTH)
def test_a_constant_dimension_changes_nothing(classify):
    # One that is not quite constant in the test must not blow up either.
    constant = np.concatenate([np.full((300, 1), 3.0), np.full((100, 1), 3.1)])
    assert accuracy(classify, np.hstack([CORNERS, constant]))["value"] == 1


@pytest.mark.parametrize("classify", BOTH)
def test_unknown_labels_are_left_out(classify):
    labels = np.where(np.arange(400) % 5, LABELS, -1)
    found = classify(CORNERS[:300], labels[:300], CORNERS[300:], labels[300:])
    assert len(found.correct) == 80 and found.num_training == 240 and found.correct.all()


def test_the_error_is_that_of_a_share():
    metric = accuracy(linear_probe, RING, LABELS % 2)
    share = metric["value"]
    assert metric["standard_error"] == pytest.approx(np.sqrt(share * (1 - share) / 99), rel=1e-9)


def test_of_neighbours_with_equal_votes_the_smaller_class_wins():
    codes, labels = np.array([[0.0], [2.0], [50.0]]), np.array([3, 1, 7])
    found = nearest_neighbours(codes, labels, np.array([[1.0]]), np.array([1]), num_neighbours=2)
    assert found.correct.all()


@pytest.mark.parametrize("classify", BOTH)
def test_one_class_alone_is_refused(classify):
    with pytest.raises(ValueError, match="at least two known classes"):
        classify(CORNERS, np.where(LABELS == 1, 1, -1), CORNERS, LABELS)


@pytest.mark.parametrize("num_neighbours", [1, 2, 5, 40, 300, 1000])
def test_neighbours_are_those_of_a_full_sort(num_neighbours):
    # Corners of a cube, as many on each side, so that standardised codes are exact and most distances are tied.
    random = np.random.default_rng(2)
    codes = np.stack([random.permutation(np.repeat([-1.0, 1.0], 150)) for _ in range(5)], axis=1)
    labels, points, truth = random.integers(0, 5, 300), random.choice([-1.0, 1.0], (60, 5)), random.integers(0, 5, 60)
    found = nearest_neighbours(codes, labels, points, truth, num_neighbours)
    distances = np.sum((points[:, np.newaxis] - codes) ** 2, axis=2)
    order = np.argsort(distances, axis=1, kind="stable")[:, :num_neighbours]
    expected = [np.bincount(row).argmax() for row in labels[order]]
    assert np.array_equal(found.correct, expected == truth)
    assert found.metrics()["nearest_neighbour_accuracy"]["num_neighbours"] == min(num_neighbours, 300)


def test_blocks_of_distances_make_no_difference(monkeypatch):
    whole = nearest_neighbours(RING, LABELS, RING[::-1], LABELS).correct
    monkeypatch.setattr(classification, "BLOCK", 7 * 400)
    assert np.array_equal(nearest_neighbours(RING, LABELS, RING[::-1], LABELS).correct, whole)


@pytest.mark.parametrize("classify", BOTH)
def test_of_many_codes_a_seeded_draw_is_used_and_stated(classify, monkeypatch):
    monkeypatch.setattr(classification, "MOST_TRAINING", 50)
    noise = np.random.default_rng(3).normal(size=(400, 3))
    one, again, other = (classify(noise, LABELS, noise, LABELS, seed=seed) for seed in (0, 0, 1))
    assert one.num_training == accuracy(classify, noise)["num_training"] == 50
    assert np.array_equal(one.correct, again.correct) and not np.array_equal(one.correct, other.correct)


def test_a_probe_that_has_not_converged_does_not_warn(monkeypatch):
    monkeypatch.setattr(classification, "MOST_STEPS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert accuracy(linear_probe, CORNERS)["value"] > 0.5


@pytest.mark.parametrize("num_neighbours", [0, -3])
def test_no_neighbour_is_refused(num_neighbours):
    with pytest.raises(ValueError, match=r"`num_neighbours` must be at least 1\. Received: num_neighbours="):
        nearest_neighbours(CORNERS, LABELS, CORNERS, LABELS, num_neighbours)
