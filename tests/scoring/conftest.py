"""What the tests of scoring share: small exported models of images, of classes and of a table, and data for them."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, Table
from tfvae.models import VAE
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import ConditionalNormal, StandardNormal
from tfvae.scoring import Scoring, read, score
from tfvae.serving import export
from tfvae.serving.standalone.served_model import ServedModel

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
IMAGE_SHAPE = (8, 8, 1)
CLASS_NAMES = ("ant", "bee", "cat")
COLUMNS = [
    {"name": "age", "type": "real", "mean": 40.0, "stddev": 12.0},
    {"name": "vip", "type": "binary"},
    {"name": "kind", "type": "categorical", "categories": ["ant", "bee", "cat"]},
    {"name": "id", "type": "binary"},  # a field of a record, too
]


def exported(directory, event_shape, manifest=None, binarize="none", **parts):
    keras.utils.set_random_seed(1)
    defaults = {"encoder": MLP([16]), "decoder": MLP([16]), "prior": StandardNormal(), "likelihood": Bernoulli()}
    model = VAE(**{**defaults, **parts}, posterior=DiagonalNormal(3), objective=ELBO())
    model.build((None, *event_shape))
    export(model, directory, binarize=binarize, manifest=manifest)
    return directory


@pytest.fixture(scope="session")
def image_export(tmp_path_factory):
    """Of a model whose pixels are drawn by the row's seed."""
    return exported(tmp_path_factory.mktemp("images") / "export", IMAGE_SHAPE, binarize="dynamic")


@pytest.fixture(scope="session")
def plain_export(tmp_path_factory):
    """Of no model, but as quick as can be: for what a job does whatever the numbers are."""
    module = tf.Module()

    def score(images, seed):
        return {"rate": tf.reduce_sum(images, axis=[1, 2, 3]) + tf.cast(seed, "float32")}

    def sample(seed):
        return {"z": tf.cast(seed, "float32")}

    images, seed = tf.TensorSpec([None, *IMAGE_SHAPE], "float32", "images"), tf.TensorSpec([None], "int64", "seed")
    functions = {"score": tf.function(score, [images, seed]), "sample": tf.function(sample, [seed])}
    functions["encode"] = tf.function(lambda images: {"z": images[:, 0, :2, 0]}, [images])
    module.functions = list(functions.values())
    directory = tmp_path_factory.mktemp("plain") / "export"
    tf.saved_model.save(module, str(directory), signatures=functions)
    return directory


@pytest.fixture(scope="session")
def served(image_export):
    return ServedModel(image_export)


@pytest.fixture(scope="session")
def conditional_export(tmp_path_factory):
    number = len(CLASS_NAMES)
    networks = {name: Conditioned(MLP([16]), number) for name in ("encoder", "decoder")}
    manifest = {"data": {"class_names": list(CLASS_NAMES)}}
    directory = tmp_path_factory.mktemp("conditional") / "export"
    return exported(directory, IMAGE_SHAPE, manifest, prior=ConditionalNormal(number, [4]), **networks)


@pytest.fixture(scope="session")
def table_export(tmp_path_factory):
    directory = tmp_path_factory.mktemp("table") / "export"
    manifest = {"experiment": {"data": {"label": "class"}}}
    parts = {"encoder": TableFeatures(MLP([16]), COLUMNS), "likelihood": Table(COLUMNS)}
    return exported(directory, [len(COLUMNS)], manifest, **parts)


@pytest.fixture(scope="session")
def grey():
    """23 grey images, uint8."""
    return np.random.default_rng(3).integers(0, 256, (23, *IMAGE_SHAPE), "uint8")


@pytest.fixture(scope="session")
def array_file(grey, tmp_path_factory):
    """The images and a label for each, 0 to 2 in turn."""
    path = tmp_path_factory.mktemp("arrays") / "images.npz"
    np.savez_compressed(path, x=grey, label=np.arange(len(grey)) % 3)
    return path


@pytest.fixture
def folder(grey, tmp_path):
    """The images as files of two classes: image k is <class>/<k>.png, in the order of k."""
    root = tmp_path / "photos"
    for number, image in enumerate(grey):
        path = root / ("ant" if number < 10 else "bee") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(image).numpy())
    return root


@pytest.fixture
def scored(tmp_path):
    """Scores with small parts and batches into a new folder, and returns what `read` gives of it."""

    def run(model, output="scores", **options):
        options = {"part_size": 8, "batch_size": 3, **options}
        score(Scoring(str(model), **options), tmp_path / output)
        return list(read(tmp_path / output))

    return run


@pytest.fixture
def export_function(tmp_path):
    """Exports one function of images [B, 8, 8, 1], or of another shape, and returns the directory."""

    def make(function, shape=IMAGE_SHAPE):
        module = tf.Module()
        spec = tf.TensorSpec([None, *shape], "float32", "images")
        module.function = tf.function(function, input_signature=[spec])
        tf.saved_model.save(module, str(tmp_path / "function"), signatures=module.function)
        return tmp_path / "function"

    return make
