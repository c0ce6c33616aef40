"""The study of the weight of the rate: what is minimised, the slope of the curve, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import kl_weight
from tfvae.studies.rate_and_distortion import RateAndDistortion
from tfvae.studies.workbench import Workbench

DEFAULT = Path(kl_weight.__file__).with_name("digits.toml")
TINY = ["training.epochs=2", "data.num_examples=150"]


def study(directory, *overrides, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT, overrides), directory, interruption)
        return kl_weight.run(bench, **options)


def outcome(distortion, rate, num_examples=50):
    """A model whose examples cost that much on average."""
    noise = np.random.RandomState(0).normal(size=num_examples)
    noise -= noise.mean()
    return RateAndDistortion(distortion + noise, rate + noise, np.array([rate]), 1)


# The slope.


def test_slope_is_what_a_nat_of_rate_buys():
    (bounds, (slope, error)) = next(iter(kl_weight._slopes({1.0: outcome(10, 6), 4.0: outcome(16, 3)}).items()))
    assert bounds == (1.0, 4.0)
    assert slope == pytest.approx(2, abs=1e-9)
    assert error >= 0


def test_the_exact_optimum_obeys_theory():
    """On the curve of a Gaussian source, D = exp(-2R) / 2, the slope is -2D, and so -beta at D = beta / 2."""
    betas = (0.01, 0.1, 0.3, 0.9)
    found = {beta: outcome(beta / 2, -np.log(beta) / 2) for beta in betas}
    slopes = kl_weight._slopes(found)
    assert len(slopes) == 3
    assert all(low < slope < high for (low, high), (slope, _) in slopes.items())
    assert not kl_weight._agrees((0.1, 0.3), (0.5, 0.05))


def test_collapsed_models_have_no_slope_between_them():
    assert kl_weight._slopes({4.0: outcome(27, 0.001), 8.0: outcome(27, 0.0)}) == {}


def test_error_of_the_slope_is_that_of_new_examples():
    def found(seed):
        random = np.random.RandomState(seed)
        rate = random.normal(6, 1, 200)
        a = RateAndDistortion(random.normal(10, 1, 200), rate, rate, 1)
        b = RateAndDistortion(a.distortion + random.normal(6, 1, 200), rate - 3, rate, 1)
        return kl_weight._slopes({1.0: a, 4.0: b})[1.0, 4.0]

    slopes, errors = zip(*[found(seed) for seed in range(60)], strict=True)
    # 60 draws know a standard deviation to 9 %, and the jackknife of 10 groups has its own noise; 30 % covers both.
    assert np.mean(errors) == pytest.approx(np.std(slopes, ddof=1), rel=0.3)


# The study.


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    return directory, study(directory, *TINY, betas=[4, 0.5], num_shown=3)


def test_the_loss_is_distortion_and_beta_times_rate(done):
    directory, _ = done
    for beta in (0.5, 4.0):
        rows = (directory / "runs" / f"beta_{beta:g}" / "history.jsonl").read_text().splitlines()
        for terms in (json.loads(row)["validation"] for row in rows):
            assert terms["loss"] == pytest.approx(terms["distortion"] + beta * terms["rate"], rel=1e-5)  # float32
    assert len(rows) == 2


def test_the_best_beta_has_the_lowest_negative_elbo(done):
    _, findings = done
    numbers = findings.numbers
    elbo = {beta: numbers[f"negative_elbo_of_beta_{beta:g}"]["value"] for beta in (0.5, 4.0)}
    assert numbers["best_beta"]["value"] == min(elbo, key=elbo.get)
    for beta, value in elbo.items():
        parts = [numbers[f"{name}_of_beta_{beta:g}"]["value"] for name in ("rate", "distortion")]
        assert value == pytest.approx(sum(parts), rel=1e-9)


def test_every_beta_has_its_point_and_its_rows(done):
    sections = {section.name: section for section in done[1].sections}
    assert sections["rate_distortion"].numbers["beta"] == [0.5, 4.0]
    assert sections["reconstructions"].numbers["row"] == ["original", "beta 0.5", "beta 4"]
    assert sections["reconstructions"].numbers["squared_error"][0] == 0
    assert sections["samples"].numbers["row"] == ["beta 0.5", "beta 4"]
    assert sections["learning_curves"].numbers["epoch"] == [1, 2, 1, 2]


def test_conditional_colour_images(tmp_path):
    x = np.random.RandomState(0).randint(0, 256, (80, 6, 7, 3), "uint8")
    np.savez(tmp_path / "images.npz", x=x, label=np.arange(80) % 3)
    network = "{name='Conditioned', network={name='MLP', hidden_sizes=[8]}}"
    parts = f"encoder={network}, decoder={network}, likelihood={{name='Normal'}}, prior={{name='StandardNormal'}}, "
    parts += "posterior={name='DiagonalNormal', latent_size=3}, objective={name='ELBO', num_samples=2}"
    overrides = [f"data.name={tmp_path / 'images.npz'}", "data.conditional=true", "data.binarize=none"]
    overrides += ["training.epochs=1", f"model={{name='VAE', {parts}}}"]
    findings = study(tmp_path, *overrides, betas=[0, 1], num_shown=4)
    objective = json.loads((tmp_path / "runs" / "beta_0" / "experiment.json").read_text())["model"]["objective"]
    assert objective["num_samples"] == 2
    assert np.all(np.isfinite([metric["value"] for metric in findings.numbers.values()]))


@pytest.mark.parametrize(
    ("overrides", "betas", "message"),
    [
        ([], [1.0, 1.0], "two or more numbers"),
        ([], [-1.0, 1.0], "two or more numbers"),
        (["model.name=VQVAE"], [0.5, 1.0], "the model is a VQVAE"),
        (["model.posterior.name=Deterministic"], [0.5, 1.0], "needs a posterior with a density"),
    ],
)
def test_refusals(tmp_path, overrides, betas, message):
    with pytest.raises(ConfigError, match=message):
        study(tmp_path, *TINY, *overrides, betas=betas)


@pytest.mark.slow
def test_rate_falls_and_the_slope_is_between_the_betas(tmp_path):
    betas = [0.25, 0.5, 1, 2, 4]
    findings = study(tmp_path, betas=betas)
    columns = findings.sections[0].numbers
    # The steps are nats, the errors of the means at most 0.25 nats, and the same examples and noise are in all.
    assert np.all(np.diff(columns["rate"]) < 0) and np.all(np.diff(columns["distortion"]) > 0)
    assert findings.numbers["best_beta"]["value"] == 1
    assert findings.numbers["slopes_that_agree"]["value"] == len(betas) - 1
    assert columns["active_units"][-1] == 0  # beta = 4 collapses on these images
