"""Conformance of the posteriors: shapes, gradients, graphs, files, and densities that integrate to one."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.objectives import Reconstruction
from tfvae.posteriors import (
    Deterministic,
    DiagonalNormal,
    FullCovarianceNormal,
    InverseAutoregressive,
    Product,
    RelaxedCategorical,
    VonMisesFisher,
)

tfd = tfp.distributions

REAL = {
    "DiagonalNormal": DiagonalNormal,
    "FullCovarianceNormal": FullCovarianceNormal,
    "InverseAutoregressive": functools.partial(InverseAutoregressive, hidden_sizes=(8,), context_size=4),
}
FACTORS = {
    **REAL,
    "VonMisesFisher": VonMisesFisher,
    "RelaxedCategorical": RelaxedCategorical,
    "Deterministic": Deterministic,
}
POSTERIORS = {**FACTORS, "Product": lambda size: Product([DiagonalNormal(size - 2), RelaxedCategorical(2)])}
WITH_DENSITY = {name: make for name, make in POSTERIORS.items() if name != "Deterministic"}
PRIORS = {
    "VonMisesFisher": tfd.SphericalUniform(3),
    "RelaxedCategorical": tfd.OneHotCategorical(logits=tf.zeros(3), dtype="float32"),
    "Product": tfd.Blockwise(
        [tfd.MultivariateNormalDiag(tf.zeros(1)), tfd.RelaxedOneHotCategorical(1.0, logits=tf.zeros(2))]
    ),
}
NORMAL = tfd.MultivariateNormalDiag(tf.zeros(3))
LATENTS, FEATURES = 3, 5


def parametrize(members):
    return pytest.mark.parametrize("make", members.values(), ids=members)


@parametrize(POSTERIORS)
@pytest.mark.parametrize("latent_size", [1, LATENTS])
def test_shapes_for_any_number_of_samples_and_examples(make, latent_size, build):
    if latent_size == 1 and make not in [*REAL.values(), Deterministic]:
        pytest.skip("a sphere or simplex has two dimensions at least")
    posterior = build(make(latent_size))

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES]), tf.TensorSpec([], "int32")])
    def draw(h, num_samples):
        q = posterior(h)
        assert (q.batch_shape.as_list(), q.event_shape) == ([None], [latent_size])
        z = q.sample(num_samples, seed=(0, 1))
        return z, q.log_prob(tf.identity(z)), q.batch_shape_tensor(), posterior.code(q)

    for s, b in [(1, 1), (4, 3)]:
        z, log_prob, batch_shape, code = draw(tf.ones([b, FEATURES]), s)
        assert (z.shape, log_prob.shape, [*batch_shape]) == ((s, b, latent_size), (s, b), [b])
        assert code.shape == (b, latent_size)


@parametrize(POSTERIORS)
def test_every_weight_has_a_gradient_through_the_sample(make, build, features, weights_without_gradient):
    posterior, h = build(make(LATENTS)), features(8)
    loss = lambda: tf.reduce_sum(tf.sin(3 * posterior(h).sample(4, seed=(0, 1))))  # noqa: E731
    assert weights_without_gradient(posterior, loss) == []


@parametrize(WITH_DENSITY)
def test_every_weight_has_a_gradient_through_the_density(make, build, features, weights_without_gradient):
    posterior, h = build(make(LATENTS)), features(8)
    z = posterior(features(8, 0.5)).sample(4, seed=(0, 1))
    loss = lambda: tf.reduce_sum(tf.exp(posterior(h).log_prob(z)))  # noqa: E731
    assert weights_without_gradient(posterior, loss) == []


@parametrize(POSTERIORS)
def test_graph_equals_eager_mode(make, build, features):
    posterior, h = build(make(LATENTS)), features(4)

    def draw(h):
        return posterior(h).sample(2, seed=(0, 1))

    np.testing.assert_allclose(tf.function(draw)(h), draw(h), rtol=1e-5, atol=1e-6)  # float32 rounding


@parametrize(POSTERIORS)
def test_xla_draws_from_the_density_of_eager_mode(make, build, features):
    posterior, h = build(make(LATENTS)), features(4)

    @tf.function(jit_compile=True)
    def draw(h):
        with tf.GradientTape() as tape:
            z = posterior(h).sample(2, seed=(0, 1))
            log_prob = posterior(h).log_prob(z)
        return z, log_prob, tape.gradient([z, log_prob], posterior.trainable_weights)

    z, log_prob, gradients = draw(h)  # not the noise of eager mode: XLA has another one for the same seed
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    np.testing.assert_allclose(log_prob, posterior(h).log_prob(z), rtol=1e-4, atol=1e-5)  # float32 rounding


@parametrize(WITH_DENSITY)
def test_density_of_a_row_does_not_depend_on_the_others(make, build, features):
    posterior, h = build(make(LATENTS)), features(4)
    z = posterior(h).sample(3, seed=(0, 1))
    for row in range(4):
        alone = posterior(h[row : row + 1]).log_prob(z[:, row : row + 1])
        np.testing.assert_allclose(alone[:, 0], posterior(h).log_prob(z)[:, row], rtol=1e-4, atol=1e-5)  # rounding


@parametrize(WITH_DENSITY)
def test_a_point_has_a_density_under_each_row(make, build, features):
    posterior, h = build(make(LATENTS)), features(4)
    z = posterior(h).sample(seed=(0, 1))
    each = tf.stack([posterior(h).log_prob(row) for row in tf.unstack(z)])
    own = posterior(h).log_prob(tf.identity(z))
    np.testing.assert_allclose(tf.linalg.diag_part(each), own, rtol=1e-4, atol=1e-5)  # float32 rounding


@parametrize(POSTERIORS)
def test_draws_row_by_row_as_a_server_does(make, make_vae, binary):
    model = make_vae(posterior=make(LATENTS), prior=None, objective=Reconstruction())
    x, seeds = binary(4), tf.constant([[0, 1], [0, 2], [0, 1], [0, 3]])
    z = tf.function(model.encode_sample)(x, seeds, 2)
    np.testing.assert_allclose(z[:, 2:3], model.encode_sample(x[2:3], seeds[2:3], 2), rtol=1e-5, atol=1e-6)  # rounding


@parametrize(POSTERIORS)
def test_is_float32_under_mixed_precision(make, build, features):
    samples = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        try:
            posterior = build(make(LATENTS))
        finally:
            keras.config.set_dtype_policy("float32")
        h = tf.round(features(4))  # exact in bfloat16, to which Keras may cast them on the way in
        samples.append(posterior(h).sample(5, seed=(0, 1)))
    assert samples[1].dtype == "float32"
    np.testing.assert_array_equal(*samples)


@parametrize(POSTERIORS)
def test_survives_a_keras_file(make, make_vae, reload, binary):
    model, x = make_vae(posterior=make(LATENTS), prior=None, objective=Reconstruction()), binary(4)
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.encode(x).sample(2, seed=(0, 1)), model.encode(x).sample(2, seed=(0, 1)))
    np.testing.assert_array_equal(loaded.code(x), model.code(x))


@pytest.mark.parametrize("name", WITH_DENSITY)
@pytest.mark.parametrize("scale", [1e3, -1e3, 0.0])
def test_extreme_features_give_finite_values_and_gradients(name, scale, build, features, gradients_of):
    posterior, h, prior = build(POSTERIORS[name](LATENTS)), features(8, scale), PRIORS.get(name, NORMAL)

    def loss():
        q = posterior(h)
        z = q.sample(5, seed=(0, 1))
        return tf.reduce_sum(q.log_prob(z)) + tf.reduce_sum(kl_divergence(q, prior, z)) + tf.reduce_sum(z**2)

    assert np.isfinite(loss()) and all(np.all(np.isfinite(g)) for g in gradients_of(posterior, loss).values())


@parametrize(REAL)
def test_density_integrates_to_one_in_one_dimension(make, build, features):
    q = build(make(1))(features(1))
    z = np.linspace(-30, 30, 60_001, dtype="float32")
    integral = np.sum(np.exp(q.log_prob(z[:, None, None]), dtype="float64")) * 0.001
    assert integral == pytest.approx(1, abs=1e-4)  # float32 rounding of the grid


@parametrize(REAL)
def test_density_integrates_to_one_in_two_dimensions(make, build, features):
    q = build(make(2))(features(1))
    axis = np.arange(-15, 15, 0.05, dtype="float32")
    z = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2)
    integral = np.sum(np.exp(q.log_prob(z), dtype="float64")) * 0.05**2
    assert integral == pytest.approx(1, abs=1e-4)  # float32 rounding of the grid


@parametrize(REAL)
@pytest.mark.parametrize("latent_size", [1, 2])
@pytest.mark.parametrize(("x", "log_px"), [((1, 0, 1), -1.461777), ((0, 1, 0), -1.754810)])
def test_importance_weights_average_to_the_evidence_of_r1(make, latent_size, x, log_px, build, features):
    posterior = build(make(latent_size), noise=0.15)
    posterior.parameters.bias.assign(posterior.parameters.bias + 0.8)  # stddevs near 1.2: the weights are bounded
    q = posterior(features(1, 0.1))
    z = q.sample(100_000, seed=(0, 1))
    logits = z.numpy()[..., :1] * [2, -1.5, 0.5] + [0.3, -0.2, 0.1]  # the second latent says nothing of x
    log_joint = np.sum(x * logits - np.logaddexp(0, logits), -1) - np.sum(z**2 + np.log(2 * np.pi), -1) / 2
    for log_prob in (q.log_prob(z), q.log_prob(tf.identity(z))):
        weights = np.exp(log_joint - log_prob)
        error = weights.std() / np.sqrt(weights.size)
        assert abs(weights.mean() - np.exp(log_px)) < 4 * error < 0.01  # four standard errors


@parametrize(FACTORS)
@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None, "2"], ids=repr)
def test_latent_size_must_be_a_positive_integer(make, wrong):
    with pytest.raises(ValueError, match=r"`latent_size` must be a positive integer. Received: latent_size="):
        make(wrong)
