"""TotalCorrelation against Gaussians whose total correlation is known."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import decompose_rate
from tfvae.inference import Inference, Latent
from tfvae.regularizers import TotalCorrelation

tfd = tfp.distributions


def inference(means, stddev, num_samples=1, seed=0):
    q = tfd.MultivariateNormalDiag(means, stddev * tf.ones_like(means))
    p = tfd.MultivariateNormalDiag(tf.zeros(means.shape[-1]), tf.ones(means.shape[-1]))
    z = q.sample(num_samples, seed=(seed, 1))
    return Inference(means, (Latent(q, p, z),), None)


def normals(n, covariance, seed=0):
    noise = tf.random.stateless_normal([n, len(covariance)], (seed, 2))
    return tf.matmul(noise, tf.linalg.cholesky(tf.constant(covariance, "float32")), transpose_b=True)


def test_whole_dataset_of_correlated_codes_has_the_golden_value():
    n, within = 2000, 0.3**2  # q(z) = N(0, [[1, .5], [.5, 1]]) is the means' normal widened by the posterior's
    means = normals(n, [[1 - within, 0.5], [0.5, 1 - within]])
    estimates = [TotalCorrelation(1.0, n).penalty(inference(means, 0.3, 2, seed), None) for seed in range(4)]
    # 2000 means determine a correlation of 0.5 to 0.017 and so the total correlation to 0.011; drawing z adds 0.01.
    assert float(np.mean(estimates)) == pytest.approx(0.143841, abs=0.03)


def test_independent_codes_have_none_even_if_the_batch_is_a_tenth_of_the_data():
    means = normals(1000, np.eye(4) * (1 - 0.5**2))
    inferred = inference(means, 0.5)
    terms = decompose_rate(*inferred.latents[0], dataset_size=10_000)
    # The known values of this estimate: -0.02, where it would be 27.6 off without its constants, and 2.80, where
    # I(x; z) = 4 log(1 / 0.5) = 2.77. They scatter by 0.01 and 0.02 over seeds.
    assert float(TotalCorrelation(1.0, 10_000).penalty(inferred, None)) == pytest.approx(-0.02, abs=0.03)
    assert float(tf.reduce_mean(terms.mutual_information)) == pytest.approx(2.80, abs=0.06)


def test_shifts_and_scales_of_a_latent_change_nothing():
    means = normals(200, [[1, 0.5], [0.5, 1]])
    q = tfd.MultivariateNormalDiag(means, 0.5 * tf.ones_like(means))
    z = q.sample(1, seed=(0, 1))
    scale, shift = tf.constant([10.0, 0.1]), tf.constant([5.0, -3.0])
    moved = tfd.MultivariateNormalDiag(means * scale + shift, 0.5 * scale * tf.ones_like(means))
    values = [
        float(TotalCorrelation(1.0, 200).penalty(Inference(means, (Latent(*latent),), None), None))
        for latent in [(q, None, z), (moved, None, z * scale + shift)]
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-4) and values[0] > 0.05  # float32 rounding


def test_samples_are_averaged():
    means = normals(20, [[1, 0.5], [0.5, 1]])
    both = inference(means, 0.5, num_samples=2)
    q, p, z = both.latents[0]
    single = [
        TotalCorrelation(1.0, 50).penalty(both._replace(latents=(Latent(q, p, z[i : i + 1]),)), None) for i in (0, 1)
    ]
    assert float(TotalCorrelation(1.0, 50).penalty(both, None)) == pytest.approx(float(np.mean(single)), rel=1e-5)


def test_repeating_a_dataset_and_its_size_leaves_it():
    means = normals(50, [[1, 0.5], [0.5, 1]])
    once = inference(means, 0.5)
    q, p, z = once.latents[0]
    doubled = tfd.MultivariateNormalDiag(tf.tile(q.mean(), [2, 1]), tf.tile(q.stddev(), [2, 1]))
    twice = once._replace(latents=(Latent(doubled, p, tf.tile(z, [1, 2, 1])),))
    values = [float(TotalCorrelation(1.0, n).penalty(i, None)) for n, i in ((50, once), (100, twice))]
    assert values[0] == pytest.approx(values[1], rel=1e-5)  # the weights are 1/N for all


def test_a_posterior_that_is_no_normal_is_refused():
    q = tfd.VonMisesFisher(tf.constant([[1.0, 0.0, 0.0]]), [1.0])
    latent = Latent(q, None, q.sample(1, seed=(0, 1)))
    with pytest.raises(ValueError, match="estimated for multivariate normals only"):
        TotalCorrelation(1.0, 10).penalty(Inference(None, (latent,), None), None)
