"""Distances and manifolds of features have their known values, and say what changes them; samples are drawn alike."""

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from tfvae.evaluation import manifolds
from tfvae.evaluation.distances import blocks, squared_distances
from tfvae.evaluation.features import Extractor
from tfvae.evaluation.frechet import frechet_comparison, frechet_distance, frechet_distance_of, moments_of
from tfvae.evaluation.kernel_distance import kernel_distance
from tfvae.evaluation.manifolds import precision_recall
from tfvae.evaluation.samples import draw_samples, quality_of, sample_quality
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic
from tfvae.priors import ConditionalNormal


def normal(size, num_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(size, num_features))


def in_batches(x, batch_size):
    return [x[first : first + batch_size] for first in range(0, len(x), batch_size)]


# The Frechet distance.


def test_frechet_distance_has_its_golden_value():
    assert frechet_distance_of([0, 0], np.eye(2), [1, 0], np.diag([4, 1])) == pytest.approx(2, abs=1e-12)


def test_frechet_distance_of_covariances_that_do_not_commute():
    one, other = np.array([[2, 1], [1, 3.0]]), np.array([[1, -0.5], [-0.5, 4]])
    expected = np.trace(one + other - 2 * scipy.linalg.sqrtm(one @ other).real)
    assert frechet_distance_of([0, 0], one, [0, 0], other) == pytest.approx(expected, rel=1e-10)
    assert expected != pytest.approx(np.trace(one + other - 2 * scipy.linalg.sqrtm(one) @ scipy.linalg.sqrtm(other)))


def test_frechet_distance_of_equal_sets_is_zero_even_with_dead_features():
    x = normal(50) @ np.diag([1e3, 1, 0, 1e-3])
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-8)  # 1e-14 of a trace of 1e6


def test_frechet_distance_of_a_shifted_set_is_the_square_of_the_shift():
    x = normal(50)
    assert frechet_distance(x, x + np.array([3, 0, 0, 4])) == pytest.approx(25, rel=1e-10)


def test_frechet_distance_of_a_scaled_feature_is_that_of_its_standard_deviations():
    x = normal(50)[:, :1]
    assert frechet_distance(x, 3 * x) == pytest.approx((2 * x.std(ddof=1)) ** 2 + (2 * x.mean()) ** 2, rel=1e-10)


def test_frechet_distance_refuses_a_singular_covariance_unless_told():
    with pytest.raises(ValueError, match="of 4 features needs more than 4 rows in each set, or `allow_singular=True`"):
        frechet_distance(normal(50), normal(4))
    assert frechet_distance(normal(50), normal(4, seed=1), allow_singular=True) > 0


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_moments_of_batches_are_those_of_all_rows(batch_size):
    x = normal(50) + 1e4  # where sums of squares have lost half of their digits
    found = moments_of(in_batches(x, batch_size))
    assert found.count == 50
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(x.T), atol=1e-11)


def test_distance_of_data_is_what_perfect_samples_have_on_average():
    sets = [(normal(400, seed=2 * seed), normal(1000, seed=2 * seed + 1)) for seed in range(20)]
    found = [frechet_comparison(*pair) for pair in sets]
    distances, of_data = np.array([(c.distance, c.of_data) for c in found]).T
    error = np.hypot(np.std(distances), np.std(of_data)) / np.sqrt(20)
    assert abs(distances.mean() - of_data.mean()) < 4 * error < 0.5 * distances.mean()


def test_error_of_the_distance_is_its_spread_over_draws():
    found = [frechet_comparison(normal(200, seed=s) + 1, normal(400, seed=100 + s)) for s in range(40)]
    spread = np.std([c.distance for c in found], ddof=1)
    # The spread of 40 is known to 11 %, and the jackknife of 10 groups, averaged over 40, to 4 %.
    assert np.mean([c.distance_error for c in found]) == pytest.approx(spread, rel=0.4)


def test_too_few_examples_have_no_distance_of_data():
    found = frechet_comparison(normal(9), normal(20, seed=1))
    assert found.of_data is None and np.isfinite(found.distance_error)


# The kernel distance.


