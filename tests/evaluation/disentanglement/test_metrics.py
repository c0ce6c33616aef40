"""What holds for every metric that knows the factors: its maximum, its value for noise, and what must not matter."""

import numpy as np
import pytest

from tfvae.evaluation.disentanglement import (
    beta_vae_score,
    binned_mutual_information_gap,
    dci,
    disentanglement,
    explicitness,
    factor_vae_score,
    irs,
    modularity,
    mutual_information_gap,
    sap,
)

METRICS = {
    "mig": mutual_information_gap,
    "mig_of_points": lambda codes, stddevs, factors, **more: mutual_information_gap(codes, None, factors, **more),
    "mig_binned": lambda codes, stddevs, factors, **more: binned_mutual_information_gap(codes, factors, **more),
    "factor_vae": lambda codes, stddevs, factors, **more: factor_vae_score(codes, factors, stddevs, **more),
    "beta_vae": lambda codes, stddevs, factors, **more: beta_vae_score(codes, factors, **more),
    "dci": lambda codes, stddevs, factors, **more: dci(codes, factors, **more),
    "sap": lambda codes, stddevs, factors, **more: sap(codes, factors, **more),
    "modularity": lambda codes, stddevs, factors, **more: modularity(codes, factors, **more),
    "explicitness": lambda codes, stddevs, factors, **more: explicitness(codes, factors, **more),
    "irs": lambda codes, stddevs, factors, **more: irs(codes, factors, stddevs, **more),
}
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)

SIZES = (3, 4, 5)
GRID = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), -1).reshape(-1, 3)
FACTORS = np.tile(GRID, (10, 1))  # every combination ten times: independent to the last digit
N = len(FACTORS)
RANDOM = np.random.RandomState(0)
NOISE = RANDOM.standard_normal((N, 4))
NOISY = np.concatenate([FACTORS + 0.4 * NOISE[:, :3], NOISE[:, 3:]], axis=1).astype("float32")
STDDEVS = (0.2 + 0.1 * RANDOM.uniform(size=NOISY.shape)).astype("float32")
IDENTITY, PRECISE = FACTORS.astype("float32"), np.full(FACTORS.shape, 0.01, "float32")

CHANCE = {"informativeness": np.mean([1 / k for k in SIZES]), "explicitness": 0.5}
BY_CHANCE = {"factor_vae_score": 1 / 3, "beta_vae_score": 1 / 3}


def values(result):
    return {name: entry["value"] for name, entry in result.metrics().items()}


def are_shares(result):
    """Whether all values, and all errors that are given, are numbers; values from 0 to 1."""
    entries = result.metrics().values()
    return all(0 <= e["value"] <= 1 and np.isfinite(e.get("standard_error", 0)) for e in entries)


# The highest value.


@every_metric
def test_codes_that_are_the_factors_have_the_highest_score(metric):
    found = values(metric(IDENTITY, PRECISE, FACTORS))
    # SAP: the second best dimension is right by chance, at best so in the half that is tested on (300 rows: 0.03).
    highest = {name: (1 - CHANCE["informativeness"], 0.06) if name == "sap" else (1.0, 1e-4) for name in found}
    for name, value in found.items():
        assert value == pytest.approx(highest[name][0], abs=highest[name][1]), name


# Noise.


@every_metric
def test_noise_scores_what_chance_does(metric):
    found = values(metric(NOISE, np.full(NOISE.shape, 0.3), FACTORS))
    # 0.07: four standard errors of 800 votes, and more of them of the 300 rows that are tested on; the bias of the
    # mutual information of 20 bins and 5 classes in 600 rows, 0.06 nats of 1.6. IRS: the 0.99 quantile of 120 to 200
    # rows lies a tenth below that of 600. DCI and modularity: what is not significant is 0.
    bounds = {"irs": 0.1, "disentanglement": 0, "completeness": 0, "modularity": 0}
    for name, value in found.items():
        assert value == pytest.approx((CHANCE | BY_CHANCE).get(name, 0.0), abs=bounds.get(name, 0.07)), name


# What must not matter, bit for bit.

