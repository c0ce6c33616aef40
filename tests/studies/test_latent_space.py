"""The study of the latent space: cluster figures against scikit-learn and theory, planes, and unusual data."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.metrics import silhouette_samples

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment, load_model
from tfvae.report import walks
from tfvae.studies import latent_space, projections
from tfvae.studies.clusters import clusters_of, neighbour_purity, silhouette
from tfvae.studies.workbench import Workbench

DEFAULT = Path(latent_space.__file__).with_name("digits.toml")
TINY = ["training.epochs=1", "data.num_examples=150", "model.posterior.latent_size=2"]
pytestmark = pytest.mark.slow  # a minute or more of trainings that all of it shares


def study(directory, *overrides, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT, overrides), directory, interruption)
        return latent_space.run(bench, **options)


@pytest.fixture
def only_pca(monkeypatch):
    """Leaves the slow projections out."""
    monkeypatch.setattr(latent_space, "PROJECTIONS", {"PCA": projections.pca})


@pytest.fixture(scope="module")
def points():
    """Three clusters that overlap, and their labels."""
    random = np.random.RandomState(0)
    labels = np.arange(60) % 3
    return random.normal(size=(60, 4)) + 2 * np.eye(4)[labels], labels


# Cluster figures.


def test_silhouette_is_that_of_scikit_learn(points):
    x, labels = points
    labels = np.where(np.arange(60) == 7, 9, labels)  # a point alone in its class has 0 by convention
    found = silhouette(cdist(x, x), labels)
    assert found == pytest.approx(silhouette_samples(x, labels), abs=1e-9)
    assert found[7] == 0


def test_one_class_has_no_silhouette(points):
    x, _ = points
    assert np.array_equal(silhouette(cdist(x, x), np.zeros(60)), np.zeros(60))


def test_purity_counts_the_nearest_neighbours():
    place = np.array([[0.0], [1.0], [2.1], [3.3]])
    purity = neighbour_purity(cdist(place, place), np.array([0, 0, 1, 0]), 2)
    assert np.array_equal(purity, [0.5, 0.5, 0.0, 0.5])  # of 0: 1, 2; of 1: 0, 2; of 2: 1, 3; of 3: 2, 1


def test_collapsed_codes_have_the_purity_of_chance_in_any_order():
    labels = np.repeat([0, 1], [30, 10])  # sorted by class, so that neighbours in the file would look pure
    found = clusters_of(np.zeros((40, 3)), labels)
    chance = (30 * 29 + 10 * 9) / (40 * 39)
    assert found["neighbour_purity"]["value"] == pytest.approx(chance, abs=1e-12)
    assert found["neighbour_purity"]["chance"] == pytest.approx(chance, abs=1e-12)
    assert found["silhouette"]["value"] == 0


def test_clusters_far_apart_are_pure():
    labels = np.arange(40) % 2
    found = clusters_of(100.0 * labels[:, np.newaxis] + np.random.RandomState(0).normal(size=(40, 2)), labels)
    assert found["neighbour_purity"]["value"] == 1
    assert found["silhouette"]["value"] > 0.95


def test_figures_do_not_depend_on_scale_and_rotation(points):
    x, labels = points
    turned = 7 * x @ np.linalg.qr(np.random.RandomState(1).normal(size=(4, 4)))[0]
    for name, found in clusters_of(x, labels).items():
        assert clusters_of(turned, labels)[name]["value"] == pytest.approx(found["value"], abs=1e-9)


def test_the_error_is_that_of_new_points():
    def figures(seed):
        random, labels = np.random.RandomState(seed), np.arange(100) % 2
        return clusters_of(random.normal(size=(100, 2)) + labels[:, np.newaxis], labels)["silhouette"]

    found = [figures(seed) for seed in range(40)]
    spread = np.std([f["value"] for f in found], ddof=1)
    # 40 draws know a standard deviation to 11 %, and the jackknife of 10 groups has its own noise; 30 % covers both.
    assert np.mean([f["standard_error"] for f in found]) == pytest.approx(spread, rel=0.3)


# Projections.

# UMAP compiles for most of a minute.
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if n == "UMAP" else []) for n in projections.PROJECTIONS]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 5])
def test_projections_are_planes_and_the_same_every_time(name, size):
    project = projections.PROJECTIONS[name]
    codes = np.random.RandomState(0).normal(size=(30, size)).astype("float32")
    found = project(codes, 3)
    assert found.shape == (30, 2) and np.all(np.isfinite(found))
    assert np.array_equal(found, project(codes, 3))


@pytest.mark.parametrize("name", NAMES)
def test_collapsed_codes_have_a_plane(name):
    assert np.all(np.isfinite(projections.PROJECTIONS[name](np.zeros((projections.FEWEST, 3), "float32"), 0)))


@pytest.mark.parametrize("name", NAMES[1:])
def test_neighbours_stay_neighbours(name):
    labels = np.arange(60) % 3
    codes = 10 * np.eye(5)[labels] + np.random.RandomState(0).normal(size=(60, 5))
    plane = projections.PROJECTIONS[name](codes.astype("float32"), 0)
    assert clusters_of(plane, labels, 5)["neighbour_purity"]["value"] > 0.9


# The study.


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    return directory, study(directory, *TINY, num_points=20, manifold_steps=3)


def test_every_projection_shows_every_model(done):
    _, findings = done
    names = [section.name for section in findings.sections]
    assert names == ["pca", "t_sne", "umap", "clusters", "decoded_manifold", "manifold_codes"]
    for section in findings.sections[:3]:
        assert section.numbers["model"] == [m for m in ("VAE", "without KL", "autoencoder") for _ in range(20)]


def test_figures_below_a_panel_are_those_of_its_points(done):
    _, findings = done
    columns = {name: np.asarray(values) for name, values in findings.sections[1].numbers.items()}
    rows = columns["model"] == "autoencoder"
    places = np.stack([columns["first"][rows], columns["second"][rows]], axis=1)
    expected = clusters_of(places, columns["label"][rows])["silhouette"]["value"]
    assert findings.numbers["silhouette_of_autoencoder_in_t_sne"]["value"] == pytest.approx(expected, abs=1e-9)


def test_the_manifold_is_decoded_at_the_quantiles_of_the_prior(done):
    directory, findings = done
    columns = {name: np.asarray(values) for name, values in findings.sections[4].numbers.items()}
    quantile = norm.ppf(5 / 6)
    assert columns["z0"] == pytest.approx(np.tile([-quantile, 0, quantile], 3))
    assert columns["z1"] == pytest.approx(np.repeat([quantile, 0, -quantile], 3))  # upwards
    z = np.stack([columns["z0"], columns["z1"]], axis=1)[np.newaxis]
    images = walks.decode(load_model(directory / "runs" / "base"), z)[0]
    assert columns["mean_grey_value"] == pytest.approx(images.mean(axis=(1, 2, 3)), abs=1e-5)  # float32


def test_without_kl_is_trained_by_distortion_alone(done):
    directory, _ = done
    assert (directory / "runs" / "without_kl" / "history.jsonl").read_text().count('"rate"') == 0
    assert not load_model(directory / "runs" / "autoencoder").is_stochastic
    assert load_model(directory / "runs" / "without_kl").is_stochastic


def test_data_without_labels_has_no_colours(tmp_path, only_pca):
    np.savez(tmp_path / "images.npz", x=np.random.RandomState(0).randint(0, 256, (80, 6, 7, 3), "uint8"))
    name = f"data.name={tmp_path / 'images.npz'}"
    findings = study(tmp_path, *TINY, name, "data.num_examples=80", manifold_steps=2)
    assert [section.name for section in findings.sections] == ["pca", "decoded_manifold", "manifold_codes"]
    assert not any("coloured" in section.alt for section in findings.sections)
    assert "of the variance of the codes of 16 test examples" in findings.headline


def test_a_conditional_autoencoder_is_compared_with_a_vae(tmp_path, only_pca):
    network = "{name='Conditioned', network={name='MLP', hidden_sizes=[8]}}"
    parts = f"encoder={network}, decoder={network}, likelihood={{name='Bernoulli'}}, "
    parts += "posterior={name='Deterministic', latent_size=3}, objective={name='Reconstruction'}"
    overrides = [*TINY[:2], f"model={{name='VAE', {parts}}}", "data.conditional=true"]
    findings = study(tmp_path, *overrides, manifold_steps=2)
    assert [s.name for s in findings.sections] == ["pca", "clusters", "decoded_manifold", "manifold_codes"]
    assert findings.sections[1].numbers["model"] == ["VAE", "without KL", "autoencoder"]
    assert "are given the class" in findings.sections[2].caption


def test_too_few_examples_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs at least 5"):
        study(tmp_path, *TINY, num_points=4)
