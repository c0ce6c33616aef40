"""One trial: the median over seeds, and what fails a trial and not the search."""

import pytest
from keras_tuner.errors import FailedTrialError

from tfvae import jobs
from tfvae.tuning.execution import Executions
from tfvae.tuning.trial import Trials, median_place

BETA, RATE = "model.objective.beta", "training.learning_rate"
NLL, DISTORTION = "negative_log_likelihood", "distortion"


class ByFormula:
    """Executions whose figures are functions of the seed."""

    def __init__(self, directory, **formulas):
        self.directory, self.formulas = directory, formulas

    def run(self, experiment, begun):
        figures = {
            name: {"value": float(formula(experiment.seed)), "standard_error": experiment.seed / 100, "unit": "nats"}
            for name, formula in self.formulas.items()
        }
        score = {"seed": experiment.seed, "epochs": 1, "seconds": 2.0, "stopped": None, "measured": figures}
        return self.directory / f"runs/{experiment.seed}", score


@pytest.fixture
def trial(make_experiment, tmp_path):
    """Runs one trial of a search on formulas of the seed."""

    def run(formulas, **table):
        return Trials(make_experiment(seed=10, **table), ByFormula(tmp_path, **formulas))({BETA: 1.0})

    return run


@pytest.fixture
def real_trial(make_experiment, tmp_path):
    """Runs one trial in earnest."""

    def run(values, tree=None, **table):
        parameters = {path: {"choice": [value]} for path, value in values.items()}
        experiment = make_experiment(tree, parameters=parameters, **table)
        with jobs.Interruption() as interruption:
            return Trials(experiment, Executions(experiment.search, tmp_path, interruption))(values)

    return run


# The median.


def test_the_seeds_of_a_trial_are_those_from_the_experiments_on(trial):
    found = trial({NLL: lambda seed: seed}, executions=3)
    assert [execution["seed"] for execution in found["executions"]] == [10, 11, 12]
    assert [execution["directory"] for execution in found["executions"]] == ["runs/10", "runs/11", "runs/12"]
    assert found["seconds"] == 6.0


def test_the_median_execution_counts_with_its_own_error_and_figures(trial):
    found = trial({NLL: {10: 5, 11: 100, 12: 7}.get, DISTORTION: lambda seed: 2 * seed}, executions=3)
    assert found["scores"][NLL] == {"value": 7.0, "standard_error": 0.12, "unit": "nats"}
    assert found["measured"][DISTORTION]["value"] == 24.0 and found["median"] == 2


def test_each_objective_has_its_own_median(trial):
    objectives = {"objective": [NLL, "mig"], "executions": 3}
    found = trial({NLL: {10: 1, 11: 2, 12: 3}.get, "mig": {10: 0.5, 11: 0.9, 12: 0.7}.get}, **objectives)
    assert (found["scores"][NLL]["value"], found["scores"]["mig"]["value"]) == (2.0, 0.7)


@pytest.mark.parametrize(("costs", "place"), [([4], 0), ([4, 9], 1), ([9, 1, 5], 2), ([4, 1, 3, 2], 2)])
def test_of_an_even_number_the_worse_of_the_two_in_the_middle_counts(costs, place):
    assert median_place(costs) == place


def test_of_an_even_number_of_scores_that_should_be_large_the_smaller_counts(trial):
    found = trial({"mig": {10: 0.5, 11: 0.9}.get}, objective="mig", executions=2)
    assert found["scores"]["mig"]["value"] == 0.5


# What fails it, in earnest.


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({RATE: 1e30}, "Training stopped at step"),
        ({"model.prior": {"name": "UniformOnSphere"}}, "UniformOnSphere"),
        pytest.param(
            {"model.encoder.hidden_sizes": [2**31]},  # 512 GiB, refused at once
            "Out of memory: OOM when allocating",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_values_that_cannot_be_trained_with_fail_the_trial_in_one_sentence(real_trial, values, message):
    with pytest.raises(FailedTrialError) as failure:
        real_trial(values)
    assert message in str(failure.value) and "\n" not in str(failure.value)


def test_a_fault_of_the_machine_does_not_fail_the_trial_alone(real_trial, tmp_path):
    (tmp_path / "runs").write_text("no folder")
    with pytest.raises(OSError):
        real_trial({RATE: 1e-3})


@pytest.mark.slow
def test_udr_is_the_agreement_of_the_trainings_of_a_trial(real_trial):
    found = real_trial({BETA: 1.0}, objective="udr", executions=2)
    scores = [execution["scores"]["udr"]["value"] for execution in found["executions"]]
    # Of two runs each agrees with the other alone, and agreement is the same both ways.
    assert scores[0] == pytest.approx(scores[1]) and 0 < scores[0] <= 1
    assert found["scores"]["udr"]["value"] == scores[found["median"]]


@pytest.mark.slow
def test_a_disentanglement_score_is_that_of_the_validation_examples(real_trial):
    shapes = {"name": "shapes", "num_examples": 600, "factors": {"shape": [0, 1], "scale": [5]}}
    found = real_trial({BETA: 1.0}, {"data": shapes, "training": {"epochs": 1}}, objective="mig")
    assert 0 <= found["scores"]["mig"]["value"] <= 1 and found["scores"]["mig"]["unit"] == "share"
