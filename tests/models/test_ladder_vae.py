"""The ladder: what it shares with the VAE, and a linear model whose posterior and likelihood are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.evaluation import log_likelihood, measure
from tfvae.likelihoods import Bernoulli, Normal
from tfvae.models import VAE, LadderVAE
from tfvae.models.levels import product_of_normals
from tfvae.networks import MLP, Conditioned, ConvDecoder, ConvEncoder
from tfvae.objectives import ELBO, DoublyReparameterized, ImportanceWeightedELBO
from tfvae.posteriors import DiagonalNormal, Posterior, VonMisesFisher
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.priors import ConditionalNormal, StandardNormal, UniformOnSphere
from tfvae.schedules import LinearWarmup

tfd = tfp.distributions

levels = pytest.mark.parametrize("sizes", [(2,), (3, 2), (3, 2, 1)], ids=["1 level", "2 levels", "3 levels"])

# The linear model: z_2 ~ N(0, 1), z_1 ~ N(A z_2 + a, diag(s^2)), x ~ N(W z_1 + b, sigma^2 I). The columns of W are
# orthogonal, so that p(x|z_1) is a diagonal normal of z_1, and the product of normals can be p(z_1|x, z_2).
W = np.array([[1, 0.5], [0.3, -1.2], [0.7, -0.2]])
B, SIGMA = np.array([0.1, -0.2, 0.3]), 0.5
A, LOWER_MEAN, LOWER_STDDEV = np.array([[0.8], [-0.5]]), np.array([0.2, -0.1]), np.array([0.6, 0.9])
GIVEN_TOP = SIGMA**2 * np.eye(3) + W @ np.diag(LOWER_STDDEV**2) @ W.T  # covariance of x given z_2
X = tf.constant([[0.9, -0.4, 1.1], [-0.3, 0.2, 0.5]])


@pytest.fixture
def make_ladder():
    """Makes a small, built ladder with a level for each latent size, the lowest first; arguments replace its parts."""

    def make(sizes=(3, 2), event_shape=(6,), seed=0, **parts):
        defaults = {
            "encoders": [MLP([12]) for _ in sizes],
            "posteriors": [DiagonalNormal(size) for size in sizes],
            "prior": StandardNormal(),
            "decoders": [MLP([12]) for _ in sizes],
            "likelihood": Bernoulli(),
            "objective": ELBO(),
        }
        model = LadderVAE(**{**defaults, **parts}, seed=seed)
        model.build((None, *event_shape))
        return model

    return make


@pytest.fixture
def linear(make_ladder):
    """Makes the linear model with its exact posterior, or one whose standard deviations are `widened`."""

    def make(widened=1.0, **parts):
        networks = {
            "encoders": [keras.layers.Flatten(), keras.layers.Identity()],
            "decoders": [keras.layers.Identity(), keras.layers.Identity()],
        }
        model = make_ladder((2, 1), (3,), likelihood=Normal(SIGMA), **networks, **parts)
        squares = np.sum(W**2, axis=0)
        set_normal(model.posteriors[0], W / squares, -B @ W / squares, widened * SIGMA / np.sqrt(squares))
        mean, offset, stddev = top_posterior()
        set_normal(model.posteriors[1], mean, offset, widened * stddev)
        set_normal(model.conditional_priors[0], A.T, LOWER_MEAN, LOWER_STDDEV)
        model.likelihood.mean.linear.set_weights([W.T, B])
        return model

    return make


def set_normal(part, kernel, bias, stddev):
    """Makes a DiagonalNormal of features h into N(h kernel + bias, stddev^2)."""
    raw = np.log(np.expm1(stddev - MINIMAL_STDDEV))
    part.parameters.set_weights([np.concatenate([kernel, np.zeros_like(kernel)], 1), np.concatenate([bias, raw])])


def top_posterior():
    """p(z_2|x) as kernel and bias of its mean, and its standard deviation."""
    gain = (W @ A).T @ np.linalg.inv(GIVEN_TOP)
    variance = 1 / (1 + gain @ W @ A)
    return (variance * gain).T, variance[0] * gain @ -(B + W @ LOWER_MEAN), np.sqrt(variance[0])


def exact_log_likelihood(x):
    covariance = GIVEN_TOP + W @ A @ A.T @ W.T
    normal = tfd.MultivariateNormalTriL(B + W @ LOWER_MEAN, np.linalg.cholesky(covariance))
    return normal.log_prob(tf.cast(x, "float64")).numpy()


def log_weights(inference):
    ratios = sum(p.log_prob(z) - q.log_prob(z) for q, p, z in inference.latents)
    return (inference.likelihood.log_prob(inference.x) + ratios).numpy().astype("float64")


# The product of two normals.


def test_product_of_normals_has_the_precision_weighted_moments():
    product = product_of_normals(tfd.MultivariateNormalDiag([1.0], [0.5]), tfd.MultivariateNormalDiag([-1.0], [1.0]))
    np.testing.assert_allclose([product.mean()[0], product.variance()[0]], [0.6, 0.2], rtol=1e-6)  # float32 rounding


def test_product_of_normals_is_their_product_up_to_a_constant():
    first = tfd.MultivariateNormalDiag([[0.3, -1.0]], [[0.4, 2.0]])
    second = tfd.MultivariateNormalDiag([[[1.0, 0.5]]] * 3, [[[1.5, 0.7]]] * 3)
    z = tf.random.stateless_normal([200, 3, 1, 2], (0, 1))
    constant = first.log_prob(z) + second.log_prob(z) - product_of_normals(first, second).log_prob(z)
    assert np.ptp(constant) < 1e-4  # float32 rounding of log densities down to -70


@pytest.mark.parametrize("stddev", [1e-6, 1e4])
def test_product_with_a_very_sharp_or_a_very_wide_normal_is_finite(stddev):
    normal, other = tfd.MultivariateNormalDiag([2.0], [1.0]), tfd.MultivariateNormalDiag([5.0], [stddev])
    product = product_of_normals(normal, other)
    sharper = other if stddev < 1 else normal
    moments = [product.mean()[0], product.stddev()[0]]
    np.testing.assert_allclose(moments, [sharper.mean()[0], sharper.stddev()[0]], rtol=1e-6)  # 1e-8, and float32


# The linear model.


def test_posterior_of_the_linear_model_is_exact(linear):
    model = linear()
    weights = log_weights(model.infer(X, num_samples=50, seed=(0, 1)))
    expected = np.tile(exact_log_likelihood(X), (50, 1))
    np.testing.assert_allclose(weights, expected, atol=2e-5)  # every weight is p(x); float32 rounding


def test_negative_elbo_of_the_exact_posterior_is_the_negative_log_likelihood(linear):
    model = linear()
    inference = model.infer(X, num_samples=20_000, seed=(0, 1))
    terms = model.objective.terms(inference, model.step.value, training=False)
    rates = sum(kl_divergence(*latent) for latent in inference.latents) + np.zeros([20_000, 1])
    error = np.std(np.mean(rates - inference.likelihood.log_prob(X), axis=1)) / np.sqrt(20_000)
    assert 0 < error < 0.01 and abs(terms["negative_elbo"] + exact_log_likelihood(X).mean()) < 4 * error


def test_importance_weights_average_to_the_likelihood(linear):
    model = linear(widened=1.4)
    weights = log_weights(model.infer(X, num_samples=100_000, seed=(0, 1)))
    ratios = np.exp(weights - exact_log_likelihood(X))  # their mean is 1
    errors = ratios.std(axis=0) / np.sqrt(100_000)
    assert np.all((errors > 1e-4) & (errors < 0.01) & (abs(ratios.mean(axis=0) - 1) < 4 * errors))


def test_estimated_log_likelihood_of_the_linear_model_is_exact(linear):
    np.testing.assert_allclose(log_likelihood(linear(), X, 10), exact_log_likelihood(X), atol=2e-5)  # float32 rounding


def test_importance_weighted_objective_of_the_exact_posterior_is_exact(linear):
    model = linear(objective=ImportanceWeightedELBO(num_samples=5))
    terms = model.terms({"x": X}, (0, 1), training=True)
    assert float(terms["negative_bound"]) == pytest.approx(
        -exact_log_likelihood(X).mean(), abs=2e-5
    )  # float32 rounding


def test_importance_weighted_bound_tightens(linear):
    bounds = []
    for num_samples in (1, 5, 50):
        model = linear(widened=1.4, objective=ImportanceWeightedELBO(num_samples))
        bounds.append(float(model.terms({"x": tf.repeat(X, 5000, 0)}, (0, 1), training=False)["negative_bound"]))
    # Steps of 0.3 and 0.05 nats; standard errors below 0.01.
    assert bounds[0] > bounds[1] + 0.05 > bounds[2] + 0.05 > -exact_log_likelihood(X).mean()


def test_encode_sample_draws_from_the_posterior(linear):
    model, n = linear(), 4000
    seeds = tf.stack([tf.zeros(n, "int32"), tf.range(n)], axis=1)
    z = tf.function(model.encode_sample)(tf.repeat(X[:1], n, axis=0), seeds)[0].numpy()
    prior_covariance = np.block([[np.diag(LOWER_STDDEV**2) + A @ A.T, A], [A.T, np.eye(1)]])
    gain = prior_covariance[:, :2] @ W.T @ np.linalg.inv(SIGMA**2 * np.eye(3) + W @ prior_covariance[:2, :2] @ W.T)
    covariance = prior_covariance - gain @ W @ prior_covariance[:2]
    mean = np.append(LOWER_MEAN, 0) + gain @ (X[0].numpy() - B - W @ LOWER_MEAN)
    stddevs = np.sqrt(np.diag(covariance))
    assert np.all(abs(z.mean(0) - mean) < 4 * stddevs / np.sqrt(n))  # four standard errors, as below
    assert np.all(abs(np.cov(z.T) - covariance) < 4 * np.sqrt(2 / n) * np.outer(stddevs, stddevs))


@pytest.mark.parametrize("by_rows", [True, False], ids=["prior_sample", "sample"])
def test_samples_of_the_prior_have_its_moments(by_rows, linear):
    model, n = linear(), 4000
    if by_rows:
        seeds = tf.stack([tf.zeros(n, "int32"), tf.range(n)], axis=1)
        means = model.decode(tf.function(model.prior_sample)(seeds)).mean().numpy()
    else:
        means = model.sample(n, (0, 1)).numpy()
    covariance = W @ (np.diag(LOWER_STDDEV**2) + A @ A.T) @ W.T
    stddevs = np.sqrt(np.diag(covariance))
    assert np.all(abs(means.mean(0) - B - W @ LOWER_MEAN) < 4 * stddevs / np.sqrt(n))  # four standard errors, as below
    assert np.all(abs(np.cov(means.T) - covariance) < 4 * np.sqrt(2 / n) * np.outer(stddevs, stddevs))


def test_code_is_the_mean_from_the_top_down(linear):
    model = linear()
    kernel, bias, _ = top_posterior()
    top = X @ kernel + bias
    precisions = np.sum(W**2, axis=0) / SIGMA**2, 1 / LOWER_STDDEV**2
    below = ((X - B) @ W / SIGMA**2 + (top @ A.T + LOWER_MEAN) * precisions[1]) / sum(precisions)
    np.testing.assert_allclose(model.code(X), np.concatenate([below, top], 1), rtol=1e-5, atol=1e-6)  # float32 rounding


# What it has in common with a VAE.


@pytest.mark.parametrize("training", [True, False])
def test_one_level_is_a_vae(training, make_ladder, binary):
    ladder, x = make_ladder((2,)), binary(4)
    shared = {"prior": ladder.prior, "likelihood": ladder.likelihood, "objective": ladder.objective}
    vae = VAE(ladder.encoders[0], ladder.posteriors[0], decoder=ladder.decoders[0], **shared)
    vae.build((None, 6))
    seeds = tf.constant([[i, 7] for i in range(4)])
    ours, theirs = ([m.terms({"x": x}, (0, 1), training)[n] for n in ("loss", "rate")] for m in (ladder, vae))
    np.testing.assert_array_equal(ours, theirs)
    for ask in (
        lambda m: m.reconstruct(x),
        lambda m: m.encode_sample(x, seeds, 3),
        lambda m: m.prior_sample(seeds),
        lambda m: m.sample(3, (0, 1)),
    ):
        np.testing.assert_array_equal(ask(ladder), ask(vae))


def test_ladder_whose_lower_level_copies_the_upper_is_a_vae(make_vae, make_ladder, binary):
    vae, x = make_vae(), binary(8)
    networks = {
        "encoders": [vae.encoder, keras.layers.Identity()],
        "decoders": [vae.decoder, keras.layers.Identity()],
    }
    posteriors = [DiagonalNormal(2), vae.posterior]
    ladder = make_ladder((2, 2), posteriors=posteriors, likelihood=vae.likelihood, **networks)
    # p(z_1|z_2) = N(z_2, 1e-6^2), and x says nothing about z_1: N(0, 1e4^2).
    copy = np.concatenate([np.eye(2), np.zeros([2, 2])], 1)
    ladder.conditional_priors[0].parameters.set_weights([copy, np.array([0, 0, -30, -30])])
    ladder.posteriors[0].parameters.set_weights([np.zeros([16, 4]), np.array([0, 0, 1e4, 1e4])])
    ours, theirs = (model.terms({"x": x}, (0, 1), training=True) for model in (ladder, vae))
    for name, value in theirs.items():
        assert float(ours[name]) == pytest.approx(float(value), rel=1e-5)  # noise of 1e-6 and float32 rounding


def test_rate_is_the_sum_over_the_levels(make_ladder, binary):
    model, x = make_ladder((3, 2, 1)), binary(4)
    inference = model.infer(x, num_samples=5, seed=(0, 1))
    rates = [tfd.kl_divergence(q, p) for q, p, _ in inference.latents]
    assert [rate.shape for rate in rates] == [[5, 4], [5, 4], [4]]
    terms = model.objective.terms(inference, model.step.value, training=False)
    expected = sum(float(tf.reduce_mean(rate)) for rate in rates)
    assert float(terms["rate"]) == pytest.approx(expected, rel=1e-5)  # float32 rounding


def test_rate_is_the_mean_log_ratio_of_the_joint_densities(make_ladder, binary):
    model, x = make_ladder((3, 2, 1)), binary(1)
    inference = model.infer(x, num_samples=50_000, seed=(0, 1))
    rate = model.objective.terms(inference, model.step.value, training=False)["rate"]
    ratios = sum((q.log_prob(z) - p.log_prob(z)).numpy() for q, p, z in inference.latents)
    assert abs(ratios.mean() - rate) < 4 * ratios.std() / np.sqrt(50_000) < 0.05  # four standard errors


def test_warm_up_weights_the_rate_of_all_levels(make_ladder, binary):
    model, x = make_ladder(objective=ELBO(LinearWarmup(4))), binary(4)
    model.step.assign(1)
    terms = model.terms({"x": x}, (0, 1), training=True)
    assert float(terms["loss"]) == pytest.approx(float(terms["distortion"] + terms["rate"] / 4))


def test_each_latent_of_each_level_has_its_free_bits(make_ladder, binary):
    model = make_ladder((3, 2, 1), objective=ELBO(free_bits=100.0))  # more than any latent takes
    terms = model.terms({"x": binary(4)}, (0, 1), training=True)
    assert float(terms["loss"] - terms["distortion"]) == pytest.approx(600, rel=1e-5)  # float32 rounding


# Conformance.


@levels
def test_infer_has_samples_and_batch_in_front_for_unknown_sizes(sizes, make_ladder):
    model = make_ladder(sizes)

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([], "int32")])
    def infer(x, num_samples):
        inference = model.infer(x, num_samples, seed=(0, 1))
        return *(latent.sample for latent in inference.latents), inference.likelihood.log_prob(x)

    for s, b in [(1, 1), (4, 3)]:
        *z, log_prob = infer(tf.ones([b, 6]), s)
        assert [*(level.shape for level in z), log_prob.shape] == [*((s, b, size) for size in sizes), (s, b)]


@levels
def test_every_weight_has_a_gradient(sizes, make_ladder, binary, weights_without_gradient):
    model, x = make_ladder(sizes), binary(8)
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, (0, 1), training=True)["loss"]) == []


@levels
def test_eager_equals_graph(sizes, make_ladder, binary):
    model, x = make_ladder(sizes), binary(3)
    evaluate = lambda x: model.terms({"x": x}, (0, 1), training=False)["loss"]  # noqa: E731
    assert float(tf.function(evaluate)(x)) == pytest.approx(float(evaluate(x)), rel=1e-5)  # float32 rounding


@pytest.mark.parametrize("sizes", [(2,), (3, 2, 1)], ids=["1 level", "3 levels"])
def test_keras_file_keeps_weights_outputs_and_optimizer(sizes, make_ladder, binary, batches, reload):
    model, x = make_ladder(sizes, seed=7), binary(5)
    model.compile("adam")
    model.fit(batches(x), verbose=0)
    loaded = reload(model)
    assert (loaded.seed, int(loaded.step)) == (7, 2)
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.reconstruct(x), loaded.reconstruct(x))
    np.testing.assert_array_equal(model.sample(3, (0, 1)), loaded.sample(3, (0, 1)))


def test_training_of_three_levels_lowers_the_loss(make_ladder, binary, batches):
    model = make_ladder((3, 2, 1))
    model.compile(keras.optimizers.Adam(1e-2))
    losses = model.fit(batches(np.repeat(binary(1), 32, axis=0)), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_rows_do_not_depend_on_their_batch(make_ladder, binary):
    model, x, seeds = make_ladder((3, 2, 1)), binary(5), tf.constant([[i, 7] for i in range(5)])

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([None, 2], "int32")])
    def answers(x, seeds):
        z = model.encode_sample(x, seeds, 3)
        inference = model.inference(x, z)
        rate = sum(kl_divergence(*latent) for latent in inference.latents) + tf.zeros([3, 1])
        outputs = [z, rate, inference.likelihood.log_prob(x), model.code(x)[None], model.reconstruct(x)[None]]
        return [tf.experimental.numpy.swapaxes(t, 0, 1) for t in [*outputs, model.prior_sample(seeds)[None]]]

    order = [3, 1]
    for all_rows, rows in zip(answers(x, seeds), answers(x[order], tf.gather(seeds, order)), strict=True):
        np.testing.assert_allclose(tf.gather(all_rows, order), rows, rtol=1e-4, atol=1e-5)  # float32 rounding


@pytest.mark.parametrize("by_rows", [True, False], ids=["encode_sample", "infer"])
def test_every_level_has_its_own_noise(by_rows, make_ladder):
    model, x = make_ladder((2, 2)), tf.ones([1, 6])
    z = model.encode_sample(x, tf.constant([[0, 1]])) if by_rows else None
    latents = (model.inference(x, z) if by_rows else model.infer(x, seed=(0, 1))).latents
    below, top = (((latent.sample - latent.posterior.mean()) / latent.posterior.stddev()).numpy() for latent in latents)
    assert np.min(np.abs(below - top)) > 1e-3


def test_inference_at_the_samples_is_the_inference_that_drew_them(make_ladder, binary):
    model, x = make_ladder((3, 2, 1)), binary(4)
    drawn = model.infer(x, num_samples=3, seed=(0, 1))
    z = tf.concat([latent.sample for latent in drawn.latents], axis=-1)
    np.testing.assert_allclose(log_weights(model.inference(x, z)), log_weights(drawn), rtol=1e-5)  # float32 rounding


def test_decoder_sees_level_one_alone(make_ladder):
    model, z = make_ladder((3, 2)), tf.random.stateless_normal([4, 5], (0, 1))
    other = tf.concat([z[:, :3], tf.zeros([4, 2])], axis=1)
    np.testing.assert_array_equal(model.decode(z).mean(), model.decode(other).mean())
    assert np.any(model.decode(z).mean() != model.decode(tf.concat([tf.zeros([4, 3]), z[:, 3:]], 1)).mean())


def test_top_level_takes_any_posterior(make_ladder, binary, weights_without_gradient):
    posteriors = [DiagonalNormal(2), VonMisesFisher(3)]
    model, x = make_ladder((2, 3), posteriors=posteriors, prior=UniformOnSphere()), binary(8)
    z = model.encode_sample(x, tf.constant([[i, 7] for i in range(8)]), 3)
    np.testing.assert_allclose(tf.norm(z[..., 2:], axis=-1), np.ones([3, 8]), rtol=1e-5)  # float32 rounding
    assert model.has_density and not model.is_euclidean
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, (0, 1), training=True)["loss"]) == []


def test_mixed_precision_leaves_the_terms_in_float32(make_ladder, binary):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_ladder((3, 2, 1))
    finally:
        keras.config.set_dtype_policy("float32")
    terms = model.terms({"x": binary(4)}, (0, 1), training=True)
    assert all(term.dtype == "float32" and np.isfinite(term) for term in terms.values())


def test_images_and_convolutions_work(make_ladder, binary, weights_without_gradient):
    networks = {"encoders": [ConvEncoder((4, 4), 8), MLP([8])], "decoders": [ConvDecoder((4,), 8), MLP([8])]}
    model, x = make_ladder(event_shape=(9, 7, 1), **networks), binary(8, (9, 7, 1))
    assert model.reconstruct(x).shape == x.shape
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, (0, 1), training=True)["loss"]) == []


def test_evaluation_measures_a_ladder(make_ladder, binary):
    data = tf.data.Dataset.from_tensor_slices({"x": binary(4), "index": np.arange(4)}).batch(4)
    metrics = measure(make_ladder((3, 2)), data, num_samples=20)["metrics"]
    assert len(metrics["rate_per_dimension"]["value"]) == 5 and metrics["negative_log_likelihood"]["value"] > 0


def test_condition_reaches_every_network_that_asks_for_it(make_ladder, binary):
    networks = {role: [Conditioned(MLP([12]), 4) for _ in range(2)] for role in ("encoders", "decoders")}
    model = make_ladder(prior=ConditionalNormal(4), **networks)
    x, seeds, classes = np.repeat(binary(1), 4, axis=0), tf.tile([[0, 1]], [4, 1]), tf.eye(4)
    z = model.encode_sample(x, seeds, 3, condition=classes)
    reversed_z = model.encode_sample(x, seeds, 3, condition=classes[::-1])
    assert model.condition_size == 4 and len(np.unique(z[0, :, 0])) == 4
    np.testing.assert_allclose(reversed_z, z[:, ::-1], rtol=1e-5, atol=1e-6)  # float32 rounding
    log_prob = model.inference(x, z, condition=classes).likelihood.log_prob(x)
    alone = [model.inference(x[i : i + 1], z[:, i : i + 1], condition=classes[i : i + 1]) for i in range(4)]
    np.testing.assert_allclose(log_prob, np.stack([i.likelihood.log_prob(i.x)[:, 0] for i in alone], 1), rtol=1e-5)
    assert model.sample(8, (0, 1), condition=classes).shape == (8, 6)
    assert model.prior_sample(seeds, condition=classes).shape == (4, 5)


# Faults.


class Correlated(Posterior):
    """A normal with a covariance that is not diagonal."""

    num_parameters = 1

    def distribution(self, parameters, step=None):
        return tfd.MultivariateNormalTriL(tf.zeros([1, 2]), tf.ones([1, 2, 2]))


@pytest.mark.parametrize("role", ["encoders", "posteriors", "decoders"])
def test_lists_must_have_the_same_length(role, make_ladder):
    parts = {role: [DiagonalNormal(2) if role == "posteriors" else MLP([8])]}
    with pytest.raises(ValueError, match=f"must be lists of one part for each level, .* Received: .*1 {role}"):
        make_ladder((3, 2), **parts)


def test_there_must_be_a_level(make_ladder):
    with pytest.raises(ValueError, match=r"at least one\. Received: 0 encoders, 0 posteriors, 0 decoders"):
        make_ladder(())


def test_there_must_be_a_prior(make_ladder):
    with pytest.raises(ValueError, match="`prior` must be there in training"):
        make_ladder(prior=None)


def test_lower_posteriors_must_be_diagonal_normals(make_ladder):
    with pytest.raises(ValueError, match=r"must make normals with diagonal covariance.* Received: `Correlated`"):
        make_ladder(posteriors=[Correlated(2), DiagonalNormal(1)])


def test_gradients_that_weight_the_path_are_refused(make_ladder):
    with pytest.raises(ValueError, match="must not weigh samples otherwise for the encoder"):
        make_ladder(objective=ImportanceWeightedELBO(3, gradient=DoublyReparameterized()))
