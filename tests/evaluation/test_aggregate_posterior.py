"""The aggregate posterior: known information, known correlation, and terms that add up to the rate."""

import json
import math
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation import aggregate_posterior
from tfvae.likelihoods import Bernoulli
from tfvae.models import LadderVAE, SemiSupervisedVAE
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import (
    Deterministic,
    DiagonalNormal,
    FullCovarianceNormal,
    InverseAutoregressive,
    Product,
    RelaxedCategorical,
    VonMisesFisher,
)
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.priors import ConditionalNormal, StandardNormal, UniformCategorical, UniformOnSphere
from tfvae.priors import Product as ProductOfPriors

tfd = tfp.distributions
module = sys.modules[aggregate_posterior.__module__]  # its package has the function under the module's name

INFORMATION = {"mutual_information"}
OF_THE_PRIOR = INFORMATION | {"aggregate_kl"}
OF_NORMALS = INFORMATION | {"total_correlation"}
CONDITION = np.eye(2, dtype="float32")[np.arange(12) % 2]


def cut(x, batch_size=64, **more):
    columns = {"x": np.asarray(x, "float32"), "index": np.arange(len(x)), **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


def draws(model, x, **context):
    """The z that `aggregate_posterior` draws, [N, L]."""
    seeds = np.stack([np.zeros(len(x)), np.arange(len(x))], axis=1)
    encode_sample = tf.function(model.encode_sample)  # row by row it would take minutes
    return encode_sample(tf.constant(x, "float32"), tf.constant(seeds, "int32"), **context)[0]


def log_normal(x):
    return -(x**2) / 2 - math.log(2 * math.pi) / 2


def raw(stddev):
    return np.log(np.expm1(np.asarray(stddev) - MINIMAL_STDDEV))


@pytest.fixture
def coder(make_vae):
    """A model whose q(z|x) = N(x, stddev^2), or a full covariance of which `raw_triangle` is made."""

    def make(size, stddev=None, raw_triangle=None):
        posterior = DiagonalNormal(size) if raw_triangle is None else FullCovarianceNormal(size)
        bias = np.full(size, raw(stddev)) if raw_triangle is None else np.asarray(raw_triangle)
        model = make_vae((size,), encoder=keras.layers.Flatten(), posterior=posterior)
        kernel = np.hstack([np.eye(size), np.zeros((size, len(bias)))])
        model.posterior.parameters.set_weights([kernel, np.concatenate([np.zeros(size), bias])])
        return model

    return make


@pytest.fixture
def make_ladder():
    """Makes a small, built ladder of two levels; arguments replace its parts."""

    def make(**parts):
        lists = {name: [MLP([8]), MLP([8])] for name in ("encoders", "decoders")}
        rest = {"prior": StandardNormal(), "likelihood": Bernoulli(), "objective": ELBO()}
        model = LadderVAE(**{**lists, **rest, "posteriors": [DiagonalNormal(2), DiagonalNormal(1)], **parts})
        model.build((None, 6))
        return model

    return make


# Known answers.


def test_equal_posteriors_know_nothing_and_the_rate_is_all_from_the_prior(coder):
    model, x = coder(2, 0.5), np.full((500, 2), 2.0)
    terms = aggregate_posterior(model, cut(x))
    np.testing.assert_allclose(terms.mutual_information, 0, atol=1e-5)  # float32 rounding of log q(z|x)
    np.testing.assert_allclose(terms.total_correlation, 0, atol=1e-5)
    rate = 2 * (math.log(2) + (0.25 + 4) / 2 - 0.5)
    assert abs(terms.aggregate_kl.mean() - rate) < 4 * terms.aggregate_kl.std() / math.sqrt(500)


def test_separate_posteriors_know_which_example_it_is(coder):
    terms = aggregate_posterior(coder(1, 0.5), cut(100.0 * np.arange(40)[:, np.newaxis]))
    np.testing.assert_allclose(terms.mutual_information, math.log(40), atol=1e-6)
    assert terms.metrics()["mutual_information"]["maximum"] == math.log(40)


def test_pairs_of_equal_posteriors_know_which_pair_it_is(coder):
    x = 100.0 * np.repeat(np.arange(20), 2)[:, np.newaxis]
    np.testing.assert_allclose(aggregate_posterior(coder(1, 0.5), cut(x)).mutual_information, math.log(20), atol=1e-5)


def test_a_grid_of_equal_noise_has_independent_dimensions(coder):
    # The mixture over all pairs (a, b) is a product of mixtures, exactly.
    a, b = np.meshgrid([-2, 0, 0.5, 3], [-1, 0.2, 4])
    terms = aggregate_posterior(coder(2, 0.6), cut(np.stack([a.ravel(), b.ravel()], axis=1)))
    np.testing.assert_allclose(terms.total_correlation, 0, atol=1e-5)  # float32 rounding in the marginals
    np.testing.assert_allclose(terms.aggregate_kl, terms.dimension_wise_kl, atol=1e-5)


def test_total_correlation_of_a_correlated_normal_is_the_golden_value(coder):
    # T T^T = [[1, 0.5], [0.5, 1]] for all examples: q(z) is that normal, without any error of a finite mixture.
    diagonal = raw([1.0, math.sqrt(0.75)])
    model = coder(2, raw_triangle=[diagonal[1], 0.5, diagonal[0]])
    covariance = model.encode(tf.zeros([1, 2])).covariance()[0]
    np.testing.assert_allclose(covariance, [[1, 0.5], [0.5, 1]], atol=1e-5)
    terms = aggregate_posterior(model, cut(np.zeros((2000, 2))))
    z = draws(model, np.zeros((2000, 2)))
    exact = tfd.MultivariateNormalTriL(tf.zeros(2), tf.linalg.cholesky([[1, 0.5], [0.5, 1]])).log_prob(z)
    np.testing.assert_allclose(terms.total_correlation, exact - tf.reduce_sum(log_normal(z), axis=1), atol=1e-4)
    assert abs(terms.total_correlation.mean() - 0.143841) < 3 * terms.total_correlation.std() / math.sqrt(2000)
    np.testing.assert_allclose(terms.mutual_information, 0, atol=1e-4)


def test_total_correlation_of_codes_that_are_correlated_as_a_whole(coder):
    # q(z|x) is independent, and with its noise the codes have unit variance and a correlation of 0.5.
    covariance = np.array([[1, 0.5], [0.5, 1]]) - 0.09 * np.eye(2)
    uniform = tfp.mcmc.sample_halton_sequence(2, 4000, dtype="float64", randomized=False)
    x = tfd.Normal(np.float64(0), np.float64(1)).quantile(uniform).numpy() @ np.linalg.cholesky(covariance).T
    model = coder(2, 0.3)
    terms, z = aggregate_posterior(model, cut(x)), draws(model, x)
    exact = tfd.MultivariateNormalTriL(tf.zeros(2), tf.linalg.cholesky([[1, 0.5], [0.5, 1]])).log_prob(z)
    exact = exact - tf.reduce_sum(log_normal(z), axis=1)
    assert abs(np.mean(terms.total_correlation - exact)) < 0.01  # 4,000 evenly spread points are not yet a normal
    assert abs(terms.total_correlation.mean() - 0.143841) < 3 * terms.total_correlation.std() / math.sqrt(4000) < 0.03


def test_independent_latents_have_no_total_correlation(coder):
    x = np.random.default_rng(0).normal(size=(3000, 3)) * 0.6
    terms = aggregate_posterior(coder(3, 0.8), cut(x))
    assert abs(terms.total_correlation.mean()) < 3 * terms.total_correlation.std() / math.sqrt(3000) < 0.02


# What is always so.


def test_terms_add_up_to_the_rate_of_the_sample(make_vae, binary):
    model, x = make_vae(), binary(30)
    terms, z = aggregate_posterior(model, cut(x)), draws(model, x)
    rate = model.encode(x).log_prob(z) - model.p_z().log_prob(z)
    np.testing.assert_allclose(terms.mutual_information + terms.aggregate_kl, rate, atol=1e-4)  # float32 rounding
    np.testing.assert_allclose(terms.total_correlation + terms.dimension_wise_kl, terms.aggregate_kl, atol=1e-9)


@pytest.mark.parametrize("stddev", [1e-4, 0.1, 3.0])
def test_nobody_knows_more_than_log_n(coder, stddev):
    x = np.random.default_rng(0).normal(size=(50, 4)) * 2 + 30
    terms = aggregate_posterior(coder(4, stddev), cut(x))
    assert np.all(terms.mutual_information <= math.log(50) + 1e-9) and all(np.all(np.isfinite(t)) for t in terms)


def test_points_far_from_all_others_have_finite_terms(coder):
    # 1e5 standard deviations apart in one dimension, and float32 has moved z by some deviations.
    terms = aggregate_posterior(coder(2, 2e-6), cut([[0, 1], [50, 1], [1e3, 1], [2e3, 1]]))
    assert all(np.all(np.isfinite(values)) for values in terms)


@pytest.mark.parametrize("batch_size", [4, 23])
def test_results_do_not_depend_on_batches_and_blocks(make_vae, binary, monkeypatch, batch_size):
    x = binary(23)
    for posterior in (DiagonalNormal(3), FullCovarianceNormal(3)):
        model = make_vae(posterior=posterior)
        expected = aggregate_posterior(model, cut(x))
        monkeypatch.setattr(module, "ELEMENTS", 23 * 3 * 5)
        monkeypatch.setattr(module, "PAIRS", 17)
        for one, other in zip(expected, aggregate_posterior(model, cut(x, batch_size)), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)  # float32 rounding
        monkeypatch.undo()


def test_the_first_examples_are_as_if_there_were_no_others(make_vae, binary):
    model, x = make_vae(), binary(23)
    few, alone = aggregate_posterior(model, cut(x, 4), num_examples=11), aggregate_posterior(model, cut(x[:11]))
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(few, alone, strict=True))
    assert few.metrics()["mutual_information"]["num_examples"] == 11


