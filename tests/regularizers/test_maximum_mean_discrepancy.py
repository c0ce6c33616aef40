"""MaximumMeanDiscrepancy: the golden value, no bias, and priors of every shape."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.regularizers import RBF, InverseMultiquadratic, MaximumMeanDiscrepancy

tfd = tfp.distributions


def normal(mean, size=1):
    return tfd.MultivariateNormalDiag(tf.fill([size], float(mean)), tf.ones(size))


def penalties(mean, num_examples, num_samples=100, repetitions=20):
    """Penalties of q(z) = N(mean, 1) against N(0, 1), each a mean over samples."""

    def penalty(seed):
        z = normal(mean).sample([num_samples, num_examples], (7, seed))
        inference = Inference(None, (Latent(None, normal(0), z),), None)
        return MaximumMeanDiscrepancy(1.0, RBF(1.0)).penalty(inference, tf.constant([8, seed]))

    return np.array([penalty(seed) for seed in range(repetitions)])


@pytest.mark.parametrize(("mean", "expected"), [(1.0, 0.177268), (0.0, 0.0)], ids=["golden", "same"])
@pytest.mark.parametrize("num_examples", [2, 50])
def test_is_unbiased_for_any_batch_size(mean, expected, num_examples):
    values = penalties(mean, num_examples)
    error = values.std() / np.sqrt(len(values))
    assert error < 0.02 and abs(values.mean() - expected) < 4 * error


@pytest.mark.parametrize("batch_shape", [[], [20], [3, 20]], ids=str)
def test_prior_may_have_a_batch_of_its_own(batch_shape):
    prior = tfd.MultivariateNormalDiag(100 * tf.ones([*batch_shape, 2]), tf.ones([*batch_shape, 2]))
    z = normal(0, 2).sample([3, 20], (0, 1))
    inference = Inference(None, (Latent(None, prior, z),), None)
    value = MaximumMeanDiscrepancy(1.0, RBF(1.0)).penalty(inference, tf.constant([0, 3]))
    assert 0.5 < float(value) < 1.0  # both within terms are about 1 / (1 + 2) each, and nothing is between


def test_draws_follow_the_seed():
    z = normal(0).sample([1, 20], (0, 1))
    inference = Inference(None, (Latent(None, normal(0), z),), None)
    a, b, c = (float(MaximumMeanDiscrepancy(1.0, RBF(1.0)).penalty(inference, tf.constant([0, s]))) for s in (1, 1, 2))
    assert a == b != c


def test_kernels_are_their_formulas():
    distances = tf.constant([0.0, 1.0, 4.0])
    np.testing.assert_allclose(RBF(2.0)(distances, 3.0), np.exp([0, -0.25, -1.0]), rtol=1e-6)
    c = 2 * 3 * 0.5 * np.array([1.0, 2.0])
    expected = [np.sum(c / (c + d)) for d in (0, 1, 4)]
    np.testing.assert_allclose(InverseMultiquadratic(0.5, [1.0, 2.0])(distances, 3.0), expected, rtol=1e-6)


def test_inverse_multiquadratic_has_the_scales_of_the_paper():
    assert float(InverseMultiquadratic()(tf.constant(0.0), 8.0)) == 7
    assert InverseMultiquadratic().get_config()["scales"] == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