TRANSFORMATIONS = {
    "permuted": lambda z, s: (z[:, [2, 0, 3, 1]], s[:, [2, 0, 3, 1]]),
    "flipped": lambda z, s: (z * [-1, 1, -1, -1], s),
    "rescaled by powers of two": lambda z, s: (z * [0.25, 1, 8, 1024], s * [0.25, 1, 8, 1024]),
    "rescaled": lambda z, s: (z * [3, 1, 0.1, 700], s * [3, 1, 0.1, 700]),
    "dead dimensions": lambda z, s: (
        np.insert(z, [0, 2, 4], [0.0, 0.3, -7.0], axis=1), np.insert(s, [0, 2, 4], 1.0, axis=1)
    ),
    "all at once": lambda z, s: (
        np.insert(z * [-3, 1, -0.1, 7], 2, 0.3, axis=1)[:, ::-1], np.insert(s * [3, 1, 0.1, 7], 2, 1, axis=1)[:, ::-1]
    ),
}  # fmt: skip


@every_metric
@pytest.mark.parametrize("transform", TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
def test_way_of_writing_a_code_does_not_matter(metric, transform):
    codes, stddevs = transform(NOISY.astype("float64"), STDDEVS.astype("float64"))
    assert metric(codes, stddevs, FACTORS).metrics() == metric(NOISY, STDDEVS, FACTORS).metrics()


@every_metric
def test_names_of_classes_do_not_matter(metric):
    renamed = FACTORS * 7 - 3
    assert metric(NOISY, STDDEVS, renamed).metrics() == metric(NOISY, STDDEVS, FACTORS).metrics()


@every_metric
def test_constant_factor_is_left_out(metric):
    factors = np.insert(FACTORS, 1, 5, axis=1)
    result = metric(NOISY, STDDEVS, factors)
    assert result.columns == (0, 2, 3)
    assert result.metrics() == metric(NOISY, STDDEVS, FACTORS).metrics()


@every_metric
def test_same_seed_gives_the_same_result_whatever_the_global_seed(metric):
    found = []
    for seed in (1, 2):
        np.random.seed(seed)
        found.append(metric(NOISY, STDDEVS, FACTORS, seed=5, num_examples=300).metrics())
    assert found[0] == found[1]


@every_metric
def test_no_more_examples_are_looked_at_than_asked_for(metric):
    rows = np.sort(np.random.RandomState(7).permutation(N)[:200])
    capped = metric(NOISY, STDDEVS, FACTORS, seed=7, num_examples=200)
    assert capped.metrics() == metric(NOISY[rows], STDDEVS[rows], FACTORS[rows], seed=7).metrics()


def test_matrices_follow_the_order_of_the_dimensions():
    codes, stddevs = np.insert(NOISY, 1, 0.5, axis=1)[:, ::-1], np.insert(STDDEVS, 1, 0.5, axis=1)[:, ::-1]
    first, other = disentanglement(NOISY, FACTORS, STDDEVS), disentanglement(codes, FACTORS, stddevs)
    of = {
        "mutual information": lambda r: r.mutual_information,
        "binned": lambda r: r.mig_binned.mutual_information,
        "importance": lambda r: r.importance,
        "votes": lambda r: r.factor_vae_score.votes,
        "accuracy": lambda r: r.sap.accuracy - 1 / np.array(SIZES),
        "modularity": lambda r: r.modularity.per_dimension,
        "robustness": lambda r: r.irs.robustness,
    }
    for name, matrix in of.items():
        expected = np.insert(matrix(first), 1, 0, axis=0)[::-1]
        np.testing.assert_allclose(matrix(other), expected, atol=1e-12, err_msg=name)
    assert np.argmax(first.mutual_information[:3], axis=1).tolist() == [0, 1, 2]


# Copies.

WITH_COPIES = {
    "mig": 0.0,
    "mig_binned": 0.0,
    "sap": 0.0,
    "completeness": 1 - np.log(2) / np.log(6),  # two dimensions of six share each factor
}


@every_metric
def test_copies_of_dimensions_cost_what_each_definition_says(metric):
    found = values(metric(np.tile(IDENTITY, 2), np.tile(PRECISE, 2), FACTORS))
    for name, value in found.items():
        # Completeness: a forest shares importance among copies by coin tosses, of which twenty trees make many.
        tolerance = {"completeness": 0.03, "explicitness": 1e-4}.get(name, 0)
        assert value == pytest.approx(WITH_COPIES.get(name, 1.0), abs=tolerance), name


# Defined results.


@every_metric
def test_constant_code_knows_nothing(metric):
    result = metric(np.full((N, 3), 0.3, "float32"), np.ones((N, 3)), FACTORS)
    assert are_shares(result)
    for name, value in values(result).items():
        # Informativeness: the commonest class of one half need not be that of the other.
        assert value == pytest.approx(CHANCE.get(name, 0.0), abs=0.04 if name == "informativeness" else 0), name


@every_metric
def test_one_dimension_is_enough(metric):
    assert are_shares(metric(NOISY[:, :1], STDDEVS[:, :1], FACTORS))


@every_metric
@pytest.mark.parametrize("codes", [NOISY, IDENTITY, np.zeros((N, 2))], ids=["noisy", "identity", "constant"])
def test_one_factor_is_enough(metric, codes):
    result = metric(codes, np.ones(codes.shape), FACTORS[:, 1:2])
    assert are_shares(result)


def test_one_factor_found_by_one_dimension_has_the_highest_scores():
    found = values(disentanglement(IDENTITY[:, 1:2], FACTORS[:, 1:2], PRECISE[:, 1:2]))
    assert found.pop("sap") == 1 - 1 / 4
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=1e-4)


