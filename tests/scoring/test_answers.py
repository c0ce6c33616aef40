"""A row's answer depends on the row, its seed and its class alone; a bad row costs no other its answer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import ConfigError, GateError
from tfvae.scoring.answers import Answers
from tfvae.scoring.model import interface_of
from tfvae.scoring.rows import Rows
from tfvae.serving.standalone.served_model import ServedModel


class Counting:
    """A served model that counts its calls."""

    def __init__(self, served):
        self.served, self.num_calls = served, 0

    def call(self, signature, inputs):
        self.num_calls += 1
        return self.served.call(signature, inputs)


def answers_of(served, image_export, signature="score", seed=0):
    return Answers(served, signature, interface_of(served, image_export, signature), seed, ())


def rows_of(images, first=0, errors=None):
    return Rows(np.arange(first, first + len(images)), {"images": images}, errors=errors or {})


@pytest.fixture
def images():
    return np.random.default_rng(0).random((64, 8, 8, 1)).astype("float32")


def test_the_row_of_index_k_gets_the_seed_plus_k(served, image_export, images):
    serving = ServedModel(image_export)
    answered = answers_of(serving, image_export, seed=100)(rows_of(images, first=7))
    expected = serving.call("score", {"images": images, "seed": np.arange(107, 107 + len(images))})
    assert all(np.array_equal(answered.outputs[name], expected[name]) for name in expected)
    other = serving.call("score", {"images": images, "seed": np.arange(108, 108 + len(images))})
    assert np.any(other["negative_elbo"] != expected["negative_elbo"])


@pytest.mark.parametrize("bad", [[0], [63], [5, 6, 40], list(range(64))], ids=str)
def test_bad_rows_get_an_error_and_the_others_their_answer(served, image_export, images, bad):
    broken = images.copy()
    broken[bad] = np.nan
    good = np.setdiff1d(np.arange(len(images)), bad)
    answered = answers_of(served, image_export)(rows_of(broken))
    assert sorted(answered.errors) == bad
    assert set(answered.errors.values()) == {"assertion failed: [`images` must be finite numbers from 0 to 1.]"}
    expected = answers_of(served, image_export)(rows_of(images))
    # Sums of 64 terms in batches of other sizes: some roundings of 6e-8 each.
    np.testing.assert_allclose(answered.outputs["rate"][good], expected.outputs["rate"][good], rtol=1e-6)
    assert np.all(answered.outputs["rate"][bad] == 0)


def test_a_bad_row_costs_a_logarithm_of_calls(served, image_export, images):
    images[17] = 2
    counting = Counting(served)
    interface = interface_of(served, image_export, "score")
    Answers(counting, "score", interface, 0, ())(rows_of(images))
    assert counting.num_calls == 1 + 2 * 6  # 64 rows are halved six times


def test_a_row_that_was_not_read_is_not_sent(served, image_export, images):
    images[3] = np.nan
    answered = answers_of(served, image_export)(rows_of(images, errors={3: "no such file"}))
    assert answered.errors == {3: "no such file"}


def test_too_little_memory_is_no_fault_of_a_row(export_function):
    def much(images):
        number = tf.shape(images, out_type="int64")[0]
        return {"y": tf.reduce_sum(tf.random.uniform([number, 2**41]), axis=1)}

    directory = export_function(much)
    served = ServedModel(directory)
    interface = interface_of(served, directory, "serving_default")
    with pytest.raises(ConfigError, match="smaller --batch-size"):
        Answers(served, "serving_default", interface, 0, ())(rows_of(np.zeros((2, 8, 8, 1), "float32")))


def test_a_model_that_cannot_run_is_no_fault_of_a_row(tmp_path):
    # Such an export loads, and fails at its first call (serving-contract.md, fact 1).
    module = tf.Module()
    module.layer = keras.layers.Dense(1)
    module.layer.build((None, 4))
    spec = tf.TensorSpec([None, 4], "float32", "images")
    call = tf.function(lambda images: {"y": module.layer(images)}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path), signatures=call)
    served = ServedModel(tmp_path)
    interface = interface_of(served, tmp_path, "serving_default")
    with pytest.raises(GateError, match="Could not find variable"):
        Answers(served, "serving_default", interface, 0, ())(rows_of(np.zeros((2, 4), "float32")))


@pytest.mark.parametrize("function", [tf.reduce_mean, lambda images: images[:1, 0, 0, 0]], ids=["mean", "first"])
def test_an_output_without_a_row_for_each_is_refused(function, export_function):
    directory = export_function(lambda images: {"y": function(images)})
    served = ServedModel(directory)
    interface = interface_of(served, directory, "serving_default")
    with pytest.raises(ConfigError, match="does not answer row by row: output `y`"):
        Answers(served, "serving_default", interface, 0, ())(rows_of(np.zeros((2, 8, 8, 1), "float32")))


def test_an_output_of_an_open_size_is_refused(export_function):
    directory = export_function(lambda images: {"y": tf.reshape(images, [tf.shape(images)[0], -1])})
    with pytest.raises(ConfigError, match="leaves the size of its output `y` open"):
        interface_of(ServedModel(directory), directory, "serving_default")
