"""Conformance of the posteriors, and their golden values."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.posteriors import DiagonalNormal
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.priors import StandardNormal

POSTERIORS = [DiagonalNormal]
FEATURES, LATENTS = 5, 3

posteriors = pytest.mark.parametrize("make", POSTERIORS)


def built(make, latent_size=LATENTS):
    posterior = make(latent_size)
    posterior.build((None, FEATURES))
    return posterior


def features(n, scale=1.0):
    return scale * tf.random.stateless_normal([n, FEATURES], (0, 1))


def softplus_inverse(stddev):
    return np.log(np.expm1(stddev - MINIMAL_STDDEV))


def constant_normal(mean, stddev):
    """A DiagonalNormal whose parameters do not depend on the features."""
    posterior = built(DiagonalNormal, len(mean))
    bias = np.concatenate([mean, softplus_inverse(np.array(stddev))])
    posterior.parameters.set_weights([np.zeros([FEATURES, 2 * len(mean)]), bias])
    return posterior


def standard_normal(latent_size):
    prior = StandardNormal()
    prior.build((latent_size,))
    return prior()


@posteriors
def test_shapes_for_any_number_of_samples_and_examples(make):
    posterior = built(make)

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES]), tf.TensorSpec([], "int32")])
    def draw(h, num_samples):
        q = posterior(h)
        z = q.sample(num_samples, seed=(0, 1))
        return z, q.log_prob(z), q.batch_shape_tensor(), q.event_shape_tensor()

    for s, b in [(1, 1), (4, 3)]:
        z, log_prob, batch_shape, event_shape = draw(features(b), s)
        assert (z.shape, log_prob.shape, [*batch_shape], [*event_shape]) == ((s, b, LATENTS), (s, b), [b], [LATENTS])


@posteriors
def test_every_weight_has_a_gradient_through_the_sample(make, weights_without_gradient):
    posterior, h = built(make), features(8)
    loss = lambda: tf.reduce_sum(tf.sin(posterior(h).sample(4, seed=(0, 1))))  # noqa: E731
    assert weights_without_gradient(posterior, loss) == []


@posteriors
def test_eager_equals_graph(make):
    posterior, h = built(make), features(4)

    def draw(h):
        return posterior(h).sample(2, seed=(0, 1))

    np.testing.assert_allclose(tf.function(draw)(h), draw(h), rtol=1e-5, atol=1e-6)  # float32 rounding


@posteriors
def test_survives_a_keras_file(make, make_vae, reload, binary):
    model, x = make_vae(posterior=make(LATENTS)), binary(4)
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.encode(x).sample(2, seed=(0, 1)), model.encode(x).sample(2, seed=(0, 1)))


@posteriors
@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_extreme_features_give_finite_values_and_gradients(make, scale, gradients_of):
    posterior, h = built(make), features(8, scale)

    def loss():
        q = posterior(h)
        return tf.reduce_sum(q.log_prob(q.sample(seed=(0, 1)))) + tf.reduce_sum(kl_divergence(q, prior, None))

    prior = standard_normal(LATENTS)
    assert np.isfinite(loss()) and all(np.all(np.isfinite(g)) for g in gradients_of(posterior, loss).values())


@posteriors
def test_log_prob_is_a_density(make):
    q = built(make, 1)(features(1))
    z = np.linspace(-30, 30, 60_001, dtype="float32")
    integral = np.sum(np.exp(q.log_prob(z[:, None, None]), dtype="float64")) * 0.001
    assert integral == pytest.approx(1, abs=1e-4)  # float32 rounding of the grid


@posteriors
@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None, "2"], ids=repr)
def test_latent_size_must_be_a_positive_integer(make, wrong):
    with pytest.raises(ValueError, match=r"`latent_size` must be a positive integer. Received: latent_size="):
        make(wrong)


def test_diagonal_normal_has_the_moments_it_is_given():
    q = constant_normal([1.0, -2.0], [0.5, 3.0])(features(1))
    np.testing.assert_allclose([q.mean()[0], q.stddev()[0]], [[1, -2], [0.5, 3]], rtol=1e-5)  # float32 rounding


def test_diagonal_normal_is_a_linear_function_of_the_features():
    posterior, h = built(DiagonalNormal), features(2)
    raw = h @ posterior.parameters.kernel
    np.testing.assert_allclose(posterior(h).mean(), raw[:, :LATENTS], rtol=1e-5, atol=1e-6)  # float32 rounding
    stddev = np.log1p(np.exp(raw[:, LATENTS:]))
    np.testing.assert_allclose(posterior(h).stddev(), stddev, rtol=1e-5, atol=2e-6)  # plus MINIMAL_STDDEV


def test_kl_of_diagonal_normal_is_the_golden_value():
    q = constant_normal([1.0], [0.5])(features(1))
    np.testing.assert_allclose(kl_divergence(q, standard_normal(1), None), [0.818147], atol=1e-5)  # float32 rounding


def test_kl_is_zero_at_the_prior():
    q = constant_normal([0.0, 0.0], [1.0, 1.0])(features(3))
    np.testing.assert_allclose(kl_divergence(q, standard_normal(2), None), [0, 0, 0], atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("copies", [2, 7])
def test_copies_of_a_latent_multiply_the_kl(copies):
    q = constant_normal([1.0] * copies, [0.5] * copies)(features(1))
    kl = kl_divergence(q, standard_normal(copies), None)
    np.testing.assert_allclose(kl, [copies * 0.818147], rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize(("x", "mean", "log_px"), [((1, 0, 1), 0.8, -1.461777), ((0, 1, 0), -0.8, -1.754810)])
def test_importance_weights_average_to_the_evidence_of_r1(x, mean, log_px):
    q = constant_normal([mean], [0.6])(features(1))
    z = np.linspace(-8, 8, 4001)[:, None]  # a sum over a grid is exact here: the integrand and its slope vanish at +-8
    logits = z * [2, -1.5, 0.5] + [0.3, -0.2, 0.1]
    log_joint = np.sum(x * logits - np.logaddexp(0, logits), -1) - z[:, 0] ** 2 / 2 - np.log(2 * np.pi) / 2
    log_weights = log_joint - q.log_prob(z[:, None].astype("float32"))[:, 0]
    density = np.exp(-((z[:, 0] - mean) ** 2) / 0.72) / (0.6 * np.sqrt(2 * np.pi))
    assert np.log(np.sum(density * np.exp(log_weights)) * 0.004) == pytest.approx(log_px, abs=2e-5)  # float32 log q
