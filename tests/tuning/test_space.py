"""The searched space as oracles see it: places in rows, conditions, and the experiment that they stand for."""

import pytest
from keras_tuner.engine.trial import Trial

from tfvae.search.parameters import parameters_of
from tfvae.tuning.space import applied, every, first_with, hyperparameters_of, places_of, values_of

VAMP, SIZE = "model.prior.name", "model.prior.num_components"
TABLES = {
    SIZE: {"choice": [10, 20], "when": {VAMP: "VampPrior"}},
    VAMP: {"choice": ["StandardNormal", "VampPrior"]},
    "model.posterior.latent_size": {"int": [2, 4]},
}


@pytest.fixture
def space():
    return parameters_of(TABLES)


def test_every_combination_is_there_once_and_a_condition_holds(space):
    found = list(every(space))
    assert len(found) == 3 * (1 + 2)
    assert len({repr(values) for values in found}) == len(found)
    assert all((SIZE in values) == (values[VAMP] == "VampPrior") for values in found)


def test_places_and_values_are_each_others_opposite(space):
    for values in every(space):
        assert values_of(space, places_of(space, values)) == values


@pytest.mark.parametrize("missing", [VAMP, SIZE])
def test_values_that_lack_a_parameter_have_no_places(space, missing):
    values = {VAMP: "VampPrior", SIZE: 10, "model.posterior.latent_size": 2}
    assert places_of(space, values) is not None
    assert places_of(space, {path: value for path, value in values.items() if path != missing}) is None


def test_a_value_without_its_condition_has_no_places(space):
    assert places_of(space, {VAMP: "StandardNormal", SIZE: 10, "model.posterior.latent_size": 2}) is None


def test_an_oracle_sees_the_condition(space):
    hyperparameters = hyperparameters_of(space)
    (conditional,) = [hp for hp in hyperparameters.space if hp.name == SIZE]
    hyperparameters.values = {VAMP: 0}
    assert not hyperparameters.is_active(conditional)
    hyperparameters.values = {VAMP: 1}
    assert hyperparameters.is_active(conditional)


def test_values_are_the_same_in_another_process():
    space = parameters_of({"training.learning_rate": {"float": [1e-5, 1e-1], "scale": "log"}})
    hyperparameters = hyperparameters_of(space)
    hyperparameters.values = {"training.learning_rate": 777_777}
    sent = Trial.from_proto(Trial(hyperparameters, "0000").to_proto())
    assert values_of(space, sent.hyperparameters.values) == values_of(space, hyperparameters.values)


def test_the_first_values_with_a_conditional_parameter_are_those_it_depends_on(space):
    (conditional,) = [parameter for parameter in space if parameter.path == SIZE]
    values = {VAMP: "VampPrior", SIZE: 20, "model.posterior.latent_size": 2}
    assert first_with(space, conditional, 20) == values


def test_the_experiment_of_a_trial_has_its_values_and_no_search(make_experiment):
    experiment = make_experiment(parameters=TABLES)
    space = experiment.search.space
    found = applied(experiment, space, {VAMP: "VampPrior", SIZE: 20, "model.posterior.latent_size": 3})
    assert found.model["prior"] == {"name": "VampPrior", "num_components": 20}
    assert found.model["posterior"]["latent_size"] == 3
    assert found.search is None and found.training == experiment.training


def test_a_path_is_left_out_where_its_condition_does_not_hold(make_experiment):
    base = make_experiment().to_dict()["model"] | {"prior": {"name": "VampPrior", "num_components": 500}}
    experiment = make_experiment({"model": base}, parameters=TABLES)
    found = applied(experiment, experiment.search.space, {VAMP: "StandardNormal", "model.posterior.latent_size": 3})
    assert found.model["prior"] == {"name": "StandardNormal"}