def test_another_seed_draws_other_points(make_vae, binary):
    one, other = (aggregate_posterior(make_vae(), cut(binary(9)), seed=seed).mutual_information for seed in (0, 1))
    assert np.all(one != other)


def test_one_example_says_nothing_of_itself(make_vae, binary):
    terms = aggregate_posterior(make_vae(), cut(binary(1)))
    np.testing.assert_allclose(terms.mutual_information, 0, atol=1e-5)
    assert json.dumps(terms.metrics(), allow_nan=False)


# Each way to the density of the mixture, against one pair after the other.


def direct(model, x, z, condition=None):
    """log q(z_n) of each z, [N], from the posterior of one example after the other."""
    rows = []
    for m in range(len(x)):
        context = {} if condition is None else {"condition": tf.constant(condition[m : m + 1])}
        latents = model.inference(tf.constant(x[m : m + 1]), z[:, tf.newaxis], **context).latents
        rows.append(sum(q.log_prob(sample)[:, 0] for q, _, sample in latents))
    return tf.reduce_logsumexp(tf.cast(rows, "float64"), axis=0) - math.log(len(x))


def own(model, x, z, **context):
    latents = model.inference(tf.constant(x), z[tf.newaxis], **context).latents
    return sum(q.log_prob(sample)[0] for q, _, sample in latents)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_mixtures_of_normals_are_precise_far_from_the_origin(coder, offset):
    x = (np.random.default_rng(0).normal(size=(40, 3)) * 0.05 + offset).astype("float32")
    model = coder(3, 0.02)
    z, mean, stddev = (np.asarray(a, "float64") for a in (draws(model, x), x, model.encode(x).stddev()))
    log_q = -(((z[:, None] - mean) / stddev) ** 2) / 2 - np.log(stddev * math.sqrt(2 * math.pi))
    joint = np.log(np.mean(np.exp(log_q.sum(axis=-1)), axis=1))
    marginals = np.log(np.mean(np.exp(log_q), axis=1)).sum(axis=-1)
    points = module._Points(z, None, None, mean, stddev)
    np.testing.assert_allclose(module._of_normals(points, module.no_progress), joint, rtol=1e-9)
    np.testing.assert_allclose(module._marginals(points, module.no_progress), marginals, atol=1e-4)  # float32
    np.testing.assert_allclose(module._of_pairs(model, cut(x), z, module.no_progress), joint, atol=1e-4)  # float32