def test_kernel_distance_of_a_case_by_hand():
    # One feature: k(a, b) = (a b + 1)^3; each pair within a set is counted once, as the kernel is symmetric.
    x, y = np.array([[0.0], [1.0], [-1.0]]), np.array([[1.0], [1.0], [2.0]])
    within_x = (1 + 1 + 0) / 3  # of (0, 1), (0, -1), (1, -1)
    within_y = (8 + 27 + 27) / 3
    between = (3 * 1 + 8 + 8 + 27 + 0 + 0 - 1) / 9
    assert kernel_distance(x, y).value == pytest.approx(within_x + within_y - 2 * between, rel=1e-12)


def test_kernel_distance_divides_by_the_number_of_features():
    x, y = normal(30), normal(30, seed=1) + 1
    repeated = [np.concatenate([a, a], axis=1) for a in (x, y)]
    assert kernel_distance(*repeated).value == pytest.approx(kernel_distance(x, y).value, rel=1e-10)


def test_kernel_distance_without_bias_is_zero_on_average_and_sometimes_negative():
    found = np.array([kernel_distance(normal(60, seed=s), normal(90, seed=100 + s)).value for s in range(60)])
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(60) and found.min() < 0
    with_own = [np.mean((normal(60, seed=s) ** 2).sum(axis=1) / 4 + 1) ** 3 / 60 for s in range(60)]
    assert np.mean(with_own) > 4 * found.std() / np.sqrt(60)  # the pairs of a row with itself would be seen


def test_error_of_the_kernel_distance_is_its_spread_over_draws():
    found = [kernel_distance(normal(100, seed=s) + 1, normal(150, seed=100 + s)) for s in range(40)]
    spread = np.std([k.value for k in found], ddof=1)
    assert np.mean([k.standard_error for k in found]) == pytest.approx(spread, rel=0.4)  # as above


def test_kernel_distance_needs_three_rows():
    with pytest.raises(ValueError, match="needs at least 3 rows in each set"):
        kernel_distance(normal(2), normal(5))


# Distances.


def test_distances_are_exact_and_zero_for_equal_rows():
    x = normal(20, 50).astype("float32") + 100
    y = np.concatenate([x[3:5], x[:1] + np.eye(50, dtype="float32")[:1] / 255])
    exact = np.sum((x[:, np.newaxis].astype("float64") - y) ** 2, axis=-1)
    found = squared_distances(x, y)
    np.testing.assert_allclose(found, exact, atol=1e-8)  # 1e-15 of squared norms of 5e5
    assert found[3, 0] == 0 and found[4, 1] == 0 and np.sum(found == 0) == 2


@pytest.mark.parametrize("pairs", [1, 35, 10_000])
def test_blocks_hold_every_row_once(pairs, monkeypatch):
    monkeypatch.setattr("tfvae.evaluation.distances.PAIRS", pairs)
    assert np.concatenate([np.arange(23)[rows] for rows in blocks(23, 7)]).tolist() == list(range(23))


# Precision and recall.


def on_a_line(*places):
    return np.array(places, "float64")[:, np.newaxis]


def test_manifolds_of_a_case_by_hand():
    # With k = 1 the balls of the data are [-1, 1], [0, 2] and [1, 17].
    found = precision_recall(on_a_line(0, 1, 9), on_a_line(-2, -1, 3), num_neighbours=1)
    assert found.sample_on_data.tolist() == [False, True, True]  # a ball's edge belongs to it
    found = precision_recall(
        on_a_line(-3.5, 0, 9), on_a_line(-2, -1, 7), num_neighbours=1
    )  # [-3, -1], [-2, 0], [-1, 15]
    assert found.data_on_samples.tolist() == [False, True, True]


@pytest.mark.parametrize("pairs", [1, 100, 2**24])
def test_manifolds_are_those_of_all_pairs_at_once(pairs, monkeypatch):
    monkeypatch.setattr("tfvae.evaluation.distances.PAIRS", pairs)
    data, samples = normal(35, 2), normal(50, 2, seed=1) + 1
    distance = lambda a, b: np.linalg.norm(a[:, None] - b, axis=-1)  # noqa: E731
    within = lambda a, b: np.any(distance(a, b) <= np.sort(distance(b, b), axis=1)[:, 3], axis=1)  # noqa: E731
    found = precision_recall(data, samples)
    assert np.array_equal(found.sample_on_data, within(samples, data))
    assert np.array_equal(found.data_on_samples, within(data, samples))


