"""InverseAutoregressive: its Jacobian, its inverse, and what its density costs."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.networks.masked import MADE
from tfvae.objectives import ImportanceWeightedELBO
from tfvae.posteriors import DiagonalNormal, InverseAutoregressive

tfd = tfp.distributions

LATENTS, FEATURES = 3, 5


@pytest.fixture
def posterior(build):
    return build(InverseAutoregressive(LATENTS, hidden_sizes=(8,), context_size=4))


@pytest.fixture
def q(posterior, features):
    return posterior(features(2))


def noise(*shape):
    return tf.random.stateless_normal([*shape, LATENTS], (0, 2))


def test_log_determinant_is_that_of_the_jacobian(q):
    u = noise(2)
    with tf.GradientTape() as tape:
        tape.watch(u)
        z = q.bijector.forward(u)
    exact = np.linalg.slogdet(tape.batch_jacobian(z, u).numpy())[1]
    assert np.ptp(exact) > 0.1  # the context matters
    np.testing.assert_allclose(q.bijector.forward_log_det_jacobian(u, 1), exact, atol=1e-5)  # float32 rounding


def test_jacobian_of_two_flows_is_not_triangular(q):
    u = noise(2)
    with tf.GradientTape() as tape:
        tape.watch(u)
        z = q.bijector.forward(u)
    assert np.all(np.abs(tape.batch_jacobian(z, u)) > 1e-6)  # the order was reversed: every z depends on every u


def test_inverse_of_forward_is_the_identity(q):
    u = noise(4, 2)
    z = tf.identity(q.bijector.forward(u))
    np.testing.assert_allclose(q.bijector.inverse(z), u, atol=1e-5)  # float32 rounding


def test_density_is_that_of_the_change_of_variables(q):
    u = noise(4, 2)
    exact = q.distribution.log_prob(u) - q.bijector.forward_log_det_jacobian(u, 1)
    z = tf.identity(q.bijector.forward(u))
    np.testing.assert_allclose(q.log_prob(z), exact, rtol=1e-4, atol=1e-5)  # float32 rounding


def test_new_posterior_is_its_base(features):
    posterior, h = InverseAutoregressive(LATENTS), features(4)
    posterior.build((None, FEATURES))
    base = DiagonalNormal(LATENTS).distribution(posterior.parameters(h)[:, : 2 * LATENTS])
    z = base.sample(5, seed=(0, 1))
    np.testing.assert_allclose(posterior(h).log_prob(z), base.log_prob(z), atol=1e-5)  # float32 rounding
    np.testing.assert_allclose(posterior.code(posterior(h)), base.mean(), atol=1e-6)  # in the order of the base too


def test_density_of_its_own_sample_takes_no_further_pass(q, monkeypatch):
    passes, call = [], MADE.call
    monkeypatch.setattr(MADE, "call", lambda self, *arguments: passes.append(self) or call(self, *arguments))
    z = q.sample(3, seed=(0, 1))
    log_prob = q.log_prob(z)
    assert len(passes) == 2  # one for each flow
    elsewhere = q.log_prob(tf.identity(z))
    assert len(passes) == 2 + 2 * (LATENTS + 1)
    np.testing.assert_allclose(log_prob, elsewhere, rtol=1e-4, atol=1e-5)  # float32 rounding


def test_density_follows_the_weights(posterior, features):
    h = features(2)
    z = posterior(h).sample(3, seed=(0, 1))
    before = posterior(h).log_prob(z)
    posterior.networks[1].hidden_to_outputs.bias.assign_add(tf.ones(2 * LATENTS))
    assert np.all(np.abs(posterior(h).log_prob(z) - before) > 1e-3)  # no result of the earlier weights was kept


def test_gradient_of_the_density_is_the_same_with_and_without_its_own_pass(posterior, features, gradients_of):
    h = features(4)

    def loss(through):
        q = posterior(h)
        z = q.sample(3, seed=(0, 1))
        return tf.reduce_sum(q.log_prob(through(z)))

    known, computed = (gradients_of(posterior, lambda f=f: loss(f)) for f in (lambda z: z, tf.identity))
    for path, gradient in known.items():
        np.testing.assert_allclose(computed[path], gradient, rtol=1e-3, atol=1e-4, err_msg=path)  # float32 rounding


def test_kl_is_estimated_from_the_sample(q):
    prior, z = tfd.MultivariateNormalDiag(tf.zeros(LATENTS)), q.sample(4, seed=(0, 1))
    kl = kl_divergence(q, prior, z)
    np.testing.assert_array_equal(kl, q.log_prob(z) - prior.log_prob(z))


@pytest.mark.parametrize("parts", [{}, {"objective": ImportanceWeightedELBO(3)}], ids=["ELBO", "IWAE"])
def test_trains_every_weight_in_a_graph(parts, make_vae, binary, batches):
    model = make_vae(posterior=InverseAutoregressive(LATENTS, hidden_sizes=(8,), context_size=4), **parts)
    model.compile("sgd")
    before = [np.copy(weight) for weight in model.trainable_weights]
    history = model.fit(batches(binary(8)), verbose=0)  # two steps: in the first the hidden layers see zeros above them
    assert np.isfinite(history.history["loss"])
    assert all(np.any(weight != old) for weight, old in zip(model.trainable_weights, before, strict=True))


@pytest.mark.parametrize("name", ["num_flows", "context_size"])
@pytest.mark.parametrize("wrong", [0, 1.5, True], ids=repr)
def test_counts_must_be_positive_integers(name, wrong):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer. Received: {name}="):
        InverseAutoregressive(2, **{name: wrong})
