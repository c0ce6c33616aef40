"""The study of generation: what the fitted prior is, what is compared with what, and copies that are found."""

from pathlib import Path

import numpy as np
import pytest

from tfvae import jobs
from tfvae.data import open_splits
from tfvae.errors import ConfigError
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.experiment import build_model, load_experiment
from tfvae.studies import fitted_prior, generation
from tfvae.studies.copies import copies
from tfvae.studies.fitted_prior import FittedPrior, draws_of, fit_prior
from tfvae.studies.sample_sets import FITTED, PRIOR, REBUILT, SampleSets, sample_sets
from tfvae.studies.sharpness import sharpness
from tfvae.studies.workbench import Run, Workbench

DEFAULT = Path(generation.__file__).with_name("digits.toml")
NETWORK = "{name='MLP', hidden_sizes=[16]}"
SMALL = {"num_samples": 80, "num_codes": 100, "num_components": (1, 2), "num_shown": 5}
PARTS = f"encoder={NETWORK}, decoder={NETWORK}, posterior={{name='Deterministic', latent_size=3}}"
AUTOENCODER = f"model={{name='VAE', {PARTS}, likelihood={{name='Normal'}}, objective={{name='Reconstruction'}}}}"
SPHERE = ("model.posterior={name='VonMisesFisher', latent_size=3}", "model.prior={name='UniformOnSphere'}")


class Untrained(Workbench):
    """A workbench whose base run is a model as it is before training, which takes no time."""

    def base(self):
        splits = open_splits(self.experiment.data)
        return Run("base", self.directory, self.experiment, build_model(self.experiment, splits.train), splits, [])


def bench_of(directory, *overrides):
    return Untrained(load_experiment(DEFAULT, ["data.num_examples=300", *overrides]), directory, None)


def study(directory, *overrides, **options):
    return generation.run(bench_of(directory, *overrides), **{**SMALL, **options})


def names(findings):
    return [section.name for section in findings.sections]


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """The classifier is not what is tested here."""
    train = generation.train_classifier
    monkeypatch.setattr(generation, "train_classifier", lambda *args, **options: train(*args, num_steps=20, **options))


@pytest.fixture
def run_of(tmp_path):
    return lambda *overrides: bench_of(tmp_path, *overrides).base()


# The fitted prior.


class Clusters:
    """A stand-in for a model: q(z|x) is a point, x itself."""

    has_density = False

    def given(self, batch):
        return self

    def encode_sample(self, x, seeds):
        return x[np.newaxis]


@pytest.fixture
def clusters():
    """Fits a prior to two far, slanted clusters in a plane; the third dimension is constant."""
    random = np.random.default_rng(0)
    slant = random.standard_normal((3000, 2)) @ np.array([[1.0, 0.9], [0.0, 0.4]])
    z = np.column_stack([slant + np.where(random.random((3000, 1)) < 0.25, 20.0, 0.0), np.full(3000, 5.0)])
    batches = [
        {"x": z[first : first + 100].astype("float32"), "index": np.arange(100)} for first in range(0, 3000, 100)
    ]

    def fit(numbers=(1, 2, 3)):
        return z, fit_prior(Clusters(), batches, numbers, seed=1)

    return fit


def test_it_finds_the_clusters_and_their_slant(clusters):
    _, fit = clusters()
    assert fit.best == ("full", 2)
    assert sorted(fit.mixture.weights_) == pytest.approx([0.25, 0.75], abs=0.04)  # five standard errors of a share


def test_samples_have_the_moments_of_the_data(clusters):
    z, fit = clusters()
    sample = fit.sample(20000, 0)
    # five standard errors of a mean of 3000 rows, and the share of 0.25 has one of 0.008
    assert sample.mean(axis=0) == pytest.approx(z.mean(axis=0), abs=5 * 20 * 0.008)
    assert np.cov(sample[sample[:, 0] < 10].T)[:2, :2] == pytest.approx(np.cov(z[z[:, 0] < 10].T)[:2, :2], abs=0.1)
    assert sample[:, 2] == pytest.approx(5, abs=0.01)  # in which nothing varies


