"""A linear-Gaussian VAE is probabilistic PCA, whose maximum likelihood is known in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import log_likelihood
from tfvae.likelihoods import LearnedScale, Normal
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal, FullCovarianceNormal

NUM_EXAMPLES, SIZE, LATENTS = 500, 10, 3


@pytest.fixture(scope="module")
def x():
    """Correlated data that no model of three latents fits exactly."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(5, SIZE)) * np.array([2.0, 1.5, 1.0, 0.6, 0.4])[:, None]
    data = rng.normal(size=(NUM_EXAMPLES, 5)) @ mixing + 0.3 * rng.normal(size=(NUM_EXAMPLES, SIZE))
    return (data / 4 + rng.normal(size=SIZE)).astype("float32")


def maximum_log_likelihood(x):
    """Mean log-likelihood in nats of the best model (Tipping and Bishop, 1999, eq. 3 to 8)."""
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[::-1]
    noise = eigenvalues[LATENTS:].mean()
    log_determinant = np.log(eigenvalues[:LATENTS]).sum() + (SIZE - LATENTS) * np.log(noise)
    return -(SIZE * np.log(2 * np.pi) + log_determinant + SIZE) / 2


@pytest.mark.parametrize("make", [pytest.param(FullCovarianceNormal, marks=pytest.mark.slow), DiagonalNormal])
def test_linear_gaussian_vae_reaches_the_maximum_likelihood_of_probabilistic_pca(make, x, make_vae):
    # The best W has orthogonal columns, for which independent latents lose nothing (Lucas et al., 2019, 1911.02469).
    networks = {"encoder": keras.layers.Flatten(), "decoder": keras.layers.Identity()}
    parts = {**networks, "posterior": make(LATENTS), "likelihood": Normal(LearnedScale())}
    model = make_vae((SIZE,), objective=ELBO(num_samples=4), **parts)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 4000)))
    batch = {"x": tf.constant(x)}
    update = tf.function(lambda: [model.update(batch) for _ in range(10)][-1])
    for _ in range(400):
        update()
    best = maximum_log_likelihood(x)
    inference = model.infer(x, 2000, seed=tf.constant([0, 1]))
    negative_elbo = float(model.objective.terms(inference, model.step.value, training=False)["negative_elbo"])
    assert -negative_elbo == pytest.approx(best, abs=0.05)  # of the issue; the ELBO's standard error is 0.002 nats
    assert -negative_elbo < best + 0.01  # no bound passes the maximum
    assert np.mean(log_likelihood(model, x, 200)) == pytest.approx(best, abs=0.05)
