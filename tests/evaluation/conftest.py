"""R1 and R2 of the golden values as models whose posterior is the same for every x."""

import keras
import numpy as np
import pytest

from tfvae.likelihoods import Bernoulli, Normal
from tfvae.posteriors import DiagonalNormal
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV

R1_W, R1_B = np.array([[2, -1.5, 0.5]]), np.array([0.3, -0.2, 0.1])
R2_W, R2_B = np.array([[1, 0.3, 0.7], [0.5, -1.2, 0.2]]), np.array([0.1, -0.2, 0.3])


@pytest.fixture
def linear_vae(make_vae):
    """Makes a VAE with q(z|x) = N(mean, stddev^2) and p(x|z) of parameters z w + b."""

    def make(mean, stddev, w, b, likelihood):
        size, event_shape = len(mean), (np.shape(w)[1],)
        parts = {"encoder": keras.layers.Flatten(), "decoder": keras.layers.Identity(), "likelihood": likelihood}
        model = make_vae(event_shape, posterior=DiagonalNormal(size), **parts)
        raw_stddev = np.log(np.expm1(np.asarray(stddev) - MINIMAL_STDDEV))
        model.posterior.parameters.set_weights([np.zeros((*event_shape, 2 * size)), np.concatenate([mean, raw_stddev])])
        head = getattr(likelihood, "logits", None) or likelihood.mean
        head.linear.set_weights([w, b])
        return model

    return make


@pytest.fixture
def r1(linear_vae):
    """Three Bernoulli pixels, one latent; q(z|x) = N(mean, stddev^2)."""
    return lambda mean=0.8, stddev=0.6: linear_vae([mean], [stddev], R1_W, R1_B, Bernoulli())


@pytest.fixture
def r2(linear_vae):
    """Linear Gaussian, two latents, three pixels; q(z|x) is the best with independent latents."""
    stddev = np.sqrt([0.136612, 0.126263])
    return linear_vae([0.662906, 0.310296], stddev, R2_W, R2_B, Normal(0.5))


@pytest.fixture
def untrained_r2(make_vae):
    """R2 with any posterior, and an encoder that was never trained."""

    def make(posterior):
        parts = {"encoder": keras.layers.Flatten(), "decoder": keras.layers.Identity(), "likelihood": Normal(0.5)}
        model = make_vae((3,), posterior=posterior, **parts)
        model.likelihood.mean.linear.set_weights([R2_W, R2_B])
        return model

    return make
