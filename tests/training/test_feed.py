"""Each step takes the batch of its own place, whichever way steps are grouped, and wherever a training goes on."""

import pytest
import tensorflow as tf

from tfvae.data import open_splits, pipeline
from tfvae.experiment import build_model, experiment_from
from tfvae.training.loop import Loop


@pytest.fixture(scope="module")
def experiment(tree):
    return experiment_from(tree())


@pytest.fixture(scope="module")
def splits(experiment):
    return open_splits(experiment.data)


@pytest.fixture
def loop(experiment, splits):
    """One whose `taken` holds the examples that its steps were given, in the order of the steps."""
    model = build_model(experiment, splits.train)
    update, model.taken = model.update, tf.Variable(tf.zeros([6, 16], "int64"))

    def noted(batch):
        model.taken.scatter_nd_update([[model.step % 6]], [batch["index"]])
        return update(batch)

    model.update = noted
    return Loop(model, splits, experiment, None, None)


@pytest.fixture(scope="module")
def expected(experiment, splits):
    batches = pipeline.training_batches(splits.train, 16, experiment.seed, True).take(7)
    return [batch["index"].numpy().tolist() for batch in batches]


@pytest.mark.parametrize("groups", [[1] * 6, [6], [2, 1, 3], [5, 1]])
def test_a_step_takes_the_batch_of_its_place(groups, loop, expected):
    feed = loop.feed()
    for number in groups:
        loop.advance(feed, number)
    assert loop.model.taken.numpy().tolist() == expected[:6]
    assert feed.batch["index"].numpy().tolist() == expected[6]


def test_a_training_goes_on_with_the_batch_after_those_it_took(loop, expected):
    loop.advance(loop.feed(), 4)
    feed = loop.feed()
    assert feed.batch["index"].numpy().tolist() == expected[4]
    loop.advance(feed, 2)
    assert loop.model.taken.numpy().tolist() == expected[:6]
