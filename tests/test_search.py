"""The [search] table: the values of a parameter in a row, what is refused before any work, and what it leaves alone."""

import math
from collections import Counter

import pytest

from tfvae.errors import ConfigError
from tfvae.experiment import changed, experiment_from
from tfvae.search import Objective, Search
from tfvae.search.parameters import RESOLUTION, parameters_of
from tfvae.training.train import shaping

BETA = "model.objective.beta"
FREE = {BETA: {"float": [0.25, 8.0], "scale": "log"}}


def parameter(table):
    return parameters_of({"training.x": table})[0]


def row(table):
    found = parameter(table)
    return [found.value_at(place) for place in range(found.size)]


def search(**table):
    return Search(**{"parameters": FREE, "trials": 3, **table})


# Rows of values.


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ({"choice": [2, "b", [1, 2], {"name": "MLP"}]}, [2, "b", [1, 2], {"name": "MLP"}]),
        ({"int": [2, 5]}, [2, 3, 4, 5]),
        ({"int": [2, 9], "step": 3}, [2, 5, 8]),
        ({"int": [2, 33], "scale": "log", "step": 2}, [2, 4, 8, 16, 32]),
        ({"float": [0.1, 0.4], "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ({"float": [0.25, 4.0], "scale": "log", "step": 2}, [0.25, 0.5, 1.0, 2.0, 4.0]),
        ({"float": [0.001, 1.0], "scale": "log", "step": 10}, [0.001, 0.01, 0.1, 1.0]),
    ],
)
def test_a_finite_row_has_exactly_these_values_and_knows_their_places(table, values):
    assert row(table) == values
    assert [parameter(table).index_of(value) for value in values] == list(range(len(values)))


def test_a_range_of_floats_has_its_ends_and_on_a_log_scale_the_geometric_mean_in_its_middle():
    found = parameter({"float": [0.25, 4.0], "scale": "log"})
    assert (found.value_at(0), found.value_at(RESOLUTION - 1)) == (0.25, 4.0)
    assert found.value_at(RESOLUTION // 2) == 1.0
    assert parameter({"float": [-1.0, 3.0]}).value_at(RESOLUTION // 4) == 0.0


def test_an_integer_on_a_log_scale_has_the_share_of_its_interval():
    counts = Counter(row({"int": [1, 20], "scale": "log"}))
    assert set(counts) == set(range(1, 21))
    for value, count in counts.items():  # a place more or less at each end of the interval
        assert abs(count - RESOLUTION * math.log((value + 1) / value) / math.log(21)) <= 2


@pytest.mark.parametrize("table", [{"float": [0.3, 7.0]}, {"float": [1e-4, 0.1], "scale": "log"}])
def test_the_place_of_a_value_without_step_has_that_value_to_its_digits(table):
    found = parameter(table)
    for place in (0, 1, 12345, RESOLUTION - 1):
        assert found.value_at(found.index_of(found.value_at(place))) == found.value_at(place)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ({"choice": [2, 4]}, 3),
        ({"int": [2, 8], "step": 2}, 3),
        ({"int": [2, 8]}, 9),
        ({"float": [0.0, 1.0]}, 1.5),
        ({"float": [0.0, 1.0]}, "much"),
        ({"float": [0.1, 0.4], "step": 0.1}, 0.25),
    ],
)
def test_a_value_outside_of_the_row_has_no_place(table, value):
    assert parameter(table).index_of(value) is None


def test_parameters_come_after_those_they_depend_on_and_tables_before_what_stands_in_them():
    tables = {
        "model.prior.num_components": {"int": [2, 5], "when": {"model.prior.name": "VampPrior"}},
        "model.prior.name": {"choice": ["StandardNormal", "VampPrior"]},
        "training.optimizer.name": {"choice": ["Adam", "SGD"]},
        "training.optimizer": {"choice": [{"name": "Adam"}]},
    }
    paths = [found.path for found in parameters_of(tables)]
    assert paths.index("model.prior.name") < paths.index("model.prior.num_components")
    assert paths.index("training.optimizer") < paths.index("training.optimizer.name")


# What is refused.