def test_errors_are_those_of_leaving_groups_out(monkeypatch):
    data, samples = normal(35, 2), normal(50, 2, seed=1) + 1
    found = precision_recall(data, samples)
    of_data, of_samples = manifolds.groups_of(data, samples, seed=0)
    left = [precision_recall(data[of_data != g], samples[of_samples != g]) for g in range(10)]
    for name, error in (("sample_on_data", found.precision_error), ("data_on_samples", found.recall_error)):
        shares = np.array([np.mean(getattr(part, name)) for part in left])
        assert error == pytest.approx(np.sqrt(0.9 * np.sum((shares - shares.mean()) ** 2)), rel=1e-10)


def test_error_of_the_precision_is_not_less_than_its_spread_over_draws():
    found = [precision_recall(normal(150, 2, seed=s), normal(150, 2, seed=100 + s) + 1) for s in range(40)]
    spread = np.std([np.mean(p.sample_on_data) for p in found], ddof=1)  # known to 11 %
    assert 0.8 * spread < np.mean([p.precision_error for p in found]) < 2 * spread
    assert np.mean([np.std(p.sample_on_data) / np.sqrt(150) for p in found]) < 0.6 * spread  # not that of a share


def shares(data, samples):
    found = precision_recall(data, samples)
    return np.mean(found.sample_on_data), np.mean(found.data_on_samples)


def two_modes(size, seed):
    return normal(size, 2, seed) + 20 * (np.arange(size) % 2)[:, np.newaxis]


def test_the_same_set_has_precision_and_recall_one():
    x = np.repeat(normal(20, 2), 5, axis=0)  # each row more often than there are neighbours: balls of radius 0
    assert shares(x, x) == (1, 1)


def test_a_set_far_away_has_neither():
    assert shares(normal(100), normal(100, seed=1) + 50) == (0, 0)


def test_a_dropped_mode_lowers_recall_and_not_precision():
    precision, recall = shares(two_modes(400, 0), two_modes(400, 1))
    dropped = shares(two_modes(400, 0), two_modes(400, 1)[::2])
    assert recall > 0.9 and dropped[1] < 0.52 and dropped[0] > precision - 0.05


def test_noise_lowers_precision():
    samples = normal(400, 8, seed=1)
    assert shares(normal(400, 8), 2 * samples)[0] < shares(normal(400, 8), samples)[0] - 0.3


@pytest.mark.parametrize("number", [0, 5])
def test_neighbours_must_be_fewer_than_rows(number):
    with pytest.raises(ValueError, match="`num_neighbours` must be at least 1, and less than the rows in each set"):
        precision_recall(normal(5), normal(9), number)


# Samples of a model.

IMAGE = (4, 4, 1)


def cut(x, batch_size, **more):
    rows = {"x": x, "index": np.arange(len(x)), **more}
    return tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)


def pixels(x):
    """Three features, of which none is a copy of another."""
    x = np.reshape(x, [len(x), -1])
    return np.stack([x.mean(axis=1), x[:, 0], x[:, 1]], axis=1)


@pytest.fixture
def model(make_vae):
    return make_vae(IMAGE)


def drawn(model, batches, number, seed=0):
    return np.concatenate(list(draw_samples(model, batches, number, seed)))


def test_samples_are_means_of_what_the_prior_gives(model, binary):
    seeds = tf.constant([[5, i] for i in range(12)])
    expected = model.decode(model.prior_sample(seeds)).mean()
    found = drawn(model, cut(binary(5, IMAGE), 5), 12, seed=5)
    np.testing.assert_allclose(found, expected, atol=1e-6)  # float32 rounding


def test_samples_do_not_depend_on_batches_but_on_the_seed(model, binary):
    one, other = (drawn(model, cut(binary(10, IMAGE), size), 25) for size in (10, 3))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert len(one) == 25 and not np.allclose(one, drawn(model, cut(binary(10, IMAGE), 10), 25, seed=1), atol=1e-3)


