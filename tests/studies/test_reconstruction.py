"""The study of reconstruction: what is called best and worst is that, and errors are those of the pictures."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae import jobs
from tfvae.data import open_splits
from tfvae.errors import ConfigError
from tfvae.experiment import build_model, load_experiment
from tfvae.report.figures.bars import bars_of_names
from tfvae.report.figures.captioned import Block, captioned_rows
from tfvae.report.figures.histograms import histograms
from tfvae.studies import reconstruction
from tfvae.studies.costs import costs_of
from tfvae.studies.workbench import Run, Workbench

DEFAULT = Path(reconstruction.__file__).with_name("digits.toml")
NETWORK = "{name='MLP', hidden_sizes=[16]}"
AUTOENCODER = (
    f"model={{name='VAE', encoder={NETWORK}, decoder={NETWORK}, posterior={{name='Deterministic', latent_size=3}}, "
    "likelihood={name='Normal'}, objective={name='Reconstruction'}}"
)


class Untrained(Workbench):
    """A workbench whose base run is a model as it is before training, which takes no time."""

    def base(self):
        splits = open_splits(self.experiment.data)
        return Run("base", self.directory, self.experiment, build_model(self.experiment, splits.train), splits, [])


def bench_of(directory, *overrides):
    return Untrained(load_experiment(DEFAULT, ["data.num_examples=300", *overrides]), directory, None)


def study(directory, *overrides, **options):
    return reconstruction.run(bench_of(directory, *overrides), **options)


def section(findings, name):
    return next(section for section in findings.sections if section.name == name)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study"), num_shown=5)


def test_worst_and_best_are_the_ends_of_all_errors(findings):
    every = section(findings, "errors").numbers["error"]
    assert every == sorted(every) and len(every) == 360
    assert section(findings, "best").numbers["error"] == every[:5]
    assert section(findings, "worst").numbers["error"] == every[:-6:-1]


def test_the_error_is_that_of_the_image_that_is_shown(tmp_path):
    trained = bench_of(tmp_path).base()
    costs = costs_of(trained.model, trained.batches())
    x = trained.examples()["x"]
    mean = trained.model.reconstruct(x).numpy().astype("float64")
    cross_entropy = -np.sum(x * np.log(mean) + (1 - x) * np.log(1 - mean), axis=(1, 2, 3))
    assert costs.error == pytest.approx(cross_entropy, rel=1e-5)  # float32
    assert costs.squared_error == pytest.approx(np.mean((x - mean) ** 2, axis=(1, 2, 3)), rel=1e-5)


def test_costs_do_not_depend_on_the_batch_size(tmp_path):
    trained = bench_of(tmp_path).base()
    whole, small = (costs_of(trained.model, trained.batches().unbatch().batch(size), seed=3) for size in (360, 50))
    for name in ("error", "distortion", "rates"):
        # float32; a rate is a difference of numbers of about 1, hence the absolute part
        assert getattr(whole, name) == pytest.approx(getattr(small, name), rel=1e-5, abs=1e-6)


def test_the_total_is_the_negative_elbo(tmp_path):
    trained = bench_of(tmp_path).base()
    costs = costs_of(trained.model, trained.batches())
    terms = [trained.model.infer(batch["x"], 2000) for batch in trained.batches()]
    exact = np.mean([-tf.reduce_mean(of.likelihood.log_prob(of.x)) for of in terms])
    # one draw for each example, against 2000 draws each: five standard errors of the mean
    error = np.std(costs.distortion - costs.error) / np.sqrt(360)
    assert np.mean(costs.distortion) == pytest.approx(exact, abs=5 * error + 1e-4)
    assert costs.total == pytest.approx(costs.distortion + costs.rates.sum(axis=1))


def test_classes_are_in_order_and_their_mean_is_that_of_all(tmp_path, findings):
    numbers = section(findings, "error_by_class").numbers
    assert numbers["error"] == sorted(numbers["error"], reverse=True)
    label = bench_of(tmp_path).base().examples()["label"]
    weights = [np.sum(label == int(name)) for name in numbers["class"]]
    whole = findings.numbers["reconstruction_error"]["value"]
    assert np.average(numbers["error"], weights=weights) == pytest.approx(whole)
    assert findings.numbers["error_of_hardest_class"]["class"] == numbers["class"][0]


def test_explained_variance_is_that_of_all_pixels(tmp_path, findings):
    trained = bench_of(tmp_path).base()
    x = trained.examples()["x"].astype("float64")
    residual = np.sum((x - trained.model.reconstruct(x.astype("float32"))) ** 2)
    exact = 1 - residual / np.sum((x - x.mean(axis=0)) ** 2)
    assert findings.numbers["explained_variance"]["value"] == pytest.approx(exact, rel=1e-5)


def test_an_autoencoder_has_one_error(tmp_path):
    numbers = study(tmp_path, "data.binarize=none", AUTOENCODER).numbers
    assert numbers["distortion"]["value"] == pytest.approx(numbers["reconstruction_error"]["value"])


def test_colour_without_labels_has_no_classes(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), "uint8"))
    findings = study(
        tmp_path, f"data.name={tmp_path / 'x.npy'}", "data.num_examples=40", "data.binarize=none",
        "model.likelihood={name='Normal'}",
    )  # fmt: skip
    assert [part.name for part in findings.sections] == ["reconstructions", "worst", "best", "errors"]
    assert "class" not in findings.headline


def test_a_condition_is_that_of_its_image(tmp_path):
    conditioned = f"{{name='Conditioned', network={NETWORK}}}"
    overrides = ("data.conditional=true", f"model.encoder={conditioned}", f"model.decoder={conditioned}")
    trained = bench_of(tmp_path, *overrides).base()
    examples = trained.examples()
    rebuilt = trained.model.reconstruct(examples["x"], condition=examples["condition"])
    costs = costs_of(trained.model, trained.batches())
    assert costs.squared_error == pytest.approx(np.mean((examples["x"] - rebuilt) ** 2, axis=(1, 2, 3)), rel=1e-5)
    assert study(tmp_path, *overrides).numbers["squared_error"]["value"] == pytest.approx(costs.squared_error.mean())


def test_images_that_are_all_alike_have_nothing_to_explain(tmp_path):
    np.save(tmp_path / "x.npy", np.full((20, 4, 4), 255, "uint8"))
    findings = study(tmp_path, f"data.name={tmp_path / 'x.npy'}", "data.num_examples=20", "data.binarize=none")
    assert "explained_variance" not in findings.numbers and np.isfinite(findings.numbers["squared_error"]["value"])


def test_a_table_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the data is a table"):
        study(tmp_path, "data.name=t.csv", "data.binarize=none")


@pytest.mark.slow
def test_training_halves_the_error(tmp_path, findings):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT), tmp_path, interruption)
        numbers = reconstruction.run(bench).numbers
    assert numbers["reconstruction_error"]["value"] < findings.numbers["reconstruction_error"]["value"] / 2
    assert numbers["explained_variance"]["value"] > 0.35


# The figures beside it.


def test_a_block_that_is_longer_than_a_row_goes_on_below():
    images = np.zeros((5, 4, 4, 1))
    figure = captioned_rows([Block({"a": images, "b": images}, list("vwxyz"))], columns=3)
    texts = [[text.get_text() for text in axes.get_xticklabels()] for axes in figure.axes]
    assert texts == [["v", "w", "x"], ["y", "z"]]
    assert [len(axes.get_yticklabels()) for axes in figure.axes] == [2, 2]


def test_the_bars_of_a_histogram_are_shares_of_each_group():
    values = {"few": [0.0, 1.0], "many": list(np.linspace(0, 1, 50))}
    (axes,) = histograms(values, "x").axes
    highest = {patch.get_label(): patch.get_xy()[:, 1].max() for patch in axes.patches}
    assert highest["few"] == pytest.approx(0.5) and highest["many"] < 0.25
    (axes,) = histograms({"one": [0.0, 0.2, 1.0]}, "x").axes
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(1)


def test_bars_stand_in_the_order_of_their_names():
    left, right = bars_of_names(["a", "b"], {"u": ([1.0, 2.0], [0.1, np.nan]), "v": ([3.0, 4.0], [0.0, 0.0])}).axes
    assert [bar.get_width() for bar in left.patches] == [1, 2] and [bar.get_width() for bar in right.patches] == [3, 4]
    assert left.yaxis_inverted()  # the first name is on top
