"""Product: factors that stay apart, in the density as in the objective; and Deterministic, which may be one."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import priors
from tfvae.divergences import kl_divergence
from tfvae.models.vae import groups
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, InverseAutoregressive, Product, RelaxedCategorical
from tfvae.posteriors.relaxed_categorical import RelaxedOneHot
from tfvae.schedules import LinearWarmup

tfd = tfp.distributions

FEATURES = 5


def joint():
    return Product([DiagonalNormal(1), RelaxedCategorical(3, 0.5), InverseAutoregressive(2, context_size=4)])


def test_sizes_and_supports_are_those_of_the_factors():
    posterior = joint()
    assert (posterior.latent_size, posterior.num_parameters) == (6, 2 + 3 + 8)
    assert posterior.latent_shape == ((1,), (3,), (2,))
    assert posterior.support == ("the real space", "the simplex", "the real space")
    assert posterior.has_density and not Product([DiagonalNormal(1), Deterministic(2)]).has_density


def test_density_is_the_product_of_those_of_the_factors(build, features):
    posterior = build(joint())
    q, z = posterior(features(4)), posterior(features(4)).sample(3, seed=(0, 1))
    parts = [factor.log_prob(part) for factor, part in zip(q.distributions, tf.split(z, [1, 3, 2], -1), strict=True)]
    np.testing.assert_allclose(q.log_prob(z), sum(parts), rtol=1e-4, atol=1e-5)  # float32 rounding


def test_each_factor_is_the_posterior_alone(build, features):
    posterior, h = build(joint()), features(4)
    for factor, q in zip(posterior.posteriors, posterior(h).distributions, strict=True):
        z = q.sample(3, seed=(0, 1))
        np.testing.assert_array_equal(q.log_prob(tf.identity(z)), factor(h).log_prob(tf.identity(z)))


def test_factors_draw_different_noise(build, features):
    twin = DiagonalNormal(2)
    q = build(Product([twin, DiagonalNormal(2)]))(features(1))
    z = q.sample(100_000, seed=(0, 1)).numpy()[:, 0]
    assert np.all(np.abs(np.corrcoef(z.T)[:2, 2:]) < 4 / np.sqrt(len(z)))  # four standard errors


def test_code_is_the_codes_side_by_side(build, features):
    posterior, h = build(joint()), features(4)
    codes = [factor.code(factor(h)) for factor in posterior.posteriors]
    np.testing.assert_array_equal(posterior.code(posterior(h)), tf.concat(codes, -1))


def test_step_reaches_the_factors():
    posterior = Product([DiagonalNormal(1), RelaxedCategorical(3, LinearWarmup(10, 1.0, 0.5))])
    assert float(posterior.distribution(tf.zeros([1, 5]), 10).distributions[1].temperature) == 0.5


def test_objective_sees_a_group_for_each_factor(build, features):
    posterior = build(joint())

    @tf.function(input_signature=[tf.TensorSpec([None, FEATURES])])
    def split(h):
        q = posterior(h)
        prior = tfd.Blockwise(
            [tfd.MultivariateNormalDiag(tf.zeros(1)), uniform(3), tfd.MultivariateNormalDiag(tf.zeros(2))]
        )
        latents = groups(q, prior, q.sample(2, seed=(0, 1)))
        assert isinstance(latents[1].posterior, RelaxedOneHot)
        return [(latent.sample, kl_divergence(*latent)) for latent in latents]

    sizes = [(tuple(z.shape), tuple(kl.shape)) for z, kl in split(features(4))]
    assert sizes == [((2, 4, 1), (4,)), ((2, 4, 3), (4,)), ((2, 4, 2), (2, 4))]  # two closed, one estimated


def uniform(size):
    return tfd.OneHotCategorical(logits=tf.zeros(size), dtype="float32")


def test_trains_with_a_product_of_priors(make_vae, binary, weights_without_gradient):
    prior = priors.Product([priors.StandardNormal(), priors.UniformCategorical()])
    model = make_vae(posterior=Product([DiagonalNormal(1), RelaxedCategorical(3)]), prior=prior)
    batch = {"x": binary(8)}
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


def test_survives_a_keras_file_with_a_product_of_priors(make_vae, reload, binary):
    prior = priors.Product([priors.StandardNormal(), priors.UniformCategorical()])
    model, x = make_vae(posterior=Product([DiagonalNormal(1), RelaxedCategorical(3)]), prior=prior), binary(4)
    np.testing.assert_array_equal(reload(model).encode(x).sample(seed=(0, 1)), model.encode(x).sample(seed=(0, 1)))


@pytest.mark.parametrize("wrong", [[], [3], None, DiagonalNormal], ids=["empty", "number", "None", "class"])
def test_factors_must_be_posteriors(wrong):
    with pytest.raises(ValueError, match=r"`posteriors` must be a non-empty list of posteriors. Received: posteriors"):
        Product(wrong)


def test_nested_products_are_refused():
    with pytest.raises(ValueError, match="`posteriors` must not hold a product: list its factors instead"):
        Product([DiagonalNormal(1), Product([DiagonalNormal(2)])])


def test_deterministic_samples_are_the_code(build, features):
    posterior, h = build(Deterministic(3)), features(4)
    code = posterior.code(posterior(h))
    np.testing.assert_array_equal(posterior(h).sample(2, seed=(0, 1)), [code, code])
    np.testing.assert_array_equal(code, posterior.parameters(h))
    assert not posterior.has_density


def test_deterministic_trains_an_autoencoder(make_vae, binary, weights_without_gradient):
    model = make_vae(posterior=Deterministic(3), prior=None, objective=Reconstruction())
    batch = {"x": binary(8)}
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []
