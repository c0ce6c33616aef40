"""The study of collapse: four trainings that differ in the remedy alone, and what it says of each."""

import json
from pathlib import Path

import pytest

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment
from tfvae.studies import collapse
from tfvae.studies.workbench import Workbench

pytestmark = pytest.mark.slow  # half a minute of trainings that all of it shares
DEFAULT = Path(collapse.__file__).with_name("digits.toml")
TINY = ["training.epochs=2", "data.num_examples=150"]
RUNS = ("no_remedy", "warm_up", "free_bits", "geco")


def study(directory, *overrides, **options):
    with jobs.Interruption() as interruption:
        bench = Workbench(load_experiment(DEFAULT, overrides), directory, interruption)
        return collapse.run(bench, **options)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    return directory, study(directory, *TINY, depth=2, hidden_size=8, free_bits=0.5, num_shown=3)


def experiments(directory):
    return {run: json.loads((directory / "runs" / run / "experiment.json").read_text()) for run in RUNS}


def test_the_four_differ_in_the_objective_alone(done):
    directory, _ = done
    found = experiments(directory)
    objectives = {run: tree["model"].pop("objective") for run, tree in found.items()}
    assert all(tree == found["no_remedy"] for tree in found.values())
    assert found["no_remedy"]["model"]["decoder"] == {
        "name": "MLP", "hidden_sizes": [8, 8], "activation": "relu",
    }  # fmt: skip
    assert objectives["no_remedy"] == {"name": "ELBO"}
    assert objectives["warm_up"]["beta"] == {"name": "LinearWarmup", "steps": 2}  # half of the 4
    assert objectives["free_bits"]["free_bits"] == 0.5


def test_all_take_the_same_number_of_steps(done):
    directory, _ = done
    histories = [(directory / "runs" / run / "history.jsonl").read_text().splitlines() for run in RUNS]
    assert [json.loads(rows[-1])["step"] for rows in histories] == [4] * 4


def test_every_training_has_its_verdict_and_its_row(done):
    _, findings = done
    curves, remedies, pictures = findings.sections
    names = ["no remedy", "warm-up", "free bits", "GECO"]
    assert remedies.numbers["training"] == names
    assert pictures.numbers["row"] == ["original", *names]
    assert curves.numbers["run"] == [name for name in names for _ in range(2)]
    assert all(sentence in remedies.caption for sentence in remedies.numbers["verdict"])
    collapsed = ["COLLAPSED" in sentence for sentence in remedies.numbers["verdict"]]
    assert findings.numbers["collapsed"]["value"] == sum(collapsed)
    assert ("posterior collapses" in findings.headline) == collapsed[0]


def test_geco_asks_for_what_a_remedy_has_reached():
    def run(distortion, rate):
        rows = [(distortion + 50, 0.1), (distortion, rate), (distortion - 1, rate + 5)]  # the last one overfits
        terms = [{"distortion": d, "rate": r, "negative_elbo": d + r} for d, r in rows]
        return type("Run", (), {"history": [{"validation": row} for row in terms]})

    runs = {collapse.NOTHING: run(28, 0), collapse.WARM_UP: run(20, 3), collapse.FREE_BITS: run(18, 9)}
    tolerance, speed = collapse._constraint(runs)
    assert tolerance == 22  # a quarter of the way from 20 to 28
    assert speed == pytest.approx(collapse.SPEED / 8)


def test_a_conditional_decoder_stays_conditional_and_zero_keeps_the_own_one():
    experiment = load_experiment(
        DEFAULT, ["model.decoder={name='Conditioned', network={name='MLP', hidden_sizes=[3]}}"]
    )
    deep = {"name": "MLP", "hidden_sizes": [5, 5]}
    changes = collapse._shared(experiment, deep, 0.1)
    assert changes["model.decoder"] == {"name": "Conditioned", "network": deep}
    assert "model.decoder" not in collapse._shared(experiment, None, 0.1)


def test_other_models_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="the model is of another kind"):
        study(tmp_path, *TINY, "model.name=LadderVAE")
    with pytest.raises(ConfigError, match="needs a posterior with a density"):
        study(tmp_path, *TINY, "model.posterior.name=Deterministic")


def test_the_plain_elbo_collapses_and_each_remedy_does_not(tmp_path):
    numbers = study(tmp_path, "training.epochs=100").numbers
    value = {name: metric["value"] for name, metric in numbers.items()}
    assert value["collapsed"] == 1 and value["active_units_of_no_remedy"] == 0
    assert value["rate_of_no_remedy"] < 0.01
    for remedy in ("warm_up", "free_bits", "geco"):
        assert value[f"rate_of_{remedy}"] > 1
        assert value[f"mutual_information_of_{remedy}"] > 1
        # The errors are 0.2 nats, and the same examples are in all: a nat is a real gain.
        assert value[f"negative_elbo_of_{remedy}"] < value["negative_elbo_of_no_remedy"] - 1
