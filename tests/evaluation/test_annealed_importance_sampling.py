"""Annealing against exact values from both sides, and what its numbers must not depend on."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation import annealing, importance_weighted_bound, log_likelihood
from tfvae.evaluation.annealed_importance_sampling import annealed_importance_sampling, bidirectional_monte_carlo
from tfvae.likelihoods import Normal
from tfvae.models import LadderVAE
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, VonMisesFisher
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.priors import ConditionalNormal, FittedAfterTraining, MixtureOfNormals, StandardNormal, UniformOnSphere

tfd = tfp.distributions

R1_LOG_LIKELIHOOD = {(1, 0, 1): -1.461777, (0, 1, 0): -1.754810}
R2_X, R2_LOG_LIKELIHOOD = (0.9, -0.4, 1.1), -3.116409
R2_W, R2_B = np.array([[1, 0.3, 0.7], [0.5, -1.2, 0.2]]), np.array([0.1, -0.2, 0.3])
REFUSAL = "Annealing needs a prior with a density over real vectors"
SHORT = {"num_chains": 4, "num_leapfrog_steps": 3}
FEW = {"num_steps": 3, "num_chains": 4, "num_leapfrog_steps": 2}


def repeated(x, n):
    """The same x in n rows: as every row has chains of its own, n independent estimates."""
    return np.tile(np.array([x], "float32"), (n, 1))


def near(estimates, expected, error_below):
    """Whether a mean is within four standard errors of what is expected, and these are small enough to tell."""
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    return 0 < error < error_below and abs(np.mean(estimates - expected)) < 4 * error


def exact_r2(x, prior_mean=(0.0, 0.0)):
    """log p(x) of R2, [N], where z ~ N(prior_mean, I)."""
    covariance = R2_W.T @ R2_W + 0.25 * np.eye(3)
    return (
        tfd.MultivariateNormalTriL(np.dot(prior_mean, R2_W) + R2_B, np.linalg.cholesky(covariance)).log_prob(x).numpy()
    )


def cut(x, batch_size, **more):
    """tf.data as `ordered_batches` gives it."""
    return tf.data.Dataset.from_tensor_slices({"x": x, "index": np.arange(len(x)), **more}).batch(batch_size)


@pytest.fixture
def prior_as_posterior(linear_vae):
    """R2 with q(z|x) = p(z), which suits every x alike."""
    return linear_vae(np.zeros(2), np.ones(2), R2_W, R2_B, Normal(0.5))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(annealing, "BLOCK", 8)  # two examples with four chains each


# Exact values.


@pytest.mark.parametrize("x", R1_LOG_LIKELIHOOD)
def test_mean_weight_of_r1_is_the_likelihood(x, r1):
    bound = annealed_importance_sampling(r1(), repeated(x, 1000), num_steps=4, num_chains=4)
    assert near(np.exp(bound.log_likelihood - R1_LOG_LIKELIHOOD[x]), 1, error_below=0.02)


def test_mean_weight_of_r2_is_the_likelihood_although_moves_are_few(r2):
    bound = annealed_importance_sampling(r2, repeated(R2_X, 1000), num_steps=5, **SHORT)
    assert near(np.exp(bound.log_likelihood - R2_LOG_LIKELIHOOD), 1, error_below=0.03)


def test_estimate_of_r2_is_its_log_likelihood(r2):
    # It lies below by half the squared standard error of an example, some 0.01 nats at 400 temperatures.
    bound = annealed_importance_sampling(r2, repeated(R2_X, 250), num_steps=400, **SHORT)
    assert near(bound.log_likelihood, R2_LOG_LIKELIHOOD, error_below=0.012)


def test_more_temperatures_tighten_the_bound(r2):
    x = repeated(R2_X, 500)
    means = [annealed_importance_sampling(r2, x, k, num_chains=1).log_likelihood.mean() for k in (2, 6, 60)]
    # Steps of 1.7, 2.2 and 0.22 nats are 6 standard errors or more.
    assert np.all(np.diff([*means, R2_LOG_LIKELIHOOD]) > 0)


def test_annealing_agrees_with_the_importance_weighted_bound(prior_as_posterior):
    x = repeated(R2_X, 64)
    annealed = annealed_importance_sampling(prior_as_posterior, x, num_steps=100, num_leapfrog_steps=3).log_likelihood
    assert near(annealed - log_likelihood(prior_as_posterior, x, 5000), 0, error_below=0.02)


def test_standard_error_is_the_spread_of_repetitions(r2):
    bound = annealed_importance_sampling(r2, repeated(R2_X, 400), num_steps=20, num_leapfrog_steps=3)
    spread = bound.log_likelihood.std(ddof=1)  # known to 1 / sqrt(2 * 400), 4 %, and the delta method to as much
    assert bound.standard_error.mean() == pytest.approx(spread, rel=0.2)
    assert np.all((bound.effective_sample_size >= 1) & (bound.effective_sample_size <= 16 + 1e-9))


def test_steps_are_adapted_to_the_acceptance_rate(r2):
    bound = annealed_importance_sampling(r2, repeated(R2_X, 50), num_steps=200)
    # Steps lag behind the temperature, and chains in the tails accept less or more: seen is 0.663.
    np.testing.assert_allclose(bound.acceptance_rate.mean(), annealing.ACCEPTANCE, atol=0.05)


def test_temperatures_are_those_of_the_paper():
    found = annealing.sigmoid_schedule(4)
    s = lambda t: 1 / (1 + np.exp(-4.0 * t))  # noqa: E731
    np.testing.assert_allclose(found, [(s(t) - s(-1)) / (s(1) - s(-1)) for t in (-1, -0.5, 0, 0.5, 1)], rtol=1e-12)
    assert found[0] == 0 and found[-1] == 1


# Both sides.


def test_mean_weight_back_from_the_exact_draw_is_the_inverse_likelihood(r2):
    found = bidirectional_monte_carlo(r2, 1000, num_steps=20, **SHORT)
    assert near(np.exp(exact_r2(found.x) - found.upper), 1, error_below=0.05)
    assert near(np.exp(found.lower - exact_r2(found.x)), 1, error_below=0.05)


def test_few_temperatures_enclose_the_log_likelihood_and_more_close_in_on_it(r2):
    gaps = []
    for num_steps in (4, 12, 100):
        found = bidirectional_monte_carlo(r2, 250, num_steps, **SHORT)
        gaps.append(found.gap.mean())
        if num_steps < 100:  # where the bounds are 5 standard errors or more away
            assert np.mean(found.lower - exact_r2(found.x)) < 0 < np.mean(found.upper - exact_r2(found.x))
    # 1.5, 0.5 and 0.1 nats, with standard errors of 0.12, 0.06 and 0.03.
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] and gaps[2] < 0.2


def test_both_estimators_lie_in_the_enclosure(prior_as_posterior):
    found = bidirectional_monte_carlo(prior_as_posterior, 64, num_steps=100, num_leapfrog_steps=3)
    bound = importance_weighted_bound(prior_as_posterior, found.x, 5000)
    assert near(found.lower - bound.log_likelihood, 0, error_below=0.03)
    difference = found.upper - bound.log_likelihood
    assert np.mean(difference) > -4 * np.std(difference) / np.sqrt(64)


def test_simulated_examples_are_draws_of_the_model(r2):
    x = bidirectional_monte_carlo(r2, 2000, **FEW).x
    exact = R2_W.T @ R2_W + 0.25 * np.eye(3)
    variance = exact.max()  # 1.78
    np.testing.assert_allclose(x.mean(axis=0), R2_B, atol=4 * np.sqrt(variance / 2000))
    np.testing.assert_allclose(np.cov(x.T), exact, atol=4 * variance * np.sqrt(2 / 2000))


# Models of all kinds.


def test_the_encoder_is_not_used(vae_and_x):
    model, x = vae_and_x
    before = annealed_importance_sampling(model, x, **FEW).log_likelihood
    model.posterior.parameters.kernel.assign(model.posterior.parameters.kernel + 1)
    np.testing.assert_array_equal(annealed_importance_sampling(model, x, **FEW).log_likelihood, before)


def test_an_autoencoder_with_a_fitted_prior_has_a_likelihood(make_vae):
    # One latent, and so p(x) = sum over a grid of p(z) p(x|z).
    parts = {"decoder": keras.layers.Identity(), "objective": Reconstruction()}
    model = make_vae((3,), posterior=Deterministic(1), prior=FittedAfterTraining(MixtureOfNormals(2)), **parts)
    model.likelihood.logits.linear.set_weights([np.array([[2, -1.5, 0.5]]), np.array([0.3, -0.2, 0.1])])
    with pytest.raises(ValueError, match=REFUSAL):
        annealed_importance_sampling(model, repeated((1, 0, 1), 2), **FEW)
    model.prior.fit(tf.constant(np.random.default_rng(0).normal([[-3.0], [2.0]], 0.5, [2, 50]).reshape(-1, 1)), 0)
    z = tf.cast(tf.linspace(-8.0, 8.0, 4001), "float32")[:, tf.newaxis]
    grid = model.p_z().log_prob(z) + model.decode(z).log_prob([1.0, 0.0, 1.0])
    exact = tf.reduce_logsumexp(grid) + np.log(16 / 4000)
    found = annealed_importance_sampling(model, repeated((1, 0, 1), 500), num_steps=10, **SHORT)
    assert near(np.exp(found.log_likelihood - exact), 1, error_below=0.05)


@pytest.fixture
def conditional(make_vae):
    """R2 with z ~ N(c, I)."""
    parts = {"encoder": keras.layers.Flatten(), "decoder": keras.layers.Identity(), "likelihood": Normal(0.5)}
    model = make_vae((3,), prior=ConditionalNormal(2), **parts)
    model.likelihood.mean.linear.set_weights([R2_W, R2_B])
    model.prior.parameters.kernel.assign(np.eye(2, 4))
    return model


def test_each_example_is_annealed_under_its_own_condition(conditional):
    condition = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    x = repeated(R2_X, 300)
    bound = annealed_importance_sampling(conditional, x, 10, context={"condition": condition}, **SHORT)
    assert near(np.exp(bound.log_likelihood - exact_r2(x, condition)), 1, error_below=0.05)


def test_examples_are_simulated_under_their_conditions(conditional):
    condition = 3 * np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    found = bidirectional_monte_carlo(conditional, 300, 20, condition=condition, **SHORT)
    exact = exact_r2(found.x, condition)
    assert near(np.exp(found.lower - exact), 1, error_below=0.05)
    assert near(np.exp(exact - found.upper), 1, error_below=0.1)


def test_all_levels_of_a_ladder_are_annealed():
    # R2 with z_1 ~ N(a z_2, I) and z_2 ~ N(0, 1).
    a, heads = np.array([[0.8, -0.5]]), [DiagonalNormal(2), DiagonalNormal(1)]
    networks = {"encoders": [keras.layers.Flatten(), keras.layers.Identity()]}
    networks["decoders"] = [keras.layers.Identity(), keras.layers.Identity()]
    model = LadderVAE(posteriors=heads, prior=StandardNormal(), likelihood=Normal(0.5), objective=ELBO(), **networks)
    model.build((None, 3))
    model.likelihood.mean.linear.set_weights([R2_W, R2_B])
    raw_stddev = np.full(2, np.log(np.expm1(1 - MINIMAL_STDDEV)))
    of_level_one = [np.concatenate([a, np.zeros((1, 2))], 1), np.concatenate([np.zeros(2), raw_stddev])]
    model.conditional_priors[0].parameters.set_weights(of_level_one)
    covariance = R2_W.T @ (np.eye(2) + a.T @ a) @ R2_W + 0.25 * np.eye(3)
    found = bidirectional_monte_carlo(model, 400, num_steps=20, **SHORT)
    exact = tfd.MultivariateNormalTriL(R2_B, np.linalg.cholesky(covariance)).log_prob(found.x).numpy()
    assert near(np.exp(found.lower - exact), 1, error_below=0.05)
    assert near(np.exp(exact - found.upper), 1, error_below=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        {"prior": None, "objective": Reconstruction()},
        {"posterior": VonMisesFisher(3), "prior": UniformOnSphere()},
    ],
    ids=["no prior", "a sphere"],
)
def test_models_without_a_density_over_real_vectors_are_refused(parts, make_vae, binary):
    with pytest.raises(ValueError, match=REFUSAL):
        annealed_importance_sampling(make_vae(**parts), binary(2))
    with pytest.raises(ValueError, match=REFUSAL):
        bidirectional_monte_carlo(make_vae(**parts))


@pytest.mark.parametrize(("name", "least"), [("num_steps", 2), ("num_chains", 1), ("num_leapfrog_steps", 1)])
def test_numbers_must_be_large_enough(name, least, vae_and_x):
    with pytest.raises(ValueError, match=f"`{name}` must be at least {least}. Received: {name}={least - 1}"):
        annealed_importance_sampling(*vae_and_x, **{name: least - 1})


# What it does not depend on.


@pytest.fixture
def vae_and_x(make_vae, binary):
    return make_vae(), binary(7)


def test_estimates_do_not_depend_on_how_batches_are_cut(vae_and_x, small_blocks):
    model, x = vae_and_x
    whole = annealed_importance_sampling(model, x, **FEW)
    for batch_size in (1, 3, 7):
        found = annealed_importance_sampling(model, cut(x, batch_size), **FEW)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found, whole, strict=True))


def test_the_first_examples_keep_their_estimates(vae_and_x, small_blocks):
    model, x = vae_and_x
    few = annealed_importance_sampling(model, cut(x, 2), num_examples=3, **FEW).log_likelihood
    np.testing.assert_array_equal(few, annealed_importance_sampling(model, x, **FEW).log_likelihood[:3])


def test_seed_keys_all_draws(vae_and_x, small_blocks):
    found = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(len(found))  # which is not to matter
        found.append(annealed_importance_sampling(*vae_and_x, seed=seed, **FEW).log_likelihood)
    assert np.array_equal(found[0], found[1]) and np.all(found[0] != found[2])


def test_repeated_examples_have_chains_of_their_own(make_vae, binary, small_blocks):
    found = annealed_importance_sampling(make_vae(), np.repeat(binary(1), 5, axis=0), **FEW).log_likelihood
    assert len(np.unique(found)) == 5


def test_a_bar_counts_the_moves_of_all_runs(vae_and_x, small_blocks, bars):
    annealed_importance_sampling(*vae_and_x, progress=bars, **FEW)
    bidirectional_monte_carlo(vae_and_x[0], 3, progress=bars, **FEW)
    # 4 and 2 blocks, 2 temperatures between 0 and 1, and 2 and 3 runs.
    assert [(bar.total, bar.n) for bar in bars.made] == [(16, 16), (12, 12)]


def test_metrics_are_plain_values_of_all_examples(vae_and_x, small_blocks):
    bound, enclosure = (
        annealed_importance_sampling(*vae_and_x, **FEW),
        bidirectional_monte_carlo(vae_and_x[0], 5, **FEW),
    )
    metrics = bound.metrics() | enclosure.metrics()
    json.dumps(metrics, allow_nan=False)
    assert metrics["annealed_negative_log_likelihood"]["value"] == pytest.approx(-bound.log_likelihood.mean())
    assert metrics["annealed_negative_log_likelihood"]["num_examples"] == 7
    upper, lower = (metrics[f"simulated_negative_log_likelihood_{side}"]["value"] for side in ("upper", "lower"))
    assert upper - lower == pytest.approx(metrics["bidirectional_gap"]["value"])
    assert upper == pytest.approx(-enclosure.lower.mean()) and 0 < metrics["acceptance_rate"]["value"] <= 1


@pytest.fixture
def bars():
    """A `progress` that remembers its bars."""

    class Bar:
        def __init__(self, total, unit):
            self.total, self.unit, self.n = total, unit, 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, number):
            self.n += number

    def make(total, unit):
        make.made.append(Bar(total, unit))
        return make.made[-1]

    make.made = []
    return make
