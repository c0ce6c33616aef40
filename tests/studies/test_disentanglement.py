"""The study of disentanglement: each weight is scored against the factors, and data without factors is refused."""

from pathlib import Path

import pytest

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import disentanglement
from tfvae.studies.workbench import Workbench

FOLDER = Path(disentanglement.__file__).parent
SMALL = "{name='MLP', hidden_sizes=[32]}"
TINY = [
    "training.epochs=1", "data.num_examples=400", "data.factors={shape=[0,1], scale=[2,5], orientation=[0,10]}",
    f"model.encoder={SMALL}", f"model.decoder={SMALL}", "model.posterior.latent_size=3",
]  # fmt: skip


def study(directory, config, *overrides, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(FOLDER / config, overrides), directory, interruption)
        return disentanglement.run(bench, **options)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    return study(directory, "shapes.toml", *TINY, betas=[1.0], total_correlation_weights=[3.0], num_examples=40)


def test_every_model_is_scored(findings):
    scores = findings.sections[0].numbers
    assert scores["run"] == ["beta 1", "TC 3"]
    assert all(0 <= value <= 1 for name in ("mig", "disentanglement", "sap") for value in scores[name])
    assert findings.numbers["mig of TC 3"]["value"] == scores["mig"][1]


def test_the_matrix_has_a_row_for_each_dimension_and_a_column_for_each_factor_that_varies(findings):
    matrix = findings.sections[1].numbers
    assert sorted(matrix["dimension"]) == ["z0", "z1", "z2"]
    assert list(matrix)[1:] == ["shape", "scale", "orientation", "x_position", "y_position"]


def test_the_headline_names_the_best(findings):
    scores = findings.sections[0].numbers
    best = scores["run"][scores["mig"].index(max(scores["mig"]))]
    assert f"the one with {best} has the best" in findings.headline


def test_data_without_factors_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs data that knows its factors"):
        study(tmp_path, "digits.toml", "training.epochs=1", "data.num_examples=100", betas=[1.0])
    assert not any(tmp_path.iterdir())  # before anything was trained
