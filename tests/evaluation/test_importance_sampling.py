"""The importance-weighted bound against quadrature (R1) and a closed form (R2), and what it must not depend on."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tqdm import tqdm

from tfvae.evaluation import importance_sampling, importance_weighted_bound, log_likelihood
from tfvae.likelihoods import Normal

R1 = [  # x, mean of q(z|x), log p(x), L_1, L_2, L_3
    ((1, 0, 1), 0.8, -1.461777, [-1.505662, -1.492167, -1.485864]),
    ((0, 1, 0), -0.8, -1.754810, [-1.824374, -1.803730, -1.793812]),
]
R2_X, R2_LOG_LIKELIHOOD = (0.9, -0.4, 1.1), -3.116409
REPETITIONS = 20_000
r1_cases = pytest.mark.parametrize(("x", "mean", "log_p", "bounds"), R1, ids=["(1,0,1)", "(0,1,0)"])


def cut(x, batch_size):
    """tf.data as `ordered_batches` gives it."""
    return tf.data.Dataset.from_tensor_slices({"x": x, "index": np.arange(len(x))}).batch(batch_size)


def repeated(x, n=REPETITIONS):
    """The same x in n rows: as every row has its own key, n independent estimates."""
    return np.tile(np.array([x], "float32"), (n, 1))


def within_four_standard_errors(estimates, expected):
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    return 0 < error < 0.01 and abs(np.mean(estimates) - expected) < 4 * error


# Golden values.


@pytest.mark.parametrize("num_samples", [1, 2, 3])
@r1_cases
def test_bound_of_r1_is_that_of_quadrature(x, mean, log_p, bounds, num_samples, r1):
    estimates = log_likelihood(r1(mean), repeated(x), num_samples)
    assert within_four_standard_errors(estimates, bounds[num_samples - 1])


@r1_cases
def test_bound_of_r1_tends_to_the_log_likelihood(x, mean, log_p, bounds, r1):
    # It lies below by var(w) / (2 S mean(w)^2), at 2000 samples less than 1e-4.
    estimates = log_likelihood(r1(mean), repeated(x, 200), 2000)
    assert within_four_standard_errors(estimates, log_p)


@r1_cases
def test_bound_of_r1_rises_with_samples_and_stays_below_the_log_likelihood(x, mean, log_p, bounds, r1):
    means = [log_likelihood(r1(mean), repeated(x, n), s).mean() for s, n in ((1, 20_000), (3, 20_000), (30, 5000))]
    # Steps of 0.02, 0.02 and 0.004 nats are 5 standard errors or more.
    assert np.all(np.diff([*means, log_p]) > 0)


def test_likelihoods_of_the_images_of_r1_add_up_to_one(r1):
    images = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], "float32")
    bound = importance_weighted_bound(r1(0.0), np.repeat(images, 20, axis=0), 1000)
    p = np.exp(bound.log_likelihood)
    error = np.sqrt(np.sum((p * bound.standard_error) ** 2)) / 20
    assert error < 0.01 and abs(np.sum(p) / 20 - 1) < 4 * error


def test_bound_of_r2_is_its_log_likelihood(r2):
    assert within_four_standard_errors(log_likelihood(r2, repeated(R2_X, 200), 1000), R2_LOG_LIKELIHOOD)


def test_one_importance_sample_is_the_elbo(r2):
    assert within_four_standard_errors(log_likelihood(r2, repeated(R2_X), 1), -3.127347)


# Its errors.


def exact_posterior(linear_vae):
    """One latent and p(x|z) = N(z, 0.5^2), so that q(z|x) = p(z|x) = N(0.8 x, 0.2), at x = 1."""
    return linear_vae([0.8], [np.sqrt(0.2)], np.ones((1, 1)), np.zeros(1), Normal(0.5))


def test_every_sample_counts_when_q_is_the_exact_posterior(linear_vae):
    bound = importance_weighted_bound(exact_posterior(linear_vae), repeated([1.0], 5), 700)
    expected = -(np.log(2 * np.pi * 1.25) + 1 / 1.25) / 2  # p(x) = N(0, 1 + 0.25)
    np.testing.assert_allclose(bound.log_likelihood, expected, rtol=1e-5)  # float32 rounding
    np.testing.assert_allclose(bound.effective_sample_size, 700, rtol=1e-5)
    np.testing.assert_allclose(bound.standard_error, 0, atol=1e-3)  # the root of 1e-5 over 700


@pytest.mark.parametrize("num_samples", [1, 5, 50])
def test_effective_sample_size_lies_between_one_and_all(num_samples, r1):
    size = importance_weighted_bound(r1(2.0), repeated((0, 1, 0), 500), num_samples).effective_sample_size
    assert np.all((size >= 1 - 1e-9) & (size <= num_samples + 1e-9))
    assert num_samples == 1 or size.mean() < 0.9 * num_samples  # q is a bad one


def test_standard_error_is_the_spread_of_repetitions(r1):
    # A q as wide as the prior: the weights of a narrower one have no variance that 200 samples could show.
    bound = importance_weighted_bound(r1(stddev=1.0), repeated((1, 0, 1), 2000), 200)
    spread = bound.log_likelihood.std(ddof=1)  # known to 1 / sqrt(2 * 2000), 1.6 %
    assert bound.standard_error.mean() == pytest.approx(spread, rel=0.2)


def test_numbers_are_the_moments_of_the_weights():
    log_weights = np.random.default_rng(0).normal(size=(50, 3))
    weights, highest = np.exp(log_weights), log_weights.max(axis=0)
    scaled = np.exp(log_weights - highest)
    bound = importance_sampling._bound(highest, scaled.sum(0), (scaled**2).sum(0), 50)
    assert all(np.array_equal(*pair) for pair in zip(bound, importance_sampling.bound_of(log_weights), strict=True))
    np.testing.assert_allclose(bound.log_likelihood, np.log(weights.mean(axis=0)))
    error = weights.std(axis=0) / weights.mean(axis=0) / np.sqrt(50)
    np.testing.assert_allclose(bound.standard_error, error)


def test_weights_may_be_far_from_one(linear_vae):
    model = linear_vae([0.0], [1.0], np.full((1, 500), 1e-6), np.zeros(500), Normal(0.01))
    x = repeated(np.ones(500), 2)  # log p(x) is about -2.5 million nats
    expected = -500 * (np.log(2 * np.pi) / 2 + np.log(0.01) + 1 / (2 * 0.01**2))
    np.testing.assert_allclose(log_likelihood(model, x, 600), expected, rtol=1e-4)


# What it does not depend on.


@pytest.fixture
def vae_and_x(make_vae, binary):
    return make_vae(), binary(23)


@pytest.mark.parametrize("block", [1, 600, 5000])
def test_bound_does_not_depend_on_the_size_of_blocks(block, vae_and_x, monkeypatch):
    expected = importance_weighted_bound(*vae_and_x, 600)
    monkeypatch.setattr(importance_sampling, "BLOCK", block)
    for ours, theirs in zip(importance_weighted_bound(*vae_and_x, 600), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)  # float32 rounding


def test_bound_does_not_depend_on_how_batches_are_cut(vae_and_x, monkeypatch):
    model, x = vae_and_x
    monkeypatch.setattr(importance_sampling, "BLOCK", 250)  # blocks of five examples
    whole = importance_weighted_bound(model, x, 50)
    for batch_size in (1, 7, 23):
        found = importance_weighted_bound(model, cut(x, batch_size), 50)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found, whole, strict=True))


def test_samples_are_keyed_by_the_index_that_a_batch_says(vae_and_x):
    model, x = vae_and_x
    whole = log_likelihood(model, x, 50)
    some = tf.data.Dataset.from_tensor_slices({"x": x[[4, 20, 9]], "index": [4, 20, 9]}).batch(2)
    np.testing.assert_allclose(importance_weighted_bound(model, some, 50).log_likelihood, whole[[4, 20, 9]], rtol=1e-5)


@pytest.mark.parametrize("number", [3, 8, 23])
def test_bound_of_the_first_examples_reads_no_further(number, vae_and_x):
    model, x = vae_and_x
    read = []

    def batches():
        for batch in cut(x, 4):
            read.append(len(batch["x"]))
            yield batch

    few = importance_weighted_bound(model, batches(), 50, num_examples=number).log_likelihood
    np.testing.assert_allclose(few, log_likelihood(model, x, 50)[:number], rtol=1e-5)  # float32 rounding
    assert len(few) == number and sum(read) < number + 4


def test_memory_does_not_grow_with_batches(vae_and_x):
    blocks = importance_sampling.blocks_of(cut(vae_and_x[1], 10), 4)
    assert [len(rows["x"]) for rows in blocks] == [4, 4, 4, 4, 4, 3]


@pytest.mark.parametrize(("number", "total"), [(None, 23), (9, 9)])
def test_a_bar_counts_the_examples(number, total, vae_and_x):
    bars = []

    def progress(total, unit):
        bars.append(tqdm(total=total, unit=unit, file=io.StringIO()))
        return bars[-1]

    importance_weighted_bound(vae_and_x[0], cut(vae_and_x[1], 5), 5, progress=progress, num_examples=number)
    assert [(bar.total, bar.n, bar.unit) for bar in bars] == [(total, total, "example")]


def test_metrics_are_plain_values(vae_and_x):
    bound = importance_weighted_bound(*vae_and_x, 20)
    metrics = bound.metrics()
    json.dumps(metrics, allow_nan=False)
    nll = metrics["negative_log_likelihood"]
    assert nll["value"] == pytest.approx(-bound.log_likelihood.mean()) and nll["num_examples"] == 23
    assert nll["monte_carlo_standard_error"] == pytest.approx(np.sqrt((bound.standard_error**2).sum()) / 23)


def test_no_examples_are_refused(vae_and_x):
    with pytest.raises(ValueError, match=r"There must be at least one example. Received: 0"):
        importance_weighted_bound(vae_and_x[0], vae_and_x[1][:0])


def test_bound_of_an_example_depends_on_its_place_and_not_on_the_others(vae_and_x):
    model, x = vae_and_x
    first = log_likelihood(model, x, 50)
    others = np.concatenate([1 - x[:10], x[10:]])
    np.testing.assert_allclose(log_likelihood(model, others, 50)[10:], first[10:], rtol=1e-5)  # float32 rounding
    assert np.all(np.abs(log_likelihood(model, np.roll(x, 1, axis=0), 50)[1:] - first[:-1]) > 1e-5)


def test_samples_of_chunks_are_independent(r1, monkeypatch):
    monkeypatch.setattr(importance_sampling, "CHUNK", 1)
    estimates = log_likelihood(r1(), repeated((1, 0, 1), 5000), 3)  # equal chunks would give L_1
    assert within_four_standard_errors(estimates, R1[0][3][2])


def test_chunks_add_up_to_all_samples(linear_vae, monkeypatch):
    monkeypatch.setattr(importance_sampling, "CHUNK", 64)
    size = importance_weighted_bound(exact_posterior(linear_vae), repeated([1.0], 2), 150).effective_sample_size
    np.testing.assert_allclose(size, 150, rtol=1e-5)


@pytest.mark.slow
def test_effective_size_is_the_same_for_one_chunk_and_many(r1, monkeypatch):
    sizes = []
    for chunk in (1, 20):
        monkeypatch.setattr(importance_sampling, "CHUNK", chunk)
        bound = importance_weighted_bound(r1(-1.0, stddev=1.0), repeated((1, 0, 1), 4000), 20)  # q is a bad one
        sizes.append(bound.effective_sample_size)
    error = np.sqrt(sum(size.var() for size in sizes) / 4000)
    assert abs(sizes[0].mean() - sizes[1].mean()) < 4 * error < 0.04 * sizes[1].mean()


def test_seed_keys_the_samples(vae_and_x):
    first, again, other = (log_likelihood(*vae_and_x, 20, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and np.all(first != other)


def test_bound_ignores_the_global_seed(vae_and_x):
    first = log_likelihood(*vae_and_x, 20)
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(log_likelihood(*vae_and_x, 20), first)


def test_bound_takes_images_and_tensors(make_vae, binary):
    model, x = make_vae((4, 5, 1)), binary(3, (4, 5, 1))
    np.testing.assert_array_equal(log_likelihood(model, x, 7), log_likelihood(model, tf.constant(x), 7))


@pytest.mark.parametrize("num_samples", [0, -1])
def test_num_samples_must_be_at_least_one(num_samples, vae_and_x):
    with pytest.raises(ValueError, match=f"`num_samples` must be at least 1. Received: num_samples={num_samples}"):
        importance_weighted_bound(*vae_and_x, num_samples)


# Devices.


@pytest.mark.slow
def test_all_devices_of_a_machine_share_the_blocks_and_change_no_number():
    alone, shared = by_devices(1), by_devices(2)
    assert alone["bound"] == shared["bound"]  # bit for bit
    assert [device[-5:] for device in alone["devices"]] == ["CPU:0"] * 6
    assert sorted(device[-5:] for device in shared["devices"]) == ["CPU:0"] * 3 + ["CPU:1"] * 3


def by_devices(number):
    command = [sys.executable, str(Path(__file__).with_name("bound_on_devices.py")), str(number)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])
