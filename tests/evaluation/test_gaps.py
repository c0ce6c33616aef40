"""Gaps of R2, whose ELBO and log p(x) are known for every normal q(z|x)."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation import gaps
from tfvae.evaluation.gaps import inference_gaps
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, FullCovarianceNormal

tfd = tfp.distributions

X, N = (0.9, -0.4, 1.1), 1000
MEAN = (0.662906, 0.310296)
COVARIANCE = np.array([[0.139633, -0.019746], [-0.019746, 0.129055]])  # of p(z|x)
SHIFT = np.array([0.3, -0.2])
OF_THE_FAMILY = 0.010937
FEW = {"num_samples": 5, "num_steps": 2}


def near(values, expected, error_below):
    """Whether a mean is within four standard errors of what is expected, and these are small enough to tell."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return 0 < error < error_below and abs(np.mean(values) - expected) < 4 * error


@pytest.fixture(autouse=True)
def one_block(monkeypatch):
    monkeypatch.setattr(gaps, "BLOCK", N)


@pytest.fixture
def x():
    return np.tile(np.array([X], "float32"), (N, 1))


def test_the_best_independent_posterior_has_the_gap_of_its_family(r2, x):
    found = inference_gaps(r2, x, num_samples=200)
    # A log p(x) of 200 samples is too small by 1e-4 nats.
    assert near(found.approximation, OF_THE_FAMILY, error_below=0.004)
    assert near(found.inference, OF_THE_FAMILY, error_below=0.004)
    assert abs(found.amortization.mean()) < 5e-3  # the noise of the steps leaves q* 0.002 nats below the best


def test_a_shifted_encoder_loses_the_divergence_that_the_shift_makes(r2, x):
    bias = r2.posterior.parameters.bias
    bias.assign(bias + np.concatenate([SHIFT, np.zeros(2)]))
    found = inference_gaps(r2, x, num_samples=500)
    amortization = SHIFT @ np.linalg.inv(COVARIANCE) @ SHIFT / 2  # 0.4 nats
    assert near(found.amortization, amortization, error_below=0.01)
    assert near(found.inference, amortization + OF_THE_FAMILY, error_below=0.01)
    assert near(found.approximation, OF_THE_FAMILY, error_below=0.005)
    np.testing.assert_allclose(found.approximation + found.amortization, found.inference, rtol=1e-6)


def test_a_full_covariance_leaves_only_the_gap_of_amortization(untrained_r2, x):
    model = untrained_r2(FullCovarianceNormal(2))
    model.posterior.parameters.set_weights([np.zeros((3, 5)), np.array([0.6, 0.3, -1, 0, -1])])
    found = inference_gaps(model, x, log_likelihood=np.full(N, -3.116409))
    exact = tfd.MultivariateNormalTriL(MEAN, np.linalg.cholesky(COVARIANCE).astype("float32"))
    assert near(found.inference, tfd.kl_divergence(model.encode(x[:1]), exact), error_below=0.005)
    assert near(found.approximation, 0, error_below=0.005)


@pytest.fixture
def vae_and_x(make_vae, binary, monkeypatch):
    monkeypatch.setattr(gaps, "BLOCK", 4)
    return make_vae(), binary(7)


def test_gaps_do_not_depend_on_how_batches_are_cut(vae_and_x):
    model, x = vae_and_x
    whole = inference_gaps(model, x, **FEW)
    for size in (1, 3):
        batches = tf.data.Dataset.from_tensor_slices({"x": x, "index": np.arange(7)}).batch(size)
        found = inference_gaps(model, batches, **FEW)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found, whole, strict=True))


def test_the_first_examples_and_a_likelihood_of_ones_own(vae_and_x):
    model, x = vae_and_x
    whole = inference_gaps(model, x, **FEW)
    few = inference_gaps(model, x, num_examples=4, log_likelihood=np.zeros(4), **FEW)
    np.testing.assert_array_equal(few.elbo, whole.elbo[:4])
    np.testing.assert_array_equal(few.inference, -few.elbo)


def test_metrics_are_plain_values(vae_and_x):
    found = inference_gaps(*vae_and_x, **FEW)
    metrics = found.metrics()
    json.dumps(metrics, allow_nan=False)
    assert metrics["inference_gap"]["value"] == pytest.approx(np.mean(found.log_likelihood - found.elbo))
    parts = metrics["approximation_gap"]["value"] + metrics["amortization_gap"]["value"]
    assert parts == pytest.approx(metrics["inference_gap"]["value"])


def test_a_model_without_densities_is_refused(make_vae, binary):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="needs a posterior and a prior with densities"):
        inference_gaps(model, binary(2))