def test_a_conditional_model_gets_the_conditions_of_the_data_in_turn(make_vae, binary):
    model = make_vae(
        IMAGE, encoder=Conditioned(MLP([8]), 2), decoder=Conditioned(MLP([8]), 2), prior=ConditionalNormal(2)
    )
    condition = np.eye(2, dtype="float32")[[0, 1, 1, 0, 1]]
    found = drawn(model, cut(binary(5, IMAGE), 3, condition=condition), 12)
    seeds, rows = tf.constant([[0, i] for i in range(12)]), {"condition": tf.constant(condition[np.arange(12) % 5])}
    expected = model.given(rows).decode(model.given(rows).prior_sample(seeds)).mean()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_model_without_prior_is_refused(make_vae, binary):
    model = make_vae(IMAGE, posterior=Deterministic(2), prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="`model` must have a prior that samples can be drawn from"):
        sample_quality(model, cut(binary(10, IMAGE), 4), pixels, 10)


def test_batches_that_can_be_read_once_are_refused(model, binary):
    with pytest.raises(ValueError, match="`batches` must hold examples each time that they are read"):
        drawn(model, iter(cut(binary(5, IMAGE), 5)), 12)


# All figures.


def test_figures_of_a_model_name_the_extractor_and_the_numbers(model, binary):
    result = sample_quality(model, cut(binary(30, IMAGE), 8), Extractor(pixels, "pixels", "abc"), 40)
    metrics = result.metrics()
    of_features = {"frechet_distance", "frechet_distance_of_data", "kernel_distance", "precision", "recall"}
    assert set(metrics) == of_features | {"gradient_energy_ratio"}
    assert all(np.isfinite([m["value"], m["standard_error"]]).all() for m in metrics.values())
    assert all((m["num_samples"], m["num_examples"]) == (40, 30) for m in metrics.values())
    assert all((metrics[name]["extractor"], metrics[name]["sha256"]) == ("pixels", "abc") for name in of_features)
    assert len(result.manifolds.sample_on_data) == 40 and len(result.manifolds.data_on_samples) == 30


def test_figures_are_the_same_however_batches_are_cut(model, binary):
    one, other = (sample_quality(model, cut(binary(30, IMAGE), size), pixels, 40).metrics() for size in (30, 7))
    for name, metric in one.items():
        assert other[name]["value"] == pytest.approx(metric["value"], rel=1e-4, abs=1e-6), name  # float32 rounding
    again = sample_quality(model, cut(binary(30, IMAGE), 7), pixels, 40).metrics()
    assert again == other


def test_given_samples_are_compared_as_a_model_is(model, binary):
    batches = cut(binary(30, IMAGE), 8)
    given = quality_of(draw_samples(model, batches, 40), batches, pixels).metrics()
    assert given == sample_quality(model, batches, pixels, 40).metrics()


def test_the_data_itself_has_the_best_figures(binary):
    x = binary(30, IMAGE)
    metrics = quality_of([x[:11], x[11:]], cut(x, 8), pixels).metrics()
    assert metrics["frechet_distance"]["value"] == pytest.approx(0, abs=1e-10)
    assert metrics["precision"]["value"] == metrics["recall"]["value"] == 1
    assert metrics["gradient_energy_ratio"]["value"] == pytest.approx(1, abs=1e-12)
    assert metrics["kernel_distance"]["value"] < 0  # pairs of equal rows count between the sets, and not within


def test_what_has_too_few_rows_or_is_no_image_is_left_out():
    x = normal(12, 20).astype("float32")
    metrics = quality_of([x + 1], [{"x": x}], lambda x: x).metrics()
    assert set(metrics) == {"kernel_distance", "precision", "recall"}
    assert metrics["precision"]["extractor"] == "<lambda>" and metrics["precision"]["sha256"] is None


def test_no_samples_are_refused(binary):
    with pytest.raises(ValueError, match="There must be samples, and data to compare them with"):
        quality_of([], cut(binary(10, IMAGE), 4), pixels)
