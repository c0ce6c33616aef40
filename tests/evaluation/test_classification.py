"""Linear probe and nearest neighbours: what each can read and what it cannot."""

import numpy as np
import pytest

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
