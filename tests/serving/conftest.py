"""What the tests of serving share: two tiny exported, blessed models, and exports of any function, faulty ones too."""

import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, Normal
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
from tfvae.serving.blessing import Examples, bless
from tfvae.serving.exporting import export, probe, write_saved_model
from tfvae.serving.files import sha256_of_files
from tfvae.serving.signatures import Signature
from tfvae.serving.standalone.prediction_log import Call, write_calls
from tfvae.serving.standalone.served_model import ServedModel
from tfvae.settings import Threshold

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
IMAGE_SHAPE, LATENT_SIZE = (8, 8, 1), 3


def build_vae(likelihood):
    keras.utils.set_random_seed(1)
    model = VAE(
        encoder=MLP((16,)),
        posterior=DiagonalNormal(LATENT_SIZE),
        prior=StandardNormal(),
        decoder=MLP((16,)),
        likelihood=likelihood,
        objective=ELBO(),
    )
    model.build((None, *IMAGE_SHAPE))
    return model


@pytest.fixture(scope="session")
def binary_vae():
    return build_vae(Bernoulli())


@pytest.fixture(scope="session")
def grey_vae():
    return build_vae(Normal(0.5))


def blessed(directory, seed=0):
    """Blesses an export on images of noise, by a limit that every model keeps to that gives numbers."""
    x = np.random.default_rng(seed).random((6, *IMAGE_SHAPE)).astype("float32")
    batch = {"x": x, "index": np.arange(6), "label": np.arange(6) % 2}
    facts = {"tensorflow": tf.__version__, "files": sha256_of_files(directory)}
    thresholds = {"negative_elbo": Threshold(at_most=1e9)}
    bless(directory, facts, thresholds, Examples([batch], ("even", "odd")))
    return directory


@pytest.fixture(scope="session")
def binary_export(binary_vae, tmp_path_factory):
    """Trained on binarised images."""
    directory = tmp_path_factory.mktemp("binary") / "export"
    export(binary_vae, directory, binarize="dynamic", manifest={"metrics": {"loss": 1.5}})
    return blessed(directory)


@pytest.fixture(scope="session")
def grey_export(grey_vae, tmp_path_factory):
    directory = tmp_path_factory.mktemp("grey") / "export"
    export(grey_vae, directory)
    return blessed(directory)


@pytest.fixture(scope="session")
def binary_server(binary_export):
    return ServedModel(binary_export)


@pytest.fixture(scope="session")
def grey_server(grey_export):
    return ServedModel(grey_export)


@pytest.fixture
def copy(binary_export, tmp_path):
    """A copy of an export that a test may spoil."""
    return shutil.copytree(binary_export, tmp_path / "copy")


@pytest.fixture
def images():
    return np.random.default_rng(3).random((3, *IMAGE_SHAPE)).astype("float32")


@pytest.fixture
def export_function(tmp_path):
    """Exports one function of x [B, 4] as `tfvae export` does, warm-up and probes with it; returns the directory."""

    def make(function, *specs, **inputs):
        specs = specs or (tf.TensorSpec([None, 4], "float32", "x"),)
        inputs = inputs or {"x": np.random.default_rng(0).random((3, 4)).astype("float32")}
        served, directory = Signature(function, specs), tmp_path / "function"
        write_saved_model({"serving_default": served}, directory)
        call = probe("serving_default", served, inputs)
        (directory / "assets.extra").mkdir()
        (directory / "assets.extra" / "tfvae_manifest.json").write_text("{}")
        write_calls(directory / "assets.extra" / "tfvae_probes", [call])
        warmup = Call(call.signature, call.inputs, {})
        write_calls(directory / "assets.extra" / "tf_serving_warmup_requests", [warmup])
        return directory

    return make