POSTERIORS = {
    "diagonal": (lambda: (DiagonalNormal(3), StandardNormal()), OF_THE_PRIOR | OF_NORMALS | {"dimension_wise_kl"}),
    "full": (lambda: (FullCovarianceNormal(3), StandardNormal()), OF_THE_PRIOR | OF_NORMALS | {"dimension_wise_kl"}),
    "flow": (lambda: (InverseAutoregressive(3), StandardNormal()), OF_THE_PRIOR),
    "sphere": (lambda: (VonMisesFisher(3), UniformOnSphere()), OF_THE_PRIOR),
    "no prior": (lambda: (DiagonalNormal(3), None), OF_NORMALS),
    "categories": (lambda: (RelaxedCategorical(3), UniformCategorical()), INFORMATION),
    "product": (
        lambda: (
            Product([DiagonalNormal(2), RelaxedCategorical(3)]),
            ProductOfPriors([StandardNormal(), UniformCategorical()]),
        ),
        INFORMATION,
    ),
    "product of normals": (
        lambda: (
            Product([DiagonalNormal(2), DiagonalNormal(1)]),
            ProductOfPriors([StandardNormal(), StandardNormal()]),
        ),
        OF_THE_PRIOR | OF_NORMALS | {"dimension_wise_kl"},
    ),
}


