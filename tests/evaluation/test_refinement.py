"""Refined posteriors reach the optimum of their family, whatever the encoder."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.evaluation import refine
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, FullCovarianceNormal

X = np.array([[0.9, -0.4, 1.1]] * 3, "float32")


def exact_negative_elbo(model, parameters):
    """Of R2, whose expectations are quadratic: in nats, [B]."""
    q, w, b = model.posterior_of(tf.constant(parameters)), *model.likelihood.mean.linear.get_weights()
    square = np.sum((X - q.mean() @ w - b) ** 2, axis=1) + np.einsum("lp,blk,kp->b", w, q.covariance(), w)
    return 1.5 * np.log(2 * np.pi * 0.25) + square / 0.5 + kl_divergence(q, model.p_z(), None).numpy()


@pytest.mark.parametrize(("make", "best"), [(DiagonalNormal, 3.127347), (FullCovarianceNormal, 3.116409)])
def test_refined_posterior_is_the_best_of_its_family(make, best, untrained_r2):
    # That of the full covariance is exact, and its negative ELBO -log p(x).
    model = untrained_r2(make(2))
    found = refine(model, X, 400, learning_rate=0.05, num_samples=64)
    # The last steps go to zero: what is left of their noise is some 1e-4 nats.
    np.testing.assert_allclose(exact_negative_elbo(model, found.parameters), best, atol=1e-3)
    # From 1024 samples, of a distortion whose standard deviation is at most 1 nat there: standard error 0.03.
    assert np.all(np.abs(found.negative_elbo - best) < 0.12) and np.all(found.gap > 0.2)


def test_an_example_is_refined_for_itself(r2):
    alone = refine(r2, X[:1], num_steps=5, num_samples=1).parameters
    r2_and_others = refine(r2, np.concatenate([X[:1], 3 * X[:2]]), num_steps=5, num_samples=1).parameters
    # Other noise, as it is drawn for the whole batch; the way taken in 5 steps of 0.02 differs by no more than that.
    np.testing.assert_allclose(alone[0], r2_and_others[0], atol=0.2)


def test_the_model_stays_what_it_is(r2):
    before = [weight.numpy() for weight in r2.weights]
    refine(r2, X, num_steps=3)
    assert all(np.array_equal(old, new) for old, new in zip(before, r2.weights, strict=True))


def test_the_same_seed_gives_the_same(r2):
    first, second, other = (refine(r2, X, 3, seed=seed).parameters for seed in (0, 0, 1))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_a_model_without_rate_is_refused(make_vae):
    model = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction())
    with pytest.raises(ValueError, match="Refining needs a posterior with a density and a prior"):
        refine(model, X)
