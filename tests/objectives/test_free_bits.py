"""Free bits, samples, and the objective without a rate."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.objectives import ELBO, Reconstruction

tfd = tfp.distributions

STEP = tf.constant(0, "int64")
MEANS = [[0.1, 2.0, 0.0], [0.3, 1.0, 0.0]]  # rates mean^2 / 2; their means over the batch: 0.025, 1.25 and 0


def inference(mean, prior=None, num_samples=1):
    mean = tf.convert_to_tensor(mean)
    posterior = tfd.MultivariateNormalDiag(mean, tf.ones_like(mean))
    prior = prior or tfd.MultivariateNormalDiag(tf.zeros(3), tf.ones(3))
    z = mean + tf.random.stateless_normal([num_samples, *mean.shape], (0, 1))
    likelihood = tfd.Independent(tfd.Bernoulli(logits=z, dtype="float32"), 1)
    return Inference(tf.ones_like(mean), (Latent(posterior, prior, z),), likelihood)


def paid(objective, given):
    """The rate in the loss."""
    terms = objective.terms(given, STEP, training=True)
    return terms["loss"] - terms["distortion"]


def test_a_dimension_pays_only_above_its_free_bits():
    assert float(paid(ELBO(free_bits=0.5), inference(MEANS))) == pytest.approx(0.5 + 1.25 + 0.5, rel=1e-5)


def test_free_bits_are_of_the_mean_over_the_batch_not_of_an_example():
    means = [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]  # rates 0 and 2, mean 1: above 0.5 for one example only
    assert float(paid(ELBO(free_bits=0.5), inference(means))) == pytest.approx(3.0, rel=1e-5)


def test_a_dimension_below_its_free_bits_has_no_gradient():
    mean = tf.Variable(MEANS)
    with tf.GradientTape() as tape:
        loss = paid(ELBO(beta=3.0, free_bits=0.5), inference(mean))
    gradient = tape.gradient(loss, mean).numpy()
    assert np.all(gradient[:, [0, 2]] == 0)
    np.testing.assert_allclose(gradient[:, 1], 3 * np.array([2.0, 1.0]) / 2, rtol=1e-5)


@pytest.mark.parametrize("free_bits", [0.01, 0.5, 10])
def test_loss_pays_at_least_the_free_bits_of_all_dimensions(free_bits):
    assert float(paid(ELBO(free_bits=free_bits), inference(MEANS))) >= 3 * free_bits - 1e-5  # float32 rounding


def test_without_free_bits_it_is_the_elbo_and_reports_are_the_same_with_them():
    none, some = (ELBO(free_bits=f).terms(inference(MEANS), STEP, training=True) for f in (0, 5.0))
    assert none["loss"] == none["negative_elbo"]
    assert all(none[name] == some[name] for name in ELBO.reports)


def test_a_group_without_independent_dimensions_has_its_free_bits_once():
    prior = tfd.MultivariateNormalTriL(tf.zeros(3), tf.eye(3))
    assert float(paid(ELBO(free_bits=0.5), inference(MEANS, prior))) == pytest.approx(1.275, rel=1e-5)
    assert float(paid(ELBO(free_bits=5.0), inference(MEANS, prior))) == pytest.approx(5.0, rel=1e-5)


def test_an_estimated_rate_has_its_free_bits_after_the_mean_over_samples_and_batch():
    normal = tfd.MultivariateNormalDiag(tf.zeros([1, 3]), tf.ones([1, 3]))
    mixture = tfd.MixtureSameFamily(tfd.Categorical(probs=[1.0]), normal)
    given = inference(MEANS, mixture, num_samples=5)
    rate = ELBO().terms(given, STEP, training=True)["rate"]
    assert float(paid(ELBO(free_bits=1e-3), given)) == pytest.approx(float(rate), rel=1e-5)
    assert float(paid(ELBO(free_bits=50.0), given)) == pytest.approx(50.0, rel=1e-5)


def test_samples_lower_the_noise_and_keep_the_mean():
    @tf.function
    def loss(num_samples, seed):
        given = inference(MEANS[:1])
        z = given.latents[0].posterior.sample(num_samples, seed=seed)
        likelihood = tfd.Independent(tfd.Bernoulli(logits=z, dtype="float32"), 1)
        given = given._replace(likelihood=likelihood)
        return ELBO(num_samples=num_samples).terms(given, STEP, training=True)["loss"]

    one, many = (np.array([loss(n, tf.constant([0, i])) for i in range(400)]) for n in (1, 16))
    assert one.std() / many.std() == pytest.approx(4, rel=0.2)  # four times its standard error of 1 / sqrt(400)
    assert abs(one.mean() - many.mean()) < 4 * one.std() / np.sqrt(400)


def test_reconstruction_is_the_distortion_and_needs_no_prior():
    given = inference(MEANS)
    point = given._replace(
        latents=(Latent(tfd.VectorDeterministic(tf.constant(MEANS)), None, given.latents[0].sample),)
    )
    terms = Reconstruction().terms(point, STEP, training=True)
    assert terms["loss"] == terms["distortion"] == ELBO(beta=0).terms(given, STEP, training=True)["loss"]
    assert not Reconstruction().needs_rate and Reconstruction().monitor == "loss"


@pytest.mark.parametrize("wrong", [-0.1, True, None, "1", float("inf")], ids=repr)
def test_free_bits_must_be_a_number_from_zero_up(wrong):
    with pytest.raises(ValueError, match=r"`free_bits` must be a number of nats from 0 up. Received: free_bits="):
        ELBO(free_bits=wrong)


@pytest.mark.parametrize("wrong", [0, 1.0, True, None], ids=repr)
def test_num_samples_must_be_a_positive_integer(wrong):
    with pytest.raises(ValueError, match=r"`num_samples` must be a positive integer. Received: num_samples="):
        ELBO(num_samples=wrong)
