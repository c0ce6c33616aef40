"""Conformance of the priors."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.priors import StandardNormal

tfd = tfp.distributions

PRIORS = [StandardNormal]
LATENTS = 2

priors = pytest.mark.parametrize("make", PRIORS)


@priors
def test_shapes_for_any_number_of_samples(make, make_vae):
    model = make_vae(prior=make())

    @tf.function(input_signature=[tf.TensorSpec([], "int32")])
    def draw(num_samples):
        p = model.prior(encode=model.encode)
        z = p.sample(num_samples, seed=(0, 1))
        return z, p.log_prob(z)

    for s in (0, 1, 5):
        z, log_prob = draw(s)
        assert (z.shape, log_prob.shape) == ((s, LATENTS), (s,))


@priors
def test_has_no_batch_and_one_event_axis(make, make_vae):
    model = make_vae(prior=make())
    p = model.prior(encode=model.encode)
    assert (p.batch_shape, p.event_shape) == ([], [LATENTS])


@priors
def test_log_prob_broadcasts_over_samples_and_batch(make, make_vae):
    model = make_vae(prior=make())
    z = tf.random.stateless_normal([3, 4, LATENTS], (0, 1))
    log_prob = model.prior(encode=model.encode).log_prob(z)
    np.testing.assert_allclose(log_prob[2, 1], model.prior(encode=model.encode).log_prob(z[2, 1]), rtol=1e-5)  # float32


@priors
def test_density_integrates_to_one(make, make_vae):
    model = make_vae(prior=make())
    axis = np.arange(-8, 8, 0.1).astype("float32")
    grid = np.stack(np.meshgrid(axis, axis), -1)
    log_prob = model.prior(encode=model.encode).log_prob(grid)
    assert np.sum(np.exp(log_prob, dtype="float64")) * 0.01 == pytest.approx(1, abs=1e-5)  # float32 rounding


@priors
def test_sampler_has_the_moments_of_the_density(make, make_vae):
    model = make_vae(prior=make())
    axis = np.arange(-8, 8, 0.1).astype("float32")
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    p = model.prior(encode=model.encode)
    weight = np.exp(p.log_prob(grid), dtype="float64") * 0.01
    second = np.einsum("n,ni,nj->ij", weight, grid, grid)
    z = p.sample(100_000, seed=(0, 1)).numpy()
    products = z[:, :, None] * z[:, None]
    error = products.std(0) / np.sqrt(len(z))
    assert np.all(np.abs(products.mean(0) - second) < 4 * error)  # four standard errors
    assert np.all(np.abs(z.mean(0) - weight @ grid) < 4 * z.std(0) / np.sqrt(len(z)))


@priors
def test_every_weight_of_a_model_has_a_gradient(make, make_vae, binary, weights_without_gradient):
    model, x = make_vae(prior=make()), binary(16)
    assert weights_without_gradient(model, lambda: model.terms(x, (0, 1), training=True)["loss"]) == []


@priors
def test_survives_a_keras_file(make, make_vae, reload):
    model = make_vae(prior=make())
    np.testing.assert_array_equal(reload(model).sample(5, (0, 1)), model.sample(5, (0, 1)))


def test_standard_normal_is_its_formula():
    prior = StandardNormal()
    prior.build((3,))
    log_prob = float(prior().log_prob([1.0, -2.0, 0.5]))
    assert log_prob == pytest.approx(-(1 + 4 + 0.25) / 2 - 1.5 * np.log(2 * np.pi), rel=1e-6)  # float32 rounding


def test_kl_of_standard_normal_to_itself_is_zero():
    prior = StandardNormal()
    prior.build((3,))
    kl = kl_divergence(tfd.MultivariateNormalDiag(tf.zeros([1, 3])), prior(), None)
    np.testing.assert_allclose(kl, [0], atol=1e-6)  # float32 rounding