def test_components_come_in_random_order(clusters):
    _, fit = clusters()
    is_high = fit.sample(1000, 0)[:, 0] > 10
    # the number of runs of a fair order of 250 and 750 is 376 with a standard error of 12
    assert np.sum(np.diff(is_high.astype(int)) != 0) == pytest.approx(375, abs=60)


def test_the_density_is_that_of_z_and_not_of_its_units(clusters):
    z, fit = clusters((1,))
    kept = z[:, :2]
    covariance = np.cov(kept.T)
    exact = -0.5 * (2 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 2)  # of a normal, in the mean
    constant = -0.5 * np.log(2 * np.pi * 1e-6)  # of the third dimension, whose variance is the smallest there is
    assert fit.held_out["full", 1].mean() == pytest.approx(exact + constant, abs=0.2)  # 600 held-out rows


def test_more_components_are_tried_until_they_make_it_worse(monkeypatch, clusters):
    tried = []
    fit = fitted_prior._fit
    monkeypatch.setattr(fitted_prior, "_fit", lambda *args: tried.append(args[1:3]) or fit(*args))
    clusters((1, 2, 40, 80))
    assert ("full", 2) in tried and ("full", 80) not in tried


def test_draws_and_their_prior_are_those_of_the_model(run_of):
    trained = run_of()
    z, log_prior = draws_of(trained.model, trained.batches("train", 50), 0)
    exact = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
    assert log_prior == pytest.approx(exact, rel=1e-5)  # float32
    again, _ = draws_of(trained.model, trained.batches("train", 50).unbatch().batch(7), 0)
    assert z == pytest.approx(again, rel=1e-4, abs=1e-5)


# What is compared.


def test_binary_data_is_compared_with_binary_draws(run_of):
    sets = sample_sets(run_of(), None, 30)
    assert set(sets.means) == {PRIOR, REBUILT}
    assert set(np.unique(sets.like_data[PRIOR])) == {0, 1} and len(np.unique(sets.means[PRIOR])) > 100
    # an untrained decoder is grey: each of 30 * 64 pixels is a fair coin, in five standard errors
    assert sets.like_data[PRIOR].mean() == pytest.approx(sets.means[PRIOR].mean(), abs=5 * 0.5 / np.sqrt(30 * 64))


def test_the_study_of_a_vae(tmp_path):
    findings = study(tmp_path)
    assert names(findings) == [
        "prior_samples", "fitted_prior_samples", "quality", "spectrum", "gradient_energy", "nearest_training_images",
        "distances_to_training", "fitted_prior",
    ]  # fmt: skip
    for name in ("frechet_distance_prior", "frechet_distance_fitted_prior", "precision_rebuilt", "gain_over_prior"):
        assert np.isfinite(findings.numbers[name]["value"])
    assert "from the fitted prior" in findings.headline
    assert study(tmp_path).numbers == findings.numbers


def test_without_a_prior_only_the_fitted_one_is_shown(tmp_path):
    findings = study(tmp_path, "data.binarize=none", AUTOENCODER)
    assert names(findings)[:2] == ["fitted_prior_samples", "quality"]
    assert "gain_over_prior" not in findings.numbers and "from the prior" not in findings.headline


def test_codes_on_a_sphere_are_sampled_from_their_prior_alone(tmp_path):
    found = names(study(tmp_path, *SPHERE))
    assert "prior_samples" in found and "fitted_prior" not in found and "fitted_prior_samples" not in found


def test_a_sphere_without_a_prior_is_refused(tmp_path):
    model = AUTOENCODER.replace("name='Deterministic'", "name='VonMisesFisher'").replace("'Normal'", "'Bernoulli'")
    with pytest.raises(ConfigError, match="has neither"):
        study(tmp_path, model)


def test_without_labels_there_is_no_quality_and_blur_is_said(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), "uint8"))
    findings = study(
        tmp_path, f"data={{name='{tmp_path / 'x.npy'}'}}", "model.likelihood={name='Normal'}", num_samples=7
    )
    assert "quality" not in names(findings) and findings.headline.startswith("Gradient energy")


