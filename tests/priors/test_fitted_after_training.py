"""FittedAfterTraining: no part in training, ready after `fit`, saved with the model."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic
from tfvae.priors import (
    AutoregressiveFlow,
    ConditionalNormal,
    FittedAfterTraining,
    MixtureOfNormals,
    StandardNormal,
    UniformOnSphere,
    VampPrior,
    maximum_likelihood,
)
from tfvae.regularizers import RBF, MaximumMeanDiscrepancy

PRIORS = {
    "MixtureOfNormals": functools.partial(MixtureOfNormals, 2),
    "AutoregressiveFlow": functools.partial(AutoregressiveFlow, 1, (4,)),
}

priors = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    monkeypatch.setattr(maximum_likelihood, "MAX_ROUNDS", 2)


@pytest.fixture
def build_autoencoder(make_vae):
    """A model that is trained without its prior."""
    return lambda prior: make_vae(prior=FittedAfterTraining(prior), objective=Reconstruction())


@priors
def test_training_leaves_the_prior_alone(make, build_autoencoder, binary, batches):
    model = build_autoencoder(make())
    before = [weight.numpy() for weight in model.prior.weights]
    model.compile("adam")
    model.fit(batches(binary(16)), verbose=0)
    assert model.prior.trainable_weights == [] and len(before) > 3
    trained = {weight.path for weight in model.trainable_weights}
    assert trained and not trained & {weight.path for weight in model.prior.weights}
    for weight, value in zip(model.prior.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@priors
def test_sampling_before_the_fit_is_refused(make, build_autoencoder):
    with pytest.raises(ValueError, match="has a prior that is not fitted yet: call `fit_prior` first"):
        build_autoencoder(make()).sample(3, (0, 1))


@priors
def test_fitted_prior_samples_and_survives_a_keras_file(make, build_autoencoder, binary, batches, reload):
    model = build_autoencoder(make())
    model.fit_prior(batches(binary(50)))
    loaded = reload(model)
    assert model.prior.is_ready and loaded.prior.is_ready and loaded.prior.fitted_after
    assert loaded.prior.trainable_weights == []
    np.testing.assert_array_equal(loaded.sample(5, (0, 1)), model.sample(5, (0, 1)))


@priors
def test_an_unfitted_prior_is_unfitted_when_loaded(make, build_autoencoder, binary, batches, reload):
    loaded = reload(build_autoencoder(make()))
    assert not loaded.prior.is_ready
    loaded.fit_prior(batches(binary(50)))
    assert loaded.prior.is_ready


@priors
def test_fit_is_that_of_the_prior_on_the_codes(make, build_autoencoder, binary, batches):
    model, x = build_autoencoder(make()), binary(50)
    start = model.prior.prior.get_weights()
    model.fit_prior(batches(x))
    alone = make()
    alone.build((2,))
    alone.set_weights(start)
    alone.fit(model.code(x), model.seed)
    z = tf.random.stateless_normal([7, 2], (0, 1))
    np.testing.assert_allclose(model.p_z().log_prob(z), alone().log_prob(z), rtol=1e-4)  # rounding of batches of codes


def test_whether_it_is_ready_can_be_asked_in_a_graph():
    prior = FittedAfterTraining(MixtureOfNormals(1))
    prior.build((2,))
    assert not tf.function(lambda: prior.is_ready)()
    prior.fit(np.ones([3, 2], "float32"), seed=0)
    assert tf.function(lambda: prior.is_ready)()


def test_has_the_support_of_its_prior():
    prior = FittedAfterTraining(MixtureOfNormals(1))
    assert (prior.support, prior.has_density, prior.fitted_after) == ("the real space", True, True)


@pytest.mark.parametrize(
    "wrong",
    [StandardNormal(), VampPrior(2), ConditionalNormal(2), None, "MixtureOfNormals"],
    ids=lambda p: type(p).__name__,
)
def test_priors_that_cannot_be_fitted_to_codes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"`prior` must be a prior that can be fitted to codes. Received: prior="):
        FittedAfterTraining(wrong)


# With a prior before the fit.


def test_it_is_the_prior_before_and_the_fitted_one_afterwards():
    prior, codes = (
        FittedAfterTraining(MixtureOfNormals(2), before=StandardNormal()),
        5 + tf.random.stateless_normal([200, 2], (0, 1)),
    )
    prior.build((2,))
    assert prior.is_ready and float(prior().log_prob([0.0, 0.0])) == pytest.approx(-np.log(2 * np.pi), rel=1e-6)
    prior.fit(codes, 0)
    np.testing.assert_array_equal(prior().log_prob(codes), prior.prior().log_prob(codes))
    assert np.all(np.abs(prior().mean() - tf.reduce_mean(codes, 0)) < 0.01)  # EM keeps the mean of the data


def test_an_autoencoder_is_trained_with_one_prior_and_sampled_from_another(make_vae, binary, batches, reload):
    penalty = MaximumMeanDiscrepancy(1.0, RBF(2.0))
    prior = FittedAfterTraining(MixtureOfNormals(2), before=StandardNormal())
    model = make_vae(posterior=Deterministic(2), prior=prior, objective=Reconstruction(), regularizers=[penalty])
    model.compile("adam")
    model.fit(batches(binary(32), 16), verbose=0)
    before = model.sample(4, (0, 1))
    model.fit_prior(batches(binary(32), 16))
    after = model.sample(4, (0, 1))
    assert np.any(np.abs(after - before) > 1e-3)
    np.testing.assert_array_equal(reload(model).sample(4, (0, 1)), after)


@pytest.mark.parametrize("make", [UniformOnSphere, lambda: VampPrior(2), lambda: ConditionalNormal(3), lambda: 1])
def test_a_prior_of_another_space_or_of_examples_is_refused_before(make):
    with pytest.raises(ValueError, match="`before` must"):
        FittedAfterTraining(MixtureOfNormals(2), before=make())
