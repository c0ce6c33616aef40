"""What the tests of parts and models share: a small VAE, binary data, and a trip through a .keras file."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.pipeline import untuned
from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
from tfvae.tuning.forgetting import forget


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test starts from the same random state."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def little_memory():
    """Lets go of the graphs of a module of tests; later collections pass over what is left, half a second each."""
    yield
    forget()
    gc.freeze()


@pytest.fixture
def make_vae():
    """Makes a small, built VAE; arguments replace its parts."""

    def make(event_shape=(6,), seed=0, **parts):
        defaults = {
            "encoder": MLP([16]),
            "posterior": DiagonalNormal(2),
            "prior": StandardNormal(),
            "decoder": MLP([16]),
            "likelihood": Bernoulli(),
            "objective": ELBO(),
        }
        model = VAE(**{**defaults, **parts}, seed=seed)
        model.build((None, *event_shape))
        return model

    return make


@pytest.fixture
def reload(tmp_path):
    """Saves a model as .keras and loads it again."""

    def trip(model):
        model.save(tmp_path / "model.keras")
        return keras.models.load_model(tmp_path / "model.keras")

    return trip


@pytest.fixture
def binary():
    """Draws binary examples, float32 [n, *event]."""

    def draw(n, event_shape=(6,), seed=0):
        return (np.random.default_rng(seed).random((n, *event_shape)) < 0.4).astype("float32")

    return draw


@pytest.fixture
def batches():
    """Cuts examples into a tf.data of {"x": [B, *event]}, the last batch ragged."""

    def cut(x, batch_size=4):
        return untuned(tf.data.Dataset.from_tensor_slices({"x": x}).batch(batch_size))

    return cut


@pytest.fixture
def gradients_of():
    """The gradient of `loss()` for each trainable weight of a layer, by the path of the weight."""

    def differentiate(layer, loss):
        with tf.GradientTape() as tape:
            value = loss()
        weights = layer.trainable_weights
        return dict(zip([w.path for w in weights], tape.gradient(value, weights), strict=True))

    return differentiate


@pytest.fixture
def weights_without_gradient(gradients_of):
    """Paths of the trainable weights whose gradient of `loss()` is missing, not finite or zero everywhere."""

    def is_useful(gradient):
        return gradient is not None and np.all(np.isfinite(gradient)) and np.any(gradient != 0)

    def find(layer, loss):
        gradients = gradients_of(layer, loss)
        assert gradients, "there is no weight to check"
        return [path for path, gradient in gradients.items() if not is_useful(gradient)]

    return find