def test_a_condition_is_one_of_the_data(tmp_path):
    conditioned = f"{{name='Conditioned', network={NETWORK}}}"
    overrides = ("data.conditional=true", f"model.encoder={conditioned}", f"model.decoder={conditioned}")
    assert "fitted_prior_samples" in names(study(tmp_path, *overrides))


def test_a_list_without_components_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="num_components` must be an integer from 1"):
        study(tmp_path, num_components=[])


def test_a_feature_extractor_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.keras"):
        study(tmp_path, extractor="missing.keras")


# Blur and copies.


def test_blur_lowers_the_energy_and_the_data_has_its_own(run_of):
    trained = run_of("data.binarize=none", AUTOENCODER)
    x = trained.examples("test", 40)["x"]
    blurred = (x + np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2) + np.roll(x, (1, 1), axis=(1, 2))) / 4
    sections, numbers = sharpness(trained, SampleSets(x, {"same": x, "blurred": blurred}, {}))
    assert numbers["same"]["value"] == pytest.approx(1) and numbers["blurred"]["value"] < 0.6
    spectrum = sections[0].numbers
    last = {name: power for name, power in zip(spectrum["images"], spectrum["power"], strict=True)}
    assert last["blurred"] < 0.1 * last["same"] == pytest.approx(0.1 * last["test images"])


def test_means_of_binarised_data_are_compared_with_grey_images(run_of):
    trained = run_of()
    x = trained.examples("train", 40)["x"]
    sections, numbers = sharpness(trained, SampleSets(trained.examples("test", 40)["x"], {"same": x}, {}))
    assert numbers["same"]["value"] == pytest.approx(1) and "grey training images" in sections[0].alt


def test_copies_are_found_and_named(run_of):
    trained = run_of("data.binarize=none", AUTOENCODER)
    training = trained.examples("train", 30)["x"]
    rebuilt = trained.examples("test", 50)["x"]
    noise = np.random.default_rng(0).random(training.shape).astype("float32")
    sections, numbers = copies(trained, {PRIOR: training, FITTED: noise, REBUILT: rebuilt}, no_progress)
    assert numbers[PRIOR]["close_to_training_share"]["value"] == 1
    assert numbers[FITTED]["close_to_training_share"]["value"] == 0
    assert numbers[PRIOR]["distance_to_training"]["value"] == 0
    table = sections[0].numbers
    found = zip(table["images"], table["sample"], table["training_index"], strict=True)
    assert all(sample == index for name, sample, index in found if name == PRIOR)
    distances = {
        name: [
            d for d, n in zip(sections[1].numbers["distance"], sections[1].numbers["images"], strict=True) if n == name
        ]
        for name in (PRIOR, FITTED, REBUILT)
    }
    assert list(map(len, distances.values())) == [30, 30, 50]
    assert max(distances[PRIOR]) == 0 < min(distances[REBUILT]) < np.mean(distances[FITTED])


def test_a_fitted_prior_of_one_example(tmp_path):
    fit = fit_prior(Clusters(), [{"x": np.ones((1, 2), "float32"), "index": np.zeros(1)}], (1, 3))
    assert isinstance(fit, FittedPrior) and fit.sample(3, 0) == pytest.approx(np.ones((3, 2)), abs=0.01)


@pytest.mark.slow
def test_a_fitted_prior_is_better_for_an_autoencoder_than_a_normal(tmp_path):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT, ["data.binarize=none", AUTOENCODER]), tmp_path, interruption)
        mixture = generation.run(bench).numbers
        normal = generation.run(bench, num_components=(1,)).numbers
    better, worse = (found["held_out_log_density"] for found in (mixture, normal))
    assert better["value"] > worse["value"] + 3 * worse["standard_error"]
    assert mixture["frechet_distance_fitted_prior"]["value"] < normal["frechet_distance_fitted_prior"]["value"]
