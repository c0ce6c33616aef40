"""Reports of models that are no plain VAE: each has the figures that mean something for it, and a page."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import measure
from tfvae.likelihoods import Normal, Table
from tfvae.models import VAE
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import ELBO, Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal, RelaxedCategorical, VonMisesFisher
from tfvae.priors import ConditionalNormal, StandardNormal, UniformCategorical, UniformOnSphere
from tfvae.report import walks, write_report
from tfvae.report.sections import sections

IMAGE, K, SIZE = (8, 8, 1), 4, 24
LABEL = np.arange(SIZE) % K
ALWAYS = {"learning_curves", "latent_map"}
OF_IMAGES = ALWAYS | {"reconstructions"}
STRAIGHT = {"interpolations", "traversals"}
COLUMNS = [
    {"name": "age", "type": "real", "mean": 10.0, "stddev": 2.0},
    {"name": "vip", "type": "binary"},
    {"name": "kind", "type": "categorical", "categories": ["a", "b", "c"]},
]


def built(event_shape=IMAGE, **parts):
    defaults = {
        "encoder": MLP([16]),
        "posterior": DiagonalNormal(3),
        "prior": StandardNormal(),
        "decoder": MLP([16]),
        "likelihood": Normal(0.5),
        "objective": ELBO(),
    }
    model = VAE(**{**defaults, **parts})
    model.build((None, *event_shape))
    return model


def conditional():
    model = built(encoder=Conditioned(MLP([16]), K), decoder=Conditioned(MLP([16]), K), prior=ConditionalNormal(K))
    kernel = model.prior.parameters.kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return model


def rows(**more):
    x = np.random.default_rng(0).random((SIZE, *IMAGE)).astype("float32")
    return {"x": x, "label": LABEL, "index": np.arange(SIZE), **more}


def one_hot():
    return {"condition": np.eye(K, dtype="float32")[LABEL]}


KINDS = {  # name: (model, batch, sections)
    "VAE": (built, rows, OF_IMAGES | STRAIGHT | {"prior_samples", "rates"}),
    "conditional": (conditional, lambda: rows(**one_hot()), OF_IMAGES | STRAIGHT | {"prior_samples", "rates"}),
    "no prior": (lambda: built(prior=None, objective=Reconstruction()), rows, OF_IMAGES | STRAIGHT),
    "autoencoder": (
        lambda: built(posterior=Deterministic(2), prior=None, objective=Reconstruction()),
        rows,
        OF_IMAGES | STRAIGHT,
    ),
    # One rate for all dimensions of a group that are not independent: there are no bars to draw.
    "sphere": (
        lambda: built(posterior=VonMisesFisher(3), prior=UniformOnSphere()),
        rows,
        OF_IMAGES | {"prior_samples"},
    ),
    "categories": (
        lambda: built(posterior=RelaxedCategorical(3), prior=UniformCategorical()),
        rows,
        OF_IMAGES | {"prior_samples"},
    ),
}


def arguments(report_arguments, model, batch, **replaced):
    metrics = {"split": "test", **measure(model, tf.data.Dataset.from_tensor_slices(batch).batch(8), num_samples=5)}
    return report_arguments(model=model, batch=batch, metrics=metrics, **replaced)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_the_figures_that_mean_something_for_the_model(kind, report_arguments, tmp_path):
    make, batch, expected = KINDS[kind]
    page = write_report(tmp_path, **arguments(report_arguments, make(), batch()))
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == expected
    assert "None" not in page.read_text(encoding="utf-8")


def test_without_a_rate_the_headline_is_without_a_figure(report_arguments, tmp_path):
    make, batch, _ = KINDS["autoencoder"]
    page = write_report(tmp_path, **arguments(report_arguments, make(), batch())).read_text(encoding="utf-8")
    assert "negative ELBO is" not in page and "without noise" in page and "distortion" in page


def test_a_table_has_rows_and_no_images(report_arguments, tmp_path):
    model = built((3,), encoder=TableFeatures(MLP([8]), COLUMNS), likelihood=Table(COLUMNS))
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(10, 2, SIZE), rng.integers(0, 2, SIZE), rng.integers(0, 3, SIZE)], 1).astype("float32")
    x[rng.random(x.shape) < 0.2] = np.nan
    data = {"name": "people.csv", "splits": {"train": {"num_examples": 99}}, "image_shape": [3], "fingerprint": "9f"}
    batch = {"x": x, "label": np.zeros(SIZE, int), "index": np.arange(SIZE)}
    made = arguments(report_arguments, model, batch, data=data, class_names=())
    page = write_report(tmp_path, **made).read_text(encoding="utf-8")
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == ALWAYS | {"rates"}
    assert "people.csv (99 rows)" in page and "24 test rows" in page and "bits per dimension" not in page


@pytest.mark.parametrize(("kind", "told"), [("VAE", False), ("conditional", True)])
def test_a_map_says_that_the_classes_were_not_told_only_where_they_were_not(kind, told, report_arguments, tmp_path):
    make, batch, _ = KINDS[kind]
    page = write_report(tmp_path, **arguments(report_arguments, make(), batch())).read_text(encoding="utf-8")
    assert ("was never told the classes" in page) == (not told)


# Conditions of what is drawn.


@pytest.fixture(scope="module")
def model():
    return conditional()


def test_codes_are_those_of_each_rows_own_condition(model):
    batch = rows(**one_hot())
    expected = model.code(batch["x"], condition=batch["condition"])
    np.testing.assert_allclose(walks.encode(model, batch["x"], batch["condition"]), expected, atol=1e-5)  # rounding


def test_an_interpolation_stays_at_the_condition_of_its_first_image(model):
    batch = rows(**one_hot())
    drawn = walks.interpolate(model, batch["x"][:4], 3, batch["condition"][:4])
    for row in (0, 1):
        first = slice(2 * row, 2 * row + 1)
        expected = model.reconstruct(batch["x"][first], condition=batch["condition"][first])[0]
        np.testing.assert_allclose(drawn[row, 0], expected, atol=1e-5)  # float32 rounding


def test_a_traversal_stays_at_the_condition_of_its_image(model):
    batch = rows(**one_hot())
    x, condition = batch["x"][1:2], batch["condition"][1:2]
    values = np.array([0.0, 2.0], "float32")
    drawn = walks.traverse(model, x, [2, 0], values, condition)
    code = model.code(x, condition=condition).numpy()[0]
    for row, dimension in enumerate([2, 0]):
        z = np.tile(code, (2, 1))
        z[:, dimension] = values
        expected = model.decode(z, condition=np.tile(condition, (2, 1))).mean()
        np.testing.assert_allclose(drawn[row], expected, atol=1e-5)  # float32 rounding


def test_prior_samples_go_through_the_conditions_of_the_images_shown(model, report_arguments):
    made = arguments(report_arguments, model, rows(**one_hot()))
    names = ("model", "batch", "class_names", "history", "metrics")
    shown = {section.name: section for section in sections(*[made[name] for name in names])}
    assert shown["prior_samples"].alt == "A grid of 40 images that the model made up from random codes."