@every_metric
@pytest.mark.parametrize("size", [2, 3, 4, 9, 12, 25])
def test_few_examples_are_enough(metric, size):
    factors = np.arange(size)[:, np.newaxis] // [1, 2] % [size, 2]  # the first takes every value once
    factors[0, 1] = 1
    assert are_shares(metric(NOISY[:size], STDDEVS[:size], factors))


@every_metric
def test_class_that_occurs_once_is_no_fault(metric):
    factors = FACTORS.copy()
    factors[3, 0] = 9
    assert are_shares(metric(NOISY, STDDEVS, factors))


# Faults.

FAULTS = [
    ((NOISY, STDDEVS, np.ones((N, 2), int)), "must have a factor that varies"),
    ((NOISY, STDDEVS, FACTORS[:-1]), "`codes` must be .N, L. and `factors` .N, F."),
    ((NOISY, STDDEVS, FACTORS[:, 0]), "`codes` must be .N, L. and `factors` .N, F."),
    ((NOISY[:1], STDDEVS[:1], FACTORS[:1]), "of 2 rows or more"),
    ((NOISY, STDDEVS, FACTORS + 0.5), "must be integer classes. Received: dtype float64"),
    ((np.where(NOISY > 2, np.nan, NOISY), STDDEVS, FACTORS), "must be finite"),
]


@every_metric
@pytest.mark.parametrize(("arguments", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_arrays_that_cannot_be_scored_are_refused(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


def test_stddevs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="`stddevs` must have the shape of `codes`"):
        mutual_information_gap(NOISY, STDDEVS[:, :2], FACTORS)


# All together.


def test_all_scores_are_those_of_each_metric():
    found = disentanglement(NOISY, FACTORS, STDDEVS, seed=3).metrics()
    for name, metric in METRICS.items():
        if name != "mig_of_points":
            for key, entry in metric(NOISY, STDDEVS, FACTORS, seed=3).metrics().items():
                assert found.pop(key) == entry | {"num_examples": N}
    assert not found


def test_constant_factors_are_named():
    factors = np.insert(FACTORS[:, :2], 1, 5, axis=1)
    result = disentanglement(NOISY, factors, factor_names=("shape", "colour", "scale"))
    assert (result.factor_names, result.constant_factors) == (("shape", "scale"), ("colour",))
    assert all(entry["constant_factors"] == ["colour"] for entry in result.metrics().values())
    assert result.mutual_information.shape == result.importance.shape == (4, 2)


def test_names_must_be_as_many_as_factors():
    with pytest.raises(ValueError, match=r"one for each factor\. Received: 2 names, 3 factors"):
        disentanglement(NOISY, FACTORS, factor_names=("a", "b"))