@pytest.mark.parametrize("name", POSTERIORS)
def test_every_posterior_has_what_is_defined_for_it(make_vae, binary, name):
    (posterior, prior), names = POSTERIORS[name][0](), POSTERIORS[name][1]
    objective = {} if prior is not None and prior.has_density else {"objective": Reconstruction()}
    model, x = make_vae(posterior=posterior, prior=prior, **objective), binary(12)
    terms, z = aggregate_posterior(model, cut(x, 5)), draws(model, x)
    assert set(terms.metrics()) == names
    expected = own(model, x, z) - tf.cast(direct(model, x, z), "float32")
    np.testing.assert_allclose(terms.mutual_information, expected, atol=1e-4)  # float32 rounding


def test_a_ladder_is_measured_on_all_levels_together(make_ladder, binary):
    model, x = make_ladder(), binary(12)
    model.conditional_priors[0].parameters.kernel.assign(tf.random.stateless_normal([8, 4], (0, 1)))
    terms, z = aggregate_posterior(model, cut(x, 5)), draws(model, x)
    latents = model.inference(tf.constant(x), z[tf.newaxis]).latents
    log_p = sum(p.log_prob(sample)[0] for _, p, sample in latents)
    expected = tf.cast(direct(model, x, z), "float32")
    assert set(terms.metrics()) == OF_THE_PRIOR
    np.testing.assert_allclose(terms.mutual_information, own(model, x, z) - expected, atol=1e-4)
    np.testing.assert_allclose(terms.aggregate_kl, expected - log_p, atol=1e-4)


def test_a_class_beside_the_latents_belongs_to_the_code(binary):
    encoder, decoder = Conditioned(MLP([8]), 3), Conditioned(MLP([8]), 3)
    model = SemiSupervisedVAE(encoder, DiagonalNormal(2), StandardNormal(), decoder, Bernoulli(), MLP([8]), 3)
    model.build((None, 6))
    x = binary(12)
    terms, z = aggregate_posterior(model, cut(x, 5)), draws(model, x)
    assert set(terms.metrics()) == OF_THE_PRIOR
    expected = own(model, x, z) - tf.cast(direct(model, x, z), "float32")
    np.testing.assert_allclose(terms.mutual_information, expected, atol=1e-4)


# Conditions.


@pytest.mark.parametrize("posterior", [DiagonalNormal, FullCovarianceNormal])
def test_each_posterior_has_its_own_condition(make_vae, binary, posterior):
    networks = {name: Conditioned(MLP([16]), condition_size=2) for name in ("encoder", "decoder")}
    model, x = make_vae(**networks, posterior=posterior(2)), binary(12)
    terms = aggregate_posterior(model, cut(x, 5, condition=CONDITION))
    z = draws(model, x, condition=tf.constant(CONDITION))
    expected = own(model, x, z, condition=tf.constant(CONDITION)) - tf.cast(direct(model, x, z, CONDITION), "float32")
    np.testing.assert_allclose(terms.mutual_information, expected, atol=1e-4)
    assert set(terms.metrics()) == OF_THE_PRIOR | OF_NORMALS | {"dimension_wise_kl"}


def test_a_prior_for_each_condition_is_none_to_compare_with(make_vae, binary):
    networks = {name: Conditioned(MLP([16]), condition_size=2) for name in ("encoder", "decoder")}
    model = make_vae(**networks, prior=ConditionalNormal(2))
    assert set(aggregate_posterior(model, cut(binary(12), condition=CONDITION)).metrics()) == OF_NORMALS


def test_a_ladder_whose_levels_know_the_condition_has_no_one_prior(make_ladder, binary):
    model = make_ladder(decoders=[MLP([8]), Conditioned(MLP([8]), 2)])
    assert set(aggregate_posterior(model, cut(binary(12), condition=CONDITION)).metrics()) == INFORMATION


# Faults.


def test_codes_without_noise_are_refused(make_vae, binary):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="needs a q\\(z\\|x\\) with a density, and this model's code has no noise"):
        aggregate_posterior(model, cut(binary(5)))


def test_a_number_of_examples_below_one_is_refused(make_vae, binary):
    with pytest.raises(ValueError, match="`num_examples` must be at least 1"):
        aggregate_posterior(make_vae(), cut(binary(5)), num_examples=0)
