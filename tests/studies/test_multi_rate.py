"""The study of one training for all betas: what it compares, at what cost, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import multi_rate
from tfvae.studies.rate_and_distortion import RateAndDistortion
from tfvae.studies.workbench import Workbench

DEFAULT = Path(multi_rate.__file__).with_name("digits.toml")
TINY = ["training.epochs=2", "data.num_examples=150"]
BETAS = [0.5, 1.0, 4.0]
pytestmark = pytest.mark.slow  # a minute or more of trainings that all of it shares


def study(directory, *overrides, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT, overrides), directory, interruption)
        return multi_rate.run(bench, **options)


def outcome(distortion, rate):
    return RateAndDistortion(np.array(distortion, "float64"), np.array(rate, "float64"), np.zeros(1), 1)


# The difference.


def test_what_is_lost_is_that_of_the_loss_at_each_beta():
    sweep = {0.5: outcome([10, 12], [4, 6]), 4.0: outcome([20, 20], [1, 1])}
    ours = {0.5: outcome([11, 12], [4, 8]), 4.0: outcome([19, 22], [2, 1])}
    found = {multi_rate.SWEEP: sweep, "multi-rate, 1x": ours}
    np.testing.assert_allclose(multi_rate._excess(found, "multi-rate, 1x"), [[1, 1], [3, 2]])
    mean = multi_rate._mean_excess(found, "multi-rate, 1x")
    assert (mean["value"], mean["standard_error"]) == pytest.approx((1.75, 0.25))  # of (2, 1.5)


def test_a_model_further_along_the_same_curve_loses_little():
    """On D = exp(-2 R) / 2, whose slope at beta is -beta for D = beta / 2, a step aside costs its square alone."""
    beta, step = 0.4, 0.01
    rate = -np.log(beta) / 2
    curve = lambda r: outcome([np.exp(-2 * r) / 2], [r])  # noqa: E731
    found = {multi_rate.SWEEP: {beta: curve(rate)}, "other": {beta: curve(rate + step)}}
    lost = multi_rate._excess(found, "other")[0, 0]
    assert lost == pytest.approx(beta * step**2, rel=0.02)  # the next term is 2/3 of a step of this


# The study.


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    return directory, study(directory, *TINY, betas=BETAS, lengths=[1, 2], num_betas=2)


def test_the_multi_rate_model_is_trained_once_over_the_range_of_the_sweep(done):
    directory, _ = done
    assert {path.name for path in (directory / "runs").iterdir()} == {
        "beta_0.5", "beta_1", "beta_4", "multi_rate_1", "multi_rate_2"
    }  # fmt: skip
    for length in (1, 2):
        tree = json.loads((directory / "runs" / f"multi_rate_{length}" / "experiment.json").read_text())
        expected = {"name": "MultiRate", "lowest": 0.5, "highest": 4.0, "num_betas": 2, "num_samples": 1}
        assert tree["model"]["name"] == "MultiRateVAE" and tree["model"]["objective"] == expected
        assert tree["training"]["epochs"] == 2 * length and tree["training"]["patience"] is None


def test_the_cost_is_that_of_the_trainings(done):
    directory, findings = done
    table = next(section for section in findings.sections if section.name == "costs").numbers
    assert table["model"] == ["sweep", "multi-rate, 1x", "multi-rate, 2x"] and table["trainings"] == [3, 1, 1]
    rows = (directory / "runs" / "beta_1" / "history.jsonl").read_text().splitlines()
    steps = json.loads(rows[-1])["step"]
    assert len(rows) == 2 and table["steps"] == [3 * steps, steps, 2 * steps]
    ratio = findings.numbers["cost_ratio_of_multi_rate_2x"]["value"]
    assert ratio == pytest.approx(table["seconds"][2] / table["seconds"][0], rel=0.02)  # the table has two decimals


def test_every_model_has_every_beta_and_the_headline_its_numbers(done):
    _, findings = done
    sections = {section.name: section for section in findings.sections}
    assert sections["rate_distortion"].numbers["beta"] == 3 * BETAS
    assert sections["excess"].numbers["beta"] == 2 * BETAS
    for beta in ("0.5", "1", "4"):
        parts = [findings.numbers[f"{term}_of_multi_rate_2x_at_{beta}"]["value"] for term in ("rate", "distortion")]
        total = findings.numbers[f"negative_elbo_of_multi_rate_2x_at_{beta}"]["value"]
        assert total == pytest.approx(sum(parts), rel=1e-9)
    values = np.array(sections["excess"].numbers["excess"]).reshape(2, 3)
    for length, mean in zip((1, 2), values.mean(axis=1), strict=True):
        assert findings.numbers[f"excess_of_multi_rate_{length}x"]["value"] == pytest.approx(mean, rel=1e-6)
    assert "multi-rate, 2x" in findings.headline and "nats more than the swept models" in findings.headline


@pytest.mark.parametrize(
    ("overrides", "options", "message"),
    [
        ([], {"betas": [1.0]}, "with 1 between them"),
        ([], {"betas": [2.0, 4.0]}, "with 1 between them"),
        ([], {"betas": [0.0, 4.0]}, "positive numbers"),
        ([], {"lengths": []}, "`study.lengths`"),
        ([], {"lengths": [0.5]}, "`study.lengths`"),
        (["model.name=LadderVAE"], {}, "the model is a LadderVAE"),
    ],
)
def test_refusals(tmp_path, overrides, options, message):
    with pytest.raises(ConfigError, match=message):
        study(tmp_path, *TINY, *overrides, **options)


@pytest.mark.slow
def test_three_times_the_length_of_one_training_reaches_the_swept_curve(tmp_path):
    findings = study(tmp_path, betas=[0.1, 0.3, 1, 3, 10], lengths=[3])
    excess = findings.numbers["excess_of_multi_rate_3x"]
    # Measured 0.05 +- 0.07; a model without answers to beta loses more than a nat.
    assert abs(excess["value"]) < 0.05 + 4 * excess["standard_error"]
    rates = [findings.numbers[f"rate_of_multi_rate_3x_at_{beta}"]["value"] for beta in ("0.1", "0.3", "1", "3", "10")]
    assert np.all(np.diff(rates) < 0)
