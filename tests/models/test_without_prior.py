"""Models without prior, and with one fitted after training: what they cannot do, and what they can afterwards."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.models.vae import groups
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, Product, RelaxedCategorical
from tfvae.priors import FittedAfterTraining, MixtureOfNormals, StandardNormal, UniformCategorical
from tfvae.priors import Product as ProductOfPriors

SEEDS = tf.constant([[0, 1], [0, 2], [3, 1]])


@pytest.fixture
def autoencoder(make_vae):
    """Makes a VAE without noise, and with the prior that is given."""
    return lambda prior=None: make_vae(posterior=Deterministic(2), objective=Reconstruction(), prior=prior)


@pytest.fixture
def fitted(make_vae, binary):
    """An autoencoder whose prior was fitted to codes of two kinds, and x that it was fitted on."""
    model = make_vae(
        posterior=Deterministic(2), objective=Reconstruction(), prior=FittedAfterTraining(MixtureOfNormals(2))
    )
    x = np.concatenate([np.zeros((40, 6)), np.ones((40, 6))]).astype("float32")
    x = np.abs(x - (np.random.default_rng(0).random(x.shape) < 0.05)).astype("float32")
    model.fit_prior(tf.data.Dataset.from_tensor_slices({"x": x}).batch(30))
    return model, x


@pytest.mark.parametrize("draw", [lambda m: m.sample(3, (0, 1)), lambda m: m.prior_sample(SEEDS)])
def test_a_model_without_prior_says_why_it_cannot_sample(draw, autoencoder):
    with pytest.raises(ValueError, match=r"^This model has no prior, and so cannot sample\.$"):
        draw(autoencoder())


@pytest.mark.parametrize("draw", [lambda m: m.sample(3, (0, 1)), lambda m: m.prior_sample(SEEDS)])
def test_a_model_whose_prior_is_not_fitted_says_what_to_do(draw, autoencoder):
    model = autoencoder(FittedAfterTraining(MixtureOfNormals(2)))
    with pytest.raises(ValueError, match="has a prior that is not fitted yet: call `fit_prior` first, and so cannot"):
        draw(model)


def test_what_a_model_says_of_itself(make_vae, autoencoder, fitted):
    facts = lambda m: (m.can_sample, m.is_stochastic, m.has_rate, m.has_density, m.is_euclidean)  # noqa: E731
    assert facts(make_vae()) == (True, True, True, True, True)
    assert facts(autoencoder()) == (False, False, False, False, True)
    assert facts(autoencoder(StandardNormal())) == (True, False, False, False, True)
    assert facts(make_vae(objective=Reconstruction(), prior=None)) == (False, True, False, False, True)
    assert facts(autoencoder(FittedAfterTraining(MixtureOfNormals(2)))) == (False, False, False, False, True)
    assert facts(fitted[0]) == (True, False, False, False, True)


def test_a_normal_posterior_with_a_fitted_prior_has_a_rate_when_it_is_fitted(make_vae, binary):
    model = make_vae(objective=Reconstruction(), prior=FittedAfterTraining(MixtureOfNormals(1)))
    assert not model.has_rate
    model.fit_prior([{"x": binary(50)}])
    assert model.has_rate and model.has_density


def test_training_and_reconstruction_need_no_prior(autoencoder, binary, batches):
    model, x = autoencoder(), np.repeat(binary(2), 16, axis=0)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(batches(x), validation_data=batches(x), epochs=10, verbose=0).history
    assert set(history) == {"loss", "distortion", "val_loss", "val_distortion"}
    assert history["distortion"][-1] < 0.7 * history["distortion"][0]
    assert model.p_z() is None and model.infer(x).latents[0].prior is None


def test_samples_of_a_point_are_the_code(autoencoder, binary):
    model, x = autoencoder(), binary(3)
    np.testing.assert_array_equal(model.encode_sample(x, SEEDS, 2), tf.stack([model.code(x)] * 2))
    np.testing.assert_array_equal(model.infer(x, 2).latents[0].sample, tf.stack([model.code(x)] * 2))


def test_the_prior_is_fitted_to_the_codes_of_all_batches(fitted):
    model, x = fitted
    z, code = model.prior_sample(tf.stack([tf.zeros(500, "int32"), tf.range(500)], 1)).numpy(), model.code(x).numpy()
    # Maximum likelihood of a mixture has the mean of the data; 4 standard errors of 500 draws.
    assert np.all(np.abs(z.mean(axis=0) - code.mean(axis=0)) < 4 * code.std(axis=0) / np.sqrt(500))
    # More likely than any single normal could make them.
    best_normal = -0.5 * (np.log(np.linalg.det(2 * np.pi * np.cov(code.T, bias=True))) + 2)
    assert np.mean(model.p_z().log_prob(code)) > best_normal + 0.1


def test_training_leaves_an_unfitted_prior_alone(autoencoder, binary, batches):
    model = autoencoder(FittedAfterTraining(MixtureOfNormals(2)))
    before = [weight.numpy() for weight in model.prior.weights]
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(batches(binary(8)), verbose=0)
    for ours, theirs in zip(before, model.prior.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fitted_model_samples_after_a_reload_and_an_unfitted_one_still_does_not(fitted, autoencoder, reload):
    model, _ = fitted
    np.testing.assert_array_equal(reload(model).sample(3, (0, 1)), model.sample(3, (0, 1)))
    assert not reload(autoencoder(FittedAfterTraining(MixtureOfNormals(2)))).can_sample
    assert reload(autoencoder()).prior is None


def test_fit_prior_does_nothing_to_other_models(make_vae, binary):
    model = make_vae()
    before = model.get_weights()
    model.fit_prior([{"x": binary(8)}])
    for ours, theirs in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Groups of a product.


def test_a_product_gives_a_group_for_each_factor_and_samples_side_by_side(make_vae, binary):
    posterior = Product([DiagonalNormal(2), RelaxedCategorical(3)])
    model = make_vae(posterior=posterior, prior=ProductOfPriors([StandardNormal(), UniformCategorical()]))
    inference = model.infer(binary(4), 5, seed=(0, 1))
    normal, category = inference.latents
    assert (normal.sample.shape, category.sample.shape, model.latent_size) == ((5, 4, 2), (5, 4, 3), 5)
    np.testing.assert_allclose(tf.reduce_sum(category.sample, -1), 1, rtol=1e-5)  # on the simplex
    z = tf.concat([normal.sample, category.sample], -1)
    np.testing.assert_allclose(model.decode(z).log_prob(binary(4)), inference.likelihood.log_prob(binary(4)), rtol=1e-5)
    assert not model.is_euclidean and model.has_rate and not model.has_density


def test_rate_of_a_product_is_the_sum_of_its_factors(make_vae, binary):
    posterior = Product([DiagonalNormal(2), DiagonalNormal(1)])
    model = make_vae(posterior=posterior, prior=ProductOfPriors([StandardNormal(), StandardNormal()]))
    x = binary(4)
    q = [factor.parameters(model.encoder(x)) for factor in posterior.posteriors]
    q = [factor.distribution(p) for factor, p in zip(posterior.posteriors, q, strict=True)]
    mean, stddev = (tf.concat([getattr(factor, name)() for factor in q], -1) for name in ("mean", "stddev"))
    exact = 0.5 * tf.reduce_sum(stddev**2 + mean**2 - 1 - 2 * tf.math.log(stddev), -1)
    rate = model.terms({"x": x}, (0, 1), training=False)["rate"]
    assert float(rate) == pytest.approx(float(tf.reduce_mean(exact)), rel=1e-5)  # float32 rounding


def test_a_product_without_prior_has_groups_without_prior(make_vae, binary):
    posterior = Product([Deterministic(2), DiagonalNormal(1)])
    model = make_vae(posterior=posterior, prior=None, objective=Reconstruction())
    latents = model.infer(binary(4), seed=(0, 1)).latents
    assert [latent.prior for latent in latents] == [None, None] and [z.shape[-1] for _, _, z in latents] == [2, 1]


def test_a_single_posterior_is_one_group(make_vae, binary):
    model, x = make_vae(objective=ELBO()), binary(4)
    assert len(groups(model.encode(x), model.p_z(), tf.zeros([1, 4, 2]))) == 1


def test_inference_takes_another_posterior_than_the_encoders(make_vae, binary):
    model, x = make_vae(), binary(4)
    other = model.posterior_of(model.variational_parameters(x) + 1.0)
    inference = model.inference(x, tf.zeros([1, 4, 2]), posterior=other)
    assert inference.latents[0].posterior is other
    np.testing.assert_array_equal(
        model.inference(x, tf.zeros([1, 4, 2]))[1][0].posterior.mean(), model.encode(x).mean()
    )
