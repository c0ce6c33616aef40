"""Scores whose value is known: joint tables, normal noise, matrices made by hand; and what a look-alike would get."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tfvae.evaluation.disentanglement import (
    beta_vae_score,
    binned_mutual_information_gap,
    dci,
    dci_of,
    explicitness,
    factor_vae_score,
    irs,
    modularity,
    mutual_information_gap,
    sap,
)
from tfvae.evaluation.disentanglement.modularity import modularity_of
from tfvae.evaluation.disentanglement.mutual_information import binned, log_mixtures, mutual_information_of_table
from tfvae.evaluation.disentanglement.votes import SharedValues

QUARTER = 0.562335  # entropy of (1/4, 3/4) in nats
ASYMMETRIC = np.array([[30, 0], [10, 20], [0, 60]])  # counts of three values of a code and two classes
NOISY_CHANNEL = np.array([[30, 20], [10, 60]])


def entropy(counts):
    p = np.ravel(counts) / np.sum(counts)
    return -np.sum(p[p > 0] * np.log(p[p > 0]))


def information(table):
    return entropy(table.sum(axis=0)) + entropy(table.sum(axis=1)) - entropy(table)


def rows_of(*tables):
    """Codes [N, L], one dimension for each table of counts [values, classes], and the factor [N, 1]."""
    classes = np.repeat(np.arange(tables[0].shape[1]), tables[0].sum(axis=0))
    columns = [np.concatenate([np.repeat(np.arange(len(t)), t[:, c]) for c in range(t.shape[1])]) for t in tables]
    return np.stack(columns, axis=1).astype("float32"), classes[:, np.newaxis]


# Mutual information.


def test_information_of_a_binary_channel():
    assert mutual_information_of_table([[3, 1], [1, 3]]) == pytest.approx(np.log(2) - QUARTER, abs=1e-6)


@pytest.mark.parametrize(
    ("table", "expected"), [([[1, 1], [1, 1]], 0), ([[0.5, 0], [0, 0.5]], np.log(2)), ([[5, 0, 5]], 0)]
)
def test_information_of_extreme_tables(table, expected):
    assert mutual_information_of_table(table) == pytest.approx(expected, abs=1e-12)


GAPS = {
    "points": lambda codes, factors: mutual_information_gap(codes, None, factors),
    "noise": lambda codes, factors: mutual_information_gap(codes, np.full(codes.shape, 0.01), factors),
    "bins": binned_mutual_information_gap,
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_gap_of_known_joint_tables_is_in_units_of_the_factors_entropy(gap):
    result = gap(*rows_of(ASYMMETRIC, NOISY_CHANNEL))
    known = [information(ASYMMETRIC), information(NOISY_CHANNEL)]
    np.testing.assert_allclose(result.mutual_information[:, 0], known, atol=1e-12)
    # Of the classes, (1/3, 2/3): 0.6365. The codes have 1.04 and 0.67, two even classes 0.69: none gives the same gap.
    assert result.score == pytest.approx((known[0] - known[1]) / 0.636514, abs=1e-6)


def test_gap_is_the_mean_over_factors_of_relative_gaps():
    factors = np.stack(np.meshgrid(np.arange(2), np.arange(8), [0, 1, 2, 3], indexing="ij"), -1).reshape(-1, 3)
    codes = np.stack([factors[:, 0], factors[:, 1] // 2], axis=1)  # all of log 2, and log 4 of log 8
    result = binned_mutual_information_gap(codes, factors[:, :2])
    np.testing.assert_allclose(result.gaps, [1, 2 / 3], atol=1e-12)
    assert result.score == pytest.approx(5 / 6, abs=1e-12)  # not 3/4, which is sums over sums


def test_information_under_normal_noise_is_that_of_quadrature():
    size = 4000
    means, factors = np.repeat([-1.0, 1.0], size // 2)[:, np.newaxis], np.repeat([0, 1], size // 2)[:, np.newaxis]
    z = np.linspace(-10, 10, 100_001)
    density = (np.exp(-0.5 * (z - 1) ** 2) + np.exp(-0.5 * (z + 1) ** 2)) / np.sqrt(8 * np.pi)
    exact = -np.sum(density * np.log(density)) * (z[1] - z[0]) - 0.5 * np.log(2 * np.pi * np.e)
    result = mutual_information_gap(means, np.ones((size, 1)), factors, num_samples=size)
    assert exact == pytest.approx(0.3368, abs=1e-3)
    assert 0 < result.standard_error < 0.02
    assert abs(result.score * np.log(2) - exact) < 4 * result.standard_error * np.log(2)


def test_standard_error_is_the_spread_over_seeds():
    random = np.random.RandomState(1)
    factors = random.randint(0, 4, (400, 1))
    codes = factors + 0.3 * random.standard_normal((400, 1))
    found = [mutual_information_gap(codes, np.full((400, 1), 0.5), factors, seed=seed) for seed in range(40)]
    spread = np.std([result.score for result in found], ddof=1)
    # The spread over 40 seeds is known to 11 %; all 400 examples take part each time, so it is smaller than the error.
    assert 0.4 < spread / found[0].standard_error < 1.3


@pytest.mark.parametrize(("stddev", "expected"), [(3, 2.517551), (1, 1.418939), (0.1, -0.883647)])
def test_entropy_of_a_dimension_follows_its_scale(stddev, expected):
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    log_density = log_mixtures(np.zeros(5), np.full(5, stddev), stddev * nodes, np.full((5, 1), 0.2))
    assert -weights @ log_density[:, 0] / weights.sum() == pytest.approx(expected, abs=1e-6)


def test_bins_are_of_equal_width_between_the_extremes():
    codes = np.array([[0.0, 0.09, 0.11, 0.95, 1.0]]).T
    assert binned(codes, 10)[:, 0].tolist() == [0, 0, 1, 9, 9]


def test_binned_gap_is_that_of_a_histogram_and_sklearns_mutual_information():
    random = np.random.RandomState(0)
    factors = np.stack([random.randint(0, 5, 700), random.randint(0, 9, 700)], axis=1)
    codes = np.concatenate([factors, factors[:, :1]], axis=1) + random.standard_normal((700, 3))
    bins = [np.digitize(code, np.histogram(code, 20)[1][:-1]) for code in codes.T]
    matrix = np.array([[mutual_info_score(v, b) for v in factors.T] for b in bins])
    highest = np.sort(matrix, axis=0)[::-1]
    expected = np.mean((highest[0] - highest[1]) / [mutual_info_score(v, v) for v in factors.T])
    found = binned_mutual_information_gap(codes, factors)
    np.testing.assert_allclose(found.mutual_information, matrix, atol=1e-12)
    assert found.score == pytest.approx(expected, abs=1e-12)


def test_codes_without_noise_are_put_into_bins_and_the_result_says_so():
    codes, factors = rows_of(ASYMMETRIC)
    entry = mutual_information_gap(codes, None, factors).metrics()["mig"]
    assert entry["estimator"] == "bins"
    assert entry["value"] == binned_mutual_information_gap(codes, factors).metrics()["mig_binned"]["value"]


def test_dimension_whose_noise_hides_its_mean_has_no_gap():
    factors = np.repeat(np.arange(4), 250)[:, np.newaxis]
    precise, hidden = (mutual_information_gap(factors, np.full((1000, 1), s), factors).score for s in (0.01, 100))
    assert precise == pytest.approx(1, abs=1e-9) and hidden < 0.01


# DCI.

TABLES = [
    ([[1, 0], [0, 1]], 1, 1),
    ([[2, 0], [0, 5]], 1, 1),
    ([[1, 1], [1, 1]], 0, 0),
    ([[3, 1], [1, 3]], 1 - QUARTER / np.log(2), 1 - QUARTER / np.log(2)),
    ([[3, 1], [1, 3], [0, 0]], 1 - QUARTER / np.log(2), 1 - QUARTER / np.log(3)),
    ([[3, 0], [0.5, 0.5]], 0.75, (1 - entropy([6, 1]) / np.log(2) + 1) / 2),
    ([[1], [1]], 1, 0),
    ([[1, 1]], 0, 1),
    ([[0, 0], [0, 0]], 0, 0),
]


@pytest.mark.parametrize(("importance", "disentanglement", "completeness"), TABLES)
def test_dci_of_known_importances(importance, disentanglement, completeness):
    found = dci_of(importance)
    assert found[:2] == pytest.approx((disentanglement, completeness), abs=1e-6)


def test_useless_dimensions_get_next_to_no_importance_beside_a_noisy_one():
    random = np.random.RandomState(0)
    factors = random.randint(0, 10, (4000, 1))
    codes = np.concatenate([factors + random.standard_normal((4000, 1)), random.standard_normal((4000, 9))], axis=1)
    # Trees grown to the end give the nine useless dimensions most of it: 0.64 here, as most of their splits fit noise.
    assert dci(codes, factors).importance[0, 0] > 0.9


# Held-out figures, which training figures would flatter.

NOISE = np.random.RandomState(0).standard_normal((400, 60))
COINS = np.random.RandomState(1).randint(0, 2, (400, 3))


@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score])
def test_votes_are_counted_on_votes_that_were_not_trained_on(score):
    found = score(NOISE, COINS, num_votes=60)
    assert found.training_accuracy > 0.55
    assert found.score == np.mean(found.is_correct) == found.metrics()[score.__name__]["value"] < 0.5


def test_informativeness_is_that_of_held_out_examples():
    found = dci(NOISE, COINS)
    assert found.training_informativeness > found.informativeness + 0.1
    # 200 rows for each of three coins: a standard error of 0.02.
    assert found.informativeness == pytest.approx(0.5, abs=0.08)


def test_explicitness_is_that_of_held_out_examples():
    # The area on 200 rows has a standard error of 0.04, and 0.024 for the mean of three; in training it is above 0.8.
    assert explicitness(NOISE, COINS).score == pytest.approx(0.5, abs=0.1)


def test_accuracy_of_sap_counts_classes_alike():
    rare = (np.random.RandomState(0).uniform(size=(4000, 1)) < 0.1).astype(int)
    accuracy = sap(np.random.RandomState(1).standard_normal((4000, 3)), rare).accuracy
    # Plain accuracy would be 0.9. Of 200 rare rows the share that is right has a standard error of 0.035.
    np.testing.assert_allclose(accuracy, 0.5, atol=0.08)


# Votes.


def test_rows_that_are_drawn_together_share_a_value_and_are_different():
    factors = np.random.RandomState(0).randint(0, 30, (100, 2))
    values = SharedValues(factors, np.random.RandomState(0))
    first, second = values.pairs(1, 1000)
    assert np.all(factors[first, 1] == factors[second, 1]) and np.all(first != second)
    groups = [values.group(0, 3) for _ in range(200)]
    assert all(len(set(factors[rows, 0])) == 1 and len(set(rows)) == len(rows) in (2, 3) for rows in groups)


def test_variance_is_compared_with_that_of_the_whole():
    factors = np.stack(np.meshgrid(np.arange(5), np.arange(5), np.arange(20), indexing="ij"), -1).reshape(-1, 3)[:, :2]
    noise = np.random.RandomState(0).standard_normal(factors.shape)
    # The second dimension varies less whatever is fixed, and alone would win every vote.
    assert factor_vae_score((factors + 0.2 * noise) * [100, 1], factors).score == 1


def test_each_dimension_votes_for_its_own_factor():
    factors = np.stack(np.meshgrid(np.arange(4), np.arange(4), np.arange(20), indexing="ij"), -1).reshape(-1, 3)[:, :2]
    votes = factor_vae_score(factors[:, ::-1], factors, num_votes=100).votes
    assert votes[0, 0] == votes[1, 1] == 0 and votes.sum() == 100


def test_collapsed_dimensions_have_no_vote():
    factors = np.stack(np.meshgrid(np.arange(4), np.arange(4), np.arange(20), indexing="ij"), -1).reshape(-1, 3)[:, :2]
    traces = np.concatenate([factors + np.random.RandomState(0).standard_normal(factors.shape), factors * 1e-3], axis=1)
    found = factor_vae_score(traces, factors, np.ones(traces.shape))
    assert found.votes[:2].sum() == 800 and found.votes[2:].sum() == 0


def test_factor_of_which_all_values_differ_takes_no_part():
    factors = np.stack([np.arange(100), np.arange(100) % 2], axis=1)
    found = factor_vae_score(factors.astype(float), factors)
    assert found.score == 1 and found.votes[:, 0].sum() == 0


def test_beta_vae_score_is_at_its_best_for_rotated_codes_too():
    factors = np.stack(np.meshgrid(np.arange(4), np.arange(4), np.arange(40), indexing="ij"), -1).reshape(-1, 3)[:, :2]
    rotated = factors @ np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    assert beta_vae_score(rotated, factors).score > 0.99
    assert mutual_information_gap(rotated, np.full(rotated.shape, 0.3), factors).score < 0.8


# The others.


def test_sap_of_a_code_that_one_dimension_holds():
    factors = np.tile([0, 1, 2], 100)[:, np.newaxis]
    codes = np.concatenate([factors, np.zeros((300, 2))], axis=1)
    found = sap(codes, factors)
    # One straight line through a code cannot tell the middle class from both others, two thresholds can.
    assert (found.score, found.highest) == pytest.approx((2 / 3, 2 / 3), abs=1e-12)
    np.testing.assert_allclose(found.accuracy[:, 0], [1, 1 / 3, 1 / 3])


def test_sap_of_two_dimensions_that_predict_alike():
    factors = np.repeat([0, 1], 200)[:, np.newaxis]
    codes = np.concatenate([factors, factors // 1, np.zeros((400, 1))], axis=1)
    assert sap(codes, factors).score == 0


@pytest.mark.parametrize(
    ("information", "expected"), [([2, 1, 0], 0.875), ([1, 1, 1], 0), ([0, 3, 0], 1), ([0, 0, 0], 0), ([5], 1)]
)
def test_modularity_of_known_information(information, expected):
    assert modularity_of([information]) == [expected]


def test_dimensions_that_know_nothing_do_not_count_for_modularity():
    factors = np.stack(np.meshgrid(np.arange(2), np.arange(40), np.arange(10), indexing="ij"), -1).reshape(-1, 3)[:, :2]
    noise = np.random.RandomState(0).standard_normal((800, 2))
    # The chance information of noise is 39 times larger for the factor of 40 classes, so that it would look modular.
    found = modularity(np.concatenate([factors, noise], axis=1), factors)
    assert found.score == 1 and found.per_dimension.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("quantile", [0.99, 1.0])
def test_robustness_of_a_code_of_two_factors(quantile):
    factors = np.tile(np.stack(np.meshgrid([0, 1], [0, 1]), -1).reshape(-1, 2), (50, 1))
    codes = (2 * factors - 1) @ np.array([[1.0, 0.0], [0.5, 3.0]])  # v_1 + v_2 / 2, and 3 v_2
    found = irs(codes, factors, quantile=quantile)
    np.testing.assert_allclose(found.robustness, [[2 / 3, 1 / 3], [0, 1]], atol=1e-6)
    assert found.score == pytest.approx(5 / 6, abs=1e-6)  # weighted by their ranges the dimensions would have 8/9


def test_explicitness_reads_the_middle_classes_of_one_dimension():
    factors = np.tile(np.arange(10), 100)[:, np.newaxis]
    assert explicitness(factors.astype(float), factors).score > 0.999