CHOICE = {"choice": [1, 2]}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "is empty"),
        ({"model.a": 3}, "`model.a` must be { choice"),
        ({"model.a": {"choices": [1]}}, "`model.a` must be { choice"),
        ({"model.a": {"choice": [1], "int": [1, 2]}}, "`model.a` must be { choice"),
        ({"model.a": {"choice": []}}, "needs values, each once"),
        ({"model.a": {"choice": [1, 1]}}, "needs values, each once"),
        ({"model.a": {**CHOICE, "scale": "log"}}, "neither `scale` nor `step`"),
        ({"model.a": {"int": [1, 2.5]}}, "takes two ints"),
        ({"model.a": {"int": [2, 1]}}, "the smaller first"),
        ({"model.a": {"float": [1.0, math.inf]}}, "takes two floats"),
        ({"model.a": {"float": [0.0, 1.0], "scale": "log"}}, "log from above 0"),
        ({"model.a": {"float": [0.5, 1.0], "scale": "square"}}, "is linear, or log"),
        ({"model.a": {"float": [0.5, 1.0], "step": 0.0}}, "must be above 0"),
        ({"model.a": {"float": [0.5, 1.0], "scale": "log", "step": 1}}, "above 1 on a log scale"),
        ({"model.a": {**CHOICE, "when": {"model.b": 1}}}, "names `model.b`, which is no choice"),
        ({"model.a": {**CHOICE, "when": {"model.b": 1}}, "model.b": {"int": [1, 2]}}, "which is no choice"),
        ({"model.a": {**CHOICE, "when": {"model.b": 3}}, "model.b": CHOICE}, "`model.b` = 3, which is not searched"),
        (
            {"model.a": {**CHOICE, "when": {"model.b": 1}}, "model.b": {**CHOICE, "when": {"model.a": 1}}},
            "goes in a circle",
        ),
    ],
)
def test_a_malformed_parameter_is_refused(tables, message):
    with pytest.raises(ConfigError) as refusal:
        parameters_of(tables)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"trials": None}, "must say when a search by random ends"),
        ({"trials": 0}, "`trials` must be at least 1"),
        ({"hours": 0.0}, "`hours` must be above 0"),
        ({"oracle": "annealing"}, "must be one of"),
        ({"oracle": "grid"}, "has no end of values for a grid"),
        ({"parameters": {"seed": {"int": [0, 9]}}}, "the luckiest is no better"),
        ({"parameters": {"data.binarize": {"choice": ["none", "static"]}}}, "trials are compared on"),
        ({"parameters": {"evaluation.num_samples": {"int": [1, 9]}}}, "cannot be searched"),
        ({"parameters": {"training.epochs": {"int": [1, 9]}}, "oracle": "hyperband"}, "chooses it itself"),
        ({"objective": "accuracy"}, "has no 'accuracy'"),
        ({"objective": []}, "one or several different ones"),
        ({"objective": ["rate", "rate"]}, "one or several different ones"),
        ({"objective": "rate"}, "giving up the distortion"),
        ({"objective": "distortion"}, "giving up the rate"),
        ({"objective": {"name": "rate", "rate_at_most": 3.0}}, "takes distortion_at_most. Received: rate_at_most"),
        ({"objective": {"name": "mig", "rate_at_most": 3.0}}, "takes no bound"),
        ({"objective": {"name": "rate", "distortion_at_most": "80"}}, "a number of nats"),
        ({"objective": "udr"}, "set `executions` to 2"),
        ({"objective": ["rate", "distortion"], "oracle": "bayesian"}, "bayesian would add them up"),
        ({"objective": ["rate", "distortion"], "oracle": "hyperband"}, "hyperband would add them up"),
        ({"objective": "mig", "stop_by_median_after": 3}, "says nothing of mig"),
        ({"objective": ["negative_elbo", "mig"], "stop_by_median_after": 3}, "says nothing of"),
    ],
)
def test_a_search_that_could_not_end_well_is_refused(table, message):
    with pytest.raises(ConfigError) as refusal:
        search(**table)
    assert message in str(refusal.value)


WEIGHTS = [
    "model.objective.beta",
    "model.objective.gamma",
    "model.objective.constraint.tolerance",
    "model.objective",
    "model.regularizers.0.weight",
    "model.regularizers",
    "model.weight",
    "model.commitment",
]


@pytest.mark.parametrize("path", WEIGHTS)
def test_the_loss_is_no_objective_of_a_search_over_what_weights_it(path):
    with pytest.raises(ConfigError, match=f"`loss` cannot be the objective of a search over `{path}`"):
        search(objective="loss", parameters={path: CHOICE})
    with pytest.raises(ConfigError, match="make it small for nothing"):
        search(objective=["mig", "loss"], parameters={"training.learning_rate": CHOICE, path: CHOICE})


@pytest.mark.parametrize("path", ["model.posterior.latent_size", "training.learning_rate", "model.weights"])
def test_the_loss_is_an_objective_of_other_searches(path):
    assert search(objective="loss", parameters={path: CHOICE}).objectives == (Objective("loss"),)


@pytest.mark.parametrize("name", ["negative_log_likelihood", "negative_elbo", "mig"])
def test_beta_is_searched_under_objectives_that_do_not_contain_it(name):
    assert search(objective=name).objectives == (Objective(name),)


def test_a_grid_and_hyperband_need_no_number_of_trials():
    assert search(oracle="grid", trials=None, parameters={BETA: CHOICE}).trials is None
    assert search(oracle="hyperband", trials=None).trials is None


def test_an_objective_knows_its_direction_and_its_bound():
    (objective,) = search(objective={"name": "rate", "distortion_at_most": 80}).objectives
    assert objective.to_dict() == {
        "name": "rate",
        "direction": "min",
        "unit": "nats/example",
        "distortion_at_most": 80.0,
    }
    assert search(objective="mig").objectives[0].direction == "max"


# What it leaves alone.


@pytest.fixture
def tree():
    part = {"name": "MLP"}
    regularizers = [{"name": "TotalCorrelation", "weight": 5.0}]
    return {"data": {"name": "digits"}, "training": {"epochs": 1}, "model": {"a": part, "regularizers": regularizers}}


def test_an_experiment_without_a_search_says_nothing_of_one(tree):
    assert "search" not in experiment_from(tree).to_dict()


def test_a_search_is_read_back_and_shapes_no_training(tree):
    searched = experiment_from({**tree, "search": {"parameters": FREE, "trials": 3}})
    assert experiment_from(searched.to_dict()) == searched
    assert shaping(searched.to_dict()) == shaping(experiment_from(tree).to_dict())


def test_a_mistake_in_the_table_says_where_it_is(tree):
    with pytest.raises(ConfigError, match=r"^\[search\]: `trials` must be at least 1"):
        experiment_from({**tree, "search": {"parameters": FREE, "trials": 0}})


def test_a_number_in_a_path_is_a_place_in_a_list(tree):
    found = changed(experiment_from(tree), {"model.regularizers.0.weight": 2.0})
    assert found.model["regularizers"] == [{"name": "TotalCorrelation", "weight": 2.0}]
    for path in ("model.regularizers.1.weight", "model.regularizers.weight", "model.regularizers.1"):
        with pytest.raises(ConfigError, match="a list of 1, which has no place"):
            changed(experiment_from(tree), {path: 2.0})
