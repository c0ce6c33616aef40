"""Schedules: their values, saving and errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.schedules import Cyclical, LinearWarmup, value_at


@pytest.mark.parametrize(("step", "value"), [(0, 0.0), (1, 0.1), (5, 0.5), (10, 1.0), (11, 1.0), (10**9, 1.0)])
def test_warmup_rises_linearly_and_stays(step, value):
    assert float(value_at(LinearWarmup(10), tf.constant(step, "int64"))) == pytest.approx(value)


@pytest.mark.parametrize(("step", "value"), [(0, 4.0), (1, 3.25), (2, 2.5), (4, 1.0), (9, 1.0)])
def test_warmup_goes_from_initial_to_final(step, value):
    assert float(value_at(LinearWarmup(4, initial=4, final=1), step)) == pytest.approx(value)


def test_warmup_of_one_step_is_final_from_step_one():
    assert [float(LinearWarmup(1)(step)) for step in (0, 1)] == [0.0, 1.0]


def test_warmup_is_the_same_in_a_graph():
    warmup, steps = LinearWarmup(7), range(10)
    graph = tf.function(warmup, input_signature=[tf.TensorSpec([], "int64")])
    np.testing.assert_allclose([graph(s) for s in steps], [warmup(s) for s in steps], rtol=1e-6)  # float32 rounding


def test_warmup_survives_serialization():
    config = keras.saving.serialize_keras_object(LinearWarmup(8, initial=0.5, final=2.0))
    assert float(keras.saving.deserialize_keras_object(config)(4)) == 1.25


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, None, "10"], ids=repr)
def test_steps_must_be_a_positive_integer(wrong):
    with pytest.raises(ValueError, match=r"`steps` must be a positive integer. Received: steps="):
        LinearWarmup(wrong)


@pytest.mark.parametrize("number", [0, 4, 0.5])
def test_value_of_a_number_is_that_number_at_every_step(number):
    assert [float(value_at(number, step)) for step in (0, 10**6)] == [number, number]


def test_value_is_float32():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.0, 1.0])
    assert {value_at(v, tf.constant(3, "int64")).dtype for v in (1, LinearWarmup(2), schedule)} == {tf.float32}


@pytest.mark.parametrize(
    ("step", "value"),
    [(0, 0.0), (1, 0.25), (4, 1.0), (7, 1.0), (8, 0.0), (10, 0.5), (23, 1.0), (24, 0.0), (8 * 10**9 + 2, 0.5)],
)
def test_cycle_rises_in_its_first_half_and_begins_again(step, value):
    assert float(Cyclical(8)(tf.constant(step, "int64"))) == pytest.approx(value)


@pytest.mark.parametrize(("step", "value"), [(0, 1.0), (5, 2.0), (9, 2.8), (10, 1.0), (19, 2.8), (20, 3.0), (25, 3.0)])
def test_after_the_last_cycle_the_value_stays(step, value):
    cyclical = Cyclical(10, num_cycles=2, ramp_share=1.0, initial=1.0, final=3.0)
    assert float(value_at(cyclical, tf.constant(step, "int64"))) == pytest.approx(value)


def test_cycles_are_the_same_in_a_graph_and_after_serialization():
    cyclical = Cyclical(7, num_cycles=2, ramp_share=0.3, initial=0.5, final=2)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cyclical))
    graph = tf.function(loaded, input_signature=[tf.TensorSpec([], "int64")])
    np.testing.assert_allclose([graph(s) for s in range(20)], [cyclical(s) for s in range(20)], rtol=1e-6)  # float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"period": 0}, "`period` must be a positive integer. Received: period=0"),
        ({"period": 5, "num_cycles": 1.0}, "`num_cycles` must be a positive integer. Received: num_cycles=1.0"),
        ({"period": 5, "ramp_share": 0}, "`ramp_share` must be above 0 and at most 1. Received: ramp_share=0"),
        ({"period": 5, "ramp_share": 1.5}, "`ramp_share` must be above 0 and at most 1. Received: ramp_share=1.5"),
    ],
)
def test_faults_of_cyclical(arguments, message):
    with pytest.raises(ValueError, match=message):
        Cyclical(**arguments)
