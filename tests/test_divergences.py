"""Divergences against golden values, and the pairs that must have a closed form."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import (
    decompose_rate,
    kl_divergence,
    kl_per_dimension,
    log_mean_exp,
    maximum_mean_discrepancy,
    stratified_log_weights,
)
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal

tfd = tfp.distributions

CLOSED_FORM = [  # posterior, its parameters' shapes; a pair that falls back is a silently noisier rate
    pytest.param(
        lambda: tfd.MultivariateNormalDiag(tf.ones([4, 3]), 0.5 * tf.ones([4, 3])), id="MultivariateNormalDiag"
    ),
    pytest.param(lambda: tfd.MultivariateNormalTriL(tf.ones([4, 3]), 0.5 * tf.eye(3)), id="MultivariateNormalTriL"),
    pytest.param(lambda: diagonal_normal()(tf.ones([4, 5])), id="DiagonalNormal"),
]


def diagonal_normal():
    posterior = DiagonalNormal(3)
    posterior.build((None, 5))
    return posterior


def standard_normal(latent_size):
    prior = StandardNormal()
    prior.build((latent_size,))
    return prior()


def mixture():
    components = tfd.MultivariateNormalDiag([[-1.0], [1.0]], [[0.5], [0.8]])
    return tfd.MixtureSameFamily(tfd.Categorical(probs=[0.3, 0.7]), components)


@pytest.mark.parametrize("make", CLOSED_FORM)
def test_closed_form_has_no_sample_axis_and_needs_no_sample(make):
    assert kl_divergence(make(), standard_normal(3), sample=None).shape == [4]


@pytest.mark.parametrize("make", CLOSED_FORM)
def test_closed_form_agrees_with_the_estimate(make):
    q, p = make(), standard_normal(3)
    z = q.sample(20_000, seed=(0, 1))
    estimate = (q.log_prob(z) - p.log_prob(z)).numpy()
    error = estimate.std(0) / np.sqrt(len(estimate))
    assert np.all(np.abs(estimate.mean(0) - kl_divergence(q, p, None)) < 4 * error)  # four standard errors


def test_kl_of_two_normals_is_the_golden_value():
    q = tfd.MultivariateNormalDiag([[1.0]], [[0.5]])
    np.testing.assert_allclose(kl_divergence(q, standard_normal(1), None), [0.818147], atol=1e-6)


def test_kl_to_a_mixture_is_the_golden_value_by_monte_carlo():
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    estimate = kl_divergence(q, mixture(), q.sample(200_000, seed=(0, 1))).numpy()
    error = estimate.std() / np.sqrt(estimate.size)  # about 0.001 nats
    assert error < 0.002 and abs(estimate.mean() - 0.296493) < 4 * error


def test_kl_to_a_mixture_is_the_golden_value_by_quadrature():
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    z = (0.5 + 0.7 * nodes).astype("float32")[:, None, None]
    estimate = kl_divergence(q, mixture(), z)[:, 0]
    assert np.dot(weights, estimate) / np.sqrt(2 * np.pi) == pytest.approx(0.296493, abs=5e-6)  # float32 log_prob


def test_estimate_keeps_samples_and_batch_apart():
    q = tfd.MultivariateNormalDiag(tf.zeros([4, 1]), tf.ones([4, 1]))
    assert kl_divergence(q, mixture(), q.sample(3, seed=(0, 1))).shape == (3, 4)


def test_estimate_has_a_gradient_for_the_prior():
    mean = tf.Variable([[-1.0], [1.0]])
    q = tfd.MultivariateNormalDiag([[0.5]], [[0.7]])
    with tf.GradientTape() as tape:
        components = tfd.MultivariateNormalDiag(mean, [[0.5], [0.8]])
        prior = tfd.MixtureSameFamily(tfd.Categorical(probs=[0.3, 0.7]), components)
        kl = tf.reduce_mean(kl_divergence(q, prior, q.sample(10, seed=(0, 1))))
    assert np.all(tape.gradient(kl, mean) != 0)


MEAN, SCALE = tf.constant([[0.5, -1.0], [0.0, 2.0]]), tf.constant([[0.8, 0.0], [-0.4, 0.6]])
NORMALS = {  # of every form; a covariance, if any, is that of SCALE
    "diagonal": lambda: tfd.MultivariateNormalDiag(MEAN, tf.constant([0.7, 1.3])),
    "triangular": lambda: tfd.MultivariateNormalTriL(MEAN, SCALE),
    "full": lambda: tfd.MultivariateNormalFullCovariance(MEAN, SCALE @ tf.transpose(SCALE)),
    "low-rank": lambda: tfd.MultivariateNormalDiagPlusLowRank(MEAN, tf.ones(2), tf.constant([[0.3], [0.5]])),
    "low-rank-covariance": lambda: tfd.MultivariateNormalDiagPlusLowRankCovariance(
        MEAN, tf.ones(2), tf.constant([[0.3], [0.5]])
    ),
    "independent": lambda: tfd.Independent(tfd.Normal(MEAN, [0.7, 1.3]), 1),
}


def moments(name):
    covariances = {
        "diagonal": np.diag([0.49, 1.69]),
        "independent": np.diag([0.49, 1.69]),
        "low-rank": (np.eye(2) + np.outer([0.3, 0.5], [0.3, 0.5])) @ (np.eye(2) + np.outer([0.3, 0.5], [0.3, 0.5])),
        "low-rank-covariance": np.eye(2) + np.outer([0.3, 0.5], [0.3, 0.5]),
    }
    return MEAN.numpy(), covariances.get(name, SCALE.numpy() @ SCALE.numpy().T)


def moved(distribution):
    """The same at another mean: [2, -1] further."""
    mean = distribution.mean() + tf.constant([2.0, -1.0])
    if isinstance(distribution, tfd.Independent):
        return tfd.Independent(tfd.Normal(mean, distribution.stddev()), 1)
    return distribution.copy(loc=mean)


@pytest.mark.parametrize(("q", "p"), itertools.product(NORMALS, NORMALS))
def test_kl_of_two_normals_of_any_covariance_is_the_formula(q, p):
    (_, cov_q), (_, cov_p) = moments(q), moments(p)
    inverse, shift = np.linalg.inv(cov_p), np.array([2.0, -1.0])
    log_ratio = np.linalg.slogdet(cov_p)[1] - np.linalg.slogdet(cov_q)[1]
    expected = 0.5 * (np.trace(inverse @ cov_q) + shift @ inverse @ shift - 2 + log_ratio)
    kl = kl_divergence(NORMALS[q](), moved(NORMALS[p]()), sample=None)
    np.testing.assert_allclose(kl, [expected, expected], rtol=1e-4)  # float32 rounding of inverses


@pytest.mark.parametrize("make", NORMALS.values(), ids=NORMALS)
def test_kl_of_a_normal_from_itself_is_zero(make):
    np.testing.assert_allclose(kl_divergence(make(), make(), None), [0, 0], atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("point", [tfd.VectorDeterministic(MEAN), tfd.Deterministic(MEAN)], ids=["vector", "scalar"])
def test_a_point_has_no_divergence(point):
    with pytest.raises(ValueError, match="A posterior without density has no divergence from a prior"):
        kl_divergence(point, standard_normal(2), MEAN[None])


@pytest.mark.parametrize(("q", "p"), itertools.product(["diagonal", "independent"], repeat=2))
def test_kl_per_dimension_is_each_normals_and_adds_up(q, p):
    posterior, prior = NORMALS[q](), moved(NORMALS[p]())
    rates = kl_per_dimension(posterior, prior)
    np.testing.assert_allclose(rates, [[4 / 0.49 / 2, 1 / 1.69 / 2]] * 2, rtol=1e-5)  # shift^2 / (2 variance)
    np.testing.assert_allclose(tf.reduce_sum(rates, -1), kl_divergence(posterior, prior, None), rtol=1e-5)


@pytest.mark.parametrize("name", ["triangular", "full", "low-rank", "low-rank-covariance"])
def test_dependent_dimensions_have_no_kl_of_their_own(name):
    assert kl_per_dimension(NORMALS[name](), standard_normal(2)) is None
    assert kl_per_dimension(standard_normal(2), NORMALS[name]()) is None


def test_dimensions_of_a_mixture_have_no_kl_of_their_own():
    assert kl_per_dimension(tfd.MultivariateNormalDiag([[0.5]], [[0.7]]), mixture()) is None


@pytest.mark.parametrize(("batch_size", "dataset_size"), [(2, 10), (7, 1000), (10, 10), (20, 10)])
def test_stratified_weights_sum_to_one_with_one_over_n_on_the_diagonal(batch_size, dataset_size):
    weights = np.exp(stratified_log_weights(batch_size, dataset_size))
    np.testing.assert_allclose(weights.sum(1), np.ones(batch_size), rtol=1e-6)
    np.testing.assert_allclose(np.diag(weights), np.full(batch_size, 1 / dataset_size), rtol=1e-6)


def test_stratified_weights_of_one_example_and_of_all():
    assert stratified_log_weights(1, 50).numpy() == [[0]]
    np.testing.assert_allclose(stratified_log_weights(5, 5), np.full([5, 5], -np.log(5)), rtol=1e-6)


def test_stratified_weights_estimate_the_aggregate_without_bias():
    values, n = np.arange(6.0) ** 2, 6  # stand for q(z_0|x_j): example 0 with all batches of 3 that it is in
    batches = [[0, *others] for others in itertools.combinations(range(1, n), 2)]
    row = np.exp(stratified_log_weights(3, n))[0]
    assert np.mean([row @ values[batch] for batch in batches]) == pytest.approx(values.mean(), rel=1e-6)


@pytest.mark.parametrize("name", ["diagonal", "triangular", "low-rank"])
@pytest.mark.parametrize("num_samples", [1, 3])
def test_decomposition_adds_up_to_the_rate(name, num_samples):
    q, p = NORMALS[name](), standard_normal(2)
    z = q.sample(num_samples, seed=(0, 1))
    terms = tf.function(lambda: decompose_rate(q, p, z, dataset_size=100))()
    assert all(term.shape == (num_samples, 2) for term in terms)
    np.testing.assert_allclose(sum(terms), q.log_prob(z) - p.log_prob(z), rtol=1e-4, atol=1e-5)  # float32 rounding


def test_mutual_information_of_far_examples_is_the_logarithm_of_their_number():
    q = tfd.MultivariateNormalDiag(100 * tf.reshape(tf.range(8.0), [8, 1]), tf.ones([8, 1]))
    terms = decompose_rate(q, standard_normal(1), q.sample(1, seed=(0, 1)), dataset_size=8)
    np.testing.assert_allclose(terms.mutual_information, np.full([1, 8], np.log(8)), rtol=1e-5)
    np.testing.assert_allclose(terms.total_correlation, np.zeros([1, 8]), atol=1e-5)  # of one dimension


def test_log_mean_exp_does_not_overflow():
    x = tf.constant([[1000.0, 1000.0], [0.0, np.log(3.0)]])
    np.testing.assert_allclose(log_mean_exp(x, axis=1), [1000.0, np.log(2.0)], rtol=1e-6)


def test_maximum_mean_discrepancy_leaves_out_the_diagonal():
    x, y = tf.constant([[0.0], [1.0]]), tf.constant([[0.0], [3.0]])
    value = maximum_mean_discrepancy(lambda squared, size: squared, x, y)
    assert float(value) == pytest.approx(1 + 9 - 2 * (0 + 9 + 1 + 4) / 4)
    assert float(maximum_mean_discrepancy(lambda squared, size: squared, x[:1], y[1:])) == 0
