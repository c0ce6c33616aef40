"""The study of compression: codes that come back, sizes that a reader can check, and what it refuses."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import compression, image_codecs
from tfvae.studies.workbench import Workbench

TINY = ["training.epochs=2", "data.num_examples=150", "training.patience=2"]


@pytest.fixture
def study(tmp_path):
    """Runs the study on a few digits with overrides and returns its findings."""

    def run(*overrides, **options):
        default = Path(compression.__file__).with_name("digits.toml")
        experiment = load_experiment(default, [*TINY, *overrides])
        with jobs.Interruption() as interruption:
            return compression.run(Workbench(experiment, tmp_path, interruption), **options)

    return run


def test_the_code_is_as_long_as_the_negative_elbo(study):
    numbers = study(latent_sizes=[2], jpeg_qualities=[50], num_images=30).numbers
    code, elbo = numbers["bits_back"], numbers["negative_elbo"]
    assert code["num_examples"] == 30
    # Each is an estimate from one draw of z: 0.02 covers that noise for 30 images of 64 pixels.
    assert code["value"] == pytest.approx(elbo["value"], rel=0.02)


@pytest.mark.slow
def test_each_latent_size_and_quality_is_drawn(study):
    cost, loss, pictures = study(latent_sizes=[1, 3], jpeg_qualities=[10, 90]).sections
    assert cost.numbers["latent_size"] == [1, 3]
    assert loss.numbers["latent_size_or_quality"] == [1, 3, "10", "90"]
    assert loss.numbers["squared_error"][2] > loss.numbers["squared_error"][3] > 0
    assert len(pictures.numbers["row"]) == 5


def test_densities_have_a_rate_and_no_lossless_code(study):
    grey = ("data.binarize=none", "model.likelihood={name='Normal'}")
    findings = study(*grey, latent_sizes=[2], jpeg_qualities=[50])
    assert "bits_back" not in findings.numbers and "the bits-back code" not in findings.headline
    assert findings.numbers["squared_error"]["value"] > 0


def test_an_autoencoder_is_refused(study):
    network = "{name='MLP', hidden_sizes=[8]}"
    parts = f"encoder={network}, decoder={network}, likelihood={{name='Bernoulli'}}, "
    parts += "posterior={name='Deterministic', latent_size=2}, objective={name='Reconstruction'}"
    with pytest.raises(ConfigError, match="needs a model with a rate"):
        study(f"model={{name='VAE', {parts}}}", latent_sizes=[2])


# The codecs beside it.


@pytest.mark.parametrize("shape", [(7, 8, 8, 1), (5, 6, 9, 3)])
def test_png_gives_back_every_grey_level(shape):
    images = np.random.default_rng(0).integers(0, 256, shape).astype("float32") / 255
    assert np.array_equal(np.rint(image_codecs.png(images).images * 255), np.rint(images * 255))


def test_png_of_binary_images_has_one_bit_a_pixel(binary):
    images = binary(400, (8, 8, 1))
    assert np.array_equal(image_codecs.png(images).images, images)
    assert image_codecs.png(images).bits_per_dimension < 1.1  # noise cannot be compressed; 8 bits a pixel were 1.3


def test_bits_are_those_of_the_file():
    images = np.zeros((4, 8, 8, 1), "float32")
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), "uint8")).save(file, format="JPEG", quality=50, optimize=True)
    assert image_codecs.jpeg(images, 50).bits_per_dimension == 8 * file.tell() / 256


def test_images_without_such_a_format_are_known():
    assert not image_codecs.can_be_coded((8, 8, 2)) and image_codecs.can_be_coded((8, 8, 3))
