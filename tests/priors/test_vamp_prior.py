"""VampPrior: the posteriors it is made of, and its pseudo-inputs."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.posteriors import (
    DiagonalNormal,
    FullCovarianceNormal,
    InverseAutoregressive,
    RelaxedCategorical,
    VonMisesFisher,
)
from tfvae.priors import VampPrior

FAMILIES = [
    (DiagonalNormal, 2),
    (FullCovarianceNormal, 2),
    (InverseAutoregressive, 2),
    (VonMisesFisher, 3),
    (RelaxedCategorical, 3),
]

posteriors = pytest.mark.parametrize(("make", "latent_size"), FAMILIES)


def started(make_vae, x, **parts):
    model = make_vae(prior=VampPrior(len(x)), **parts)
    model.start(tf.constant(x), tf.range(len(x), dtype="int64"))
    rng = np.random.default_rng(0)  # flows start at zero
    for weight in model.posterior.trainable_weights:
        weight.assign_add(0.1 * rng.normal(size=weight.shape).astype("float32"))
    return model


@posteriors
def test_vamp_with_one_component_is_that_posterior(make, latent_size, make_vae, binary):
    model = started(make_vae, binary(1), posterior=make(latent_size))
    z = model.p_z().sample([7, 1], seed=(0, 1))
    np.testing.assert_allclose(model.p_z().log_prob(z), model.encode(binary(1)).log_prob(z), rtol=1e-5)  # rounding


@posteriors
def test_density_is_the_mean_of_the_posteriors_at_the_pseudo_inputs(make, latent_size, make_vae, binary):
    model = started(make_vae, binary(5), posterior=make(latent_size))
    z = model.p_z().sample(7, seed=(0, 1))
    log_densities = model.encode(binary(5)).log_prob(tf.repeat(z[:, tf.newaxis], 5, axis=1)).numpy().astype("float64")
    log_prob = tf.function(lambda z: model.p_z().log_prob(z), input_signature=[tf.TensorSpec([None, latent_size])])(z)
    np.testing.assert_allclose(log_prob, np.log(np.exp(log_densities).mean(1)), rtol=1e-4)  # float32 rounding
    assert np.ptp(log_densities, axis=1).min() > 1e-3  # the components differ


@pytest.mark.parametrize(
    ("make", "latent_size"),
    [pytest.param(*each, marks=[pytest.mark.slow] if each[0] is InverseAutoregressive else []) for each in FAMILIES],
)
def test_trains_with_every_family(make, latent_size, make_vae, binary, batches):
    model, x = make_vae(posterior=make(latent_size), prior=VampPrior(3)), binary(8)
    model.compile("adam")
    history = model.fit(batches(x), verbose=0).history
    assert np.isfinite(history["loss"][0]) and np.any(model.prior.pseudo_inputs != x[:3])


def test_fit_starts_the_pseudo_inputs_from_training_examples(make_vae, binary, batches):
    model, x = make_vae(prior=VampPrior(3)), binary(8)
    model.compile("sgd")
    model.optimizer.learning_rate = 0.0
    model.fit(batches(x), verbose=0)
    np.testing.assert_array_equal(model.prior.pseudo_inputs, x[:3])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_pseudo_inputs_at_the_edges_move_and_stay_between_zero_and_one(optimizer, make_vae, binary, batches):
    x = binary(64)
    model = started(make_vae, x[:4])
    model.compile(optimizer)
    model.optimizer.build(model.trainable_variables)
    model.optimizer.learning_rate = 0.1
    for batch in batches(x, 16):
        model.update(batch)
    pseudo_inputs = model.prior.pseudo_inputs.numpy()
    assert pseudo_inputs.min() >= 0 and pseudo_inputs.max() <= 1
    moved = pseudo_inputs != x[:4]
    assert np.any(moved & (x[:4] == 0)) and np.any(moved & (x[:4] == 1))


def test_random_pseudo_inputs_lie_between_zero_and_one(make_vae):
    pseudo_inputs = make_vae(prior=VampPrior(50)).prior.pseudo_inputs.numpy()
    assert pseudo_inputs.shape == (50, 6) and 0 <= pseudo_inputs.min() < 0.1 and 0.9 < pseudo_inputs.max() <= 1


def test_too_few_examples_are_refused(make_vae, binary, batches):
    model = make_vae(prior=VampPrior(9))
    model.compile("sgd")
    message = "`num_components` must be at most the number of training examples. Received: num_components=9, of 8"
    with pytest.raises(ValueError, match=message):
        model.fit(batches(binary(8)), verbose=0)
