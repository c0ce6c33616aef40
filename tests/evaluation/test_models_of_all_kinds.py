"""Figures of models that are no plain VAE: conditional, without rate or density, of several groups, of tables."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import importance_weighted_bound, measure, rate_per_dimension
from tfvae.likelihoods import Table
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, Product, RelaxedCategorical, VonMisesFisher
from tfvae.priors import (
    ConditionalNormal,
    FittedAfterTraining,
    MixtureOfNormals,
    StandardNormal,
    UniformCategorical,
    UniformOnSphere,
)
from tfvae.priors import Product as ProductOfPriors

K, SIZE = 3, 11
CONDITION = np.eye(K, dtype="float32")[np.arange(SIZE) % K]
COLUMNS = [
    {"name": "age", "type": "real", "mean": 10.0, "stddev": 2.0},
    {"name": "vip", "type": "binary"},
    {"name": "kind", "type": "categorical", "categories": ["a", "b", "c"]},
]
OF_THE_RATE = {"negative_elbo", "rate", "rate_per_dimension"}
OF_THE_DENSITY = {"negative_log_likelihood", "effective_sample_size", "bits_per_dimension"}


def cut(x, batch_size=4, **more):
    """tf.data as `ordered_batches` gives it."""
    rows = {"x": x, "index": np.arange(len(x)), **more}
    return tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)


def figures(result):
    return {name: metric["value"] for name, metric in result["metrics"].items()}


def names(result):
    json.dumps(result, allow_nan=False)
    return set(result["metrics"])


@pytest.fixture
def conditional(make_vae):
    model = make_vae(encoder=Conditioned(MLP([8]), K), decoder=Conditioned(MLP([8]), K), prior=ConditionalNormal(K))
    model.prior.parameters.kernel.assign(np.random.default_rng(0).normal(size=model.prior.parameters.kernel.shape))
    return model


@pytest.fixture
def table_and_x(make_vae):
    model = make_vae((3,), encoder=TableFeatures(MLP([8]), COLUMNS), likelihood=Table(COLUMNS))
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(10, 2, SIZE), rng.integers(0, 2, SIZE), rng.integers(0, 3, SIZE)], axis=1)
    x[rng.random(x.shape) < 0.2] = np.nan
    return model, x.astype("float32")


# Conditions.


def test_figures_of_a_conditional_model_do_not_depend_on_how_batches_are_cut(conditional, binary):
    x = binary(SIZE)
    results = [figures(measure(conditional, cut(x, size, condition=CONDITION), num_samples=10)) for size in (SIZE, 4)]
    for result in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_allclose(result[name], value, rtol=1e-5, err_msg=name)  # float32 rounding


def test_each_example_is_measured_under_its_own_condition(conditional, binary):
    x, swapped = binary(SIZE), np.roll(CONDITION, 1, axis=1)
    one, other = (figures(measure(conditional, cut(x, condition=c), num_samples=10)) for c in (CONDITION, swapped))
    assert all(one[name] != other[name] for name in ("distortion", "rate", "negative_log_likelihood"))


def test_bound_of_an_example_is_that_of_a_model_given_its_condition(conditional, binary):
    x = binary(SIZE)
    bound = importance_weighted_bound(conditional, x, 20, context={"condition": CONDITION}).log_likelihood
    for k in range(K):
        repeated = np.tile(np.eye(K, dtype="float32")[k], (SIZE, 1))  # all rows, so that each keeps its place and seed
        same = importance_weighted_bound(conditional, x, 20, context={"condition": repeated}).log_likelihood
        np.testing.assert_allclose(bound[k::K], same[k::K], rtol=1e-5)  # float32 rounding


def test_bound_of_the_first_examples_takes_their_conditions(conditional, binary):
    x = binary(SIZE)
    few = measure(conditional, cut(x, 4, condition=CONDITION), num_samples=10, num_examples=6)
    whole = importance_weighted_bound(conditional, x[:6], 10, context={"condition": CONDITION[:6]})
    expected = -whole.log_likelihood.mean()
    assert few["metrics"]["negative_log_likelihood"]["value"] == pytest.approx(expected, rel=1e-5)


# No rate, no density.


def test_an_autoencoder_has_a_distortion_and_no_rate(make_vae, binary):
    model, x = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction()), binary(SIZE)
    result = measure(model, cut(x), num_samples=10)
    assert names(result) == {"distortion", "reconstruction_mse"}
    exact = -tf.reduce_mean(model.decode(model.code(x)).log_prob(x))
    assert figures(result)["distortion"] == pytest.approx(float(exact), rel=1e-5)  # float32 rounding
    assert not result["collapsed"] and "without noise" in result["verdict"]


def test_a_stochastic_model_without_prior_has_active_units_and_no_rate(make_vae, binary):
    result = measure(make_vae(prior=None, objective=Reconstruction()), cut(binary(SIZE)), num_samples=10)
    assert names(result) == {"distortion", "reconstruction_mse", "active_units"}


def test_a_prior_that_is_fitted_brings_rate_and_likelihood(make_vae, binary):
    model = make_vae(prior=FittedAfterTraining(MixtureOfNormals(2)), objective=Reconstruction())
    before = names(measure(model, cut(binary(SIZE)), num_samples=10))
    model.fit_prior([{"x": binary(SIZE)}])
    assert names(measure(model, cut(binary(SIZE)), num_samples=10)) - before == OF_THE_RATE | OF_THE_DENSITY


def test_a_prior_of_categories_has_a_rate_and_no_likelihood(make_vae, binary):
    model = make_vae(posterior=RelaxedCategorical(3), prior=UniformCategorical())
    found = names(measure(model, cut(binary(SIZE)), num_samples=10))
    assert found & OF_THE_RATE == OF_THE_RATE and not found & OF_THE_DENSITY


def test_a_bound_without_density_is_refused(make_vae, binary):
    model = make_vae(prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="needs a posterior and a prior with densities, and this model has not both"):
        importance_weighted_bound(model, binary(2), 10)


# Groups.


def test_each_dimension_has_its_rate_and_a_group_that_has_none_has_one(make_vae, binary):
    model = make_vae(
        posterior=Product([DiagonalNormal(2), RelaxedCategorical(3)]),
        prior=ProductOfPriors([StandardNormal(), UniformCategorical()]),
    )
    x = binary(SIZE)
    result = figures(measure(model, cut(x), num_samples=10))
    normal, _ = model.infer(x, seed=(0, 1)).latents
    mean, stddev = normal.posterior.mean(), normal.posterior.stddev()
    exact = tf.reduce_mean(0.5 * (stddev**2 + mean**2 - 1 - 2 * tf.math.log(stddev)), axis=0)
    assert len(result["rate_per_dimension"]) == 3
    np.testing.assert_allclose(result["rate_per_dimension"][:2], exact, rtol=1e-4)  # differences of numbers near 1
    assert 0 <= result["rate_per_dimension"][2] <= np.log(3)
    assert sum(result["rate_per_dimension"]) == pytest.approx(result["rate"], rel=1e-5)


def test_codes_on_a_sphere_have_one_rate_for_all_dimensions(make_vae, binary):
    model, x = make_vae(posterior=VonMisesFisher(3), prior=UniformOnSphere()), binary(SIZE)
    result = figures(measure(model, cut(x), num_samples=10))
    assert result["rate_per_dimension"] == [pytest.approx(result["rate"], rel=1e-5)]
    assert rate_per_dimension(model, x).shape == (1,)


# Tables.


def test_a_table_has_no_bits_per_dimension_and_no_squared_error(table_and_x):
    model, x = table_and_x
    found = names(measure(model, cut(x), num_samples=10))
    assert "negative_log_likelihood" in found and not found & {"bits_per_dimension", "reconstruction_mse"}


def test_what_is_missing_costs_nothing(table_and_x):
    model, x = table_and_x
    nothing = figures(measure(model, cut(np.full_like(x, np.nan)), num_samples=10))
    assert nothing["distortion"] == 0.0 and nothing["negative_elbo"] == nothing["rate"]
