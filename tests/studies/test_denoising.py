"""The study of denoising: the same noise for every model, and numbers that are those of the pictures."""

from pathlib import Path

import pytest

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import denoising
from tfvae.studies.workbench import Workbench

DEFAULT = Path(denoising.__file__).with_name("grey_digits.toml")
TINY = ["training.epochs=2", "data.num_examples=150"]


def study(directory, *overrides, config=DEFAULT, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(config, overrides), directory, interruption)
        return denoising.run(bench, **options)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study"), *TINY, noise=0.3, levels=[0.1, 0.5], num_images=20)


def test_the_noise_of_training_is_among_the_levels(findings):
    curve, _ = findings.sections
    assert curve.numbers["noise"] == [0.1, 0.3, 0.5]


def test_more_noise_makes_a_worse_image(findings):
    noisy = findings.sections[0].numbers["noisy_image"]
    assert noisy[0] > noisy[1] > noisy[2]
    assert noisy[0] == pytest.approx(20, abs=3)  # noise of 0.1 is 20 dB; what is cut off at black and white gains some


def test_headline_and_numbers_are_those_of_the_curve(findings):
    curve, _ = findings.sections
    for name in ("autoencoder", "denoising_VAE", "median_filter"):
        assert findings.numbers[f"psnr_of_{name}"]["value"] == curve.numbers[name][1]
    models = ("autoencoder", "denoising_autoencoder", "VAE", "denoising_VAE")
    best = max(models, key=lambda name: curve.numbers[name][1])
    assert f"the {best.replace('_', ' ')} with" in findings.headline


def test_every_model_has_a_row_of_the_picture(findings):
    picture = findings.sections[1]
    assert picture.numbers["row"] == ["clean", "noisy", "autoencoder", "denoising autoencoder", "VAE", "denoising VAE"]
    assert picture.numbers["psnr_0"][0] == 100 and len(picture.numbers) == 9


def test_a_table_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1.5,2\n" * 50)
    with pytest.raises(ConfigError, match="the data is a table"):
        study(tmp_path, f"data.name={tmp_path / 't.csv'}")


@pytest.mark.slow
def test_denoising_models_win_at_the_noise_they_were_trained_with(tmp_path):
    measured = study(tmp_path).numbers
    value = {name.removeprefix("psnr_of_"): metric["value"] for name, metric in measured.items()}
    # Standard errors are 0.1 dB.
    assert value["denoising_autoencoder"] > value["autoencoder"] + 1
    assert value["denoising_VAE"] > value["VAE"] + 1
    assert value["denoising_autoencoder"] > value["noisy_image"] + 1 > value["median_filter"]
