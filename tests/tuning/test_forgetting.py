"""Graphs of trials that are over are freed."""

import gc

import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from tfvae import jobs
from tfvae.experiment import changed
from tfvae.tuning.execution import Executions


@pytest.fixture
def graphs_after(make_experiment, tmp_path):
    """Trains and measures with a beta, and counts the traced graphs that are left."""

    def train(beta):
        experiment = changed(make_experiment(), {"search": None, "training.epochs": 1, "model.objective.beta": beta})
        with jobs.Interruption() as interruption:
            Executions(make_experiment().search, tmp_path, interruption).run(experiment)
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    return train


@pytest.mark.slow
def test_no_graph_is_left_from_trial_to_trial(graphs_after):
    first = graphs_after(1.0)
    assert graphs_after(2.0) <= first and graphs_after(3.0) <= first
