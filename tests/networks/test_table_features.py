"""What a network sees of a table: standardised numbers, one-hot categories, and where the gaps are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods.table import Table
from tfvae.networks import MLP
from tfvae.networks.table_features import TableFeatures

NAN = float("nan")
COLUMNS = [
    {"name": "kind", "type": "categorical", "categories": ["a", "b", "c"]},
    {"name": "height", "type": "real", "mean": 170.0, "stddev": 10.0},
    {"name": "member", "type": "binary"},
]
X = np.array([[2, 165, 1], [0, NAN, 0], [NAN, 170, NAN], [NAN, NAN, NAN]], "float32")
#              height member  kind     gaps of kind, height, member
INPUTS = [[-0.5, 1, 0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 1, 1, 1]]


class Same(keras.Layer):
    """Returns what it gets, and remembers what it was offered."""

    condition_size = 7

    def call(self, x, training=False, condition=None):
        self.offered = training, condition
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


def built(network, columns=COLUMNS, **options):
    features = TableFeatures(network, columns, **options)
    features.build((None, len(columns)))
    return features


def test_network_sees_standardised_values_and_where_the_gaps_are():
    np.testing.assert_allclose(built(Same())(X), INPUTS, rtol=1e-6)  # float32 rounding


@pytest.mark.parametrize("places", [[0], [1], [2], [2, 0], [1, 2]], ids=str)
def test_any_columns_alone_are_a_table(places):
    features = built(Same(), [COLUMNS[place] for place in places])
    assert features(X[:, places]).shape == features.compute_output_shape((4, len(places)))
    assert np.all(np.isfinite(features(X[:, places])))


def test_a_gap_is_told_from_the_mean_from_a_zero_and_from_the_first_category():
    inputs = built(Same())(np.float32([[0, 170, 0], [NAN, 170, 0], [0, NAN, 0], [0, 170, NAN]])).numpy()
    assert len({tuple(row) for row in inputs}) == 4


def test_network_gets_what_it_asks_for():
    features, condition = built(Same()), tf.ones([4, 7])
    features(X, training=True, condition=condition, seed=tf.constant([0, 1]))
    training, offered = features.network.offered
    assert training is True and features.condition_size == 7
    np.testing.assert_array_equal(offered, condition)


def test_network_that_asks_for_nothing_gets_nothing():
    assert built(keras.layers.Dense(3))(X, training=True, condition=tf.ones([4, 7])).shape == (4, 3)


def test_graph_takes_any_batch_size():
    features = built(MLP([6]))
    graph = tf.function(features, input_signature=[tf.TensorSpec([None, 3])])
    assert [graph(X[:n]).shape for n in (0, 1, 4)] == [(0, 6), (1, 6), (4, 6)]
    np.testing.assert_allclose(graph(X), features(X), rtol=1e-5, atol=1e-6)  # float32 rounding
    assert features.compute_output_shape((None, 3)) == (None, 6)


def test_row_does_not_depend_on_its_batch():
    features = built(MLP([6]))
    np.testing.assert_allclose(features(X)[1], features(X[1:2])[0], rtol=1e-5, atol=1e-6)  # float32 rounding


def test_every_weight_has_a_finite_gradient_with_gaps_in_x(weights_without_gradient):
    features = built(MLP([6], "tanh"))
    assert weights_without_gradient(features, lambda: tf.reduce_sum(features(X) ** 2)) == []


def test_survives_a_keras_file(make_vae, reload):
    encoder = TableFeatures(MLP([6]), COLUMNS)
    model = make_vae((3,), encoder=encoder, likelihood=Table(COLUMNS))
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.encoder(X), model.encoder(X))
    assert list(loaded.encoder.columns) == COLUMNS and len(loaded.weights) == len(model.weights)


def test_numbers_keep_their_digits_under_mixed_precision():
    column = {"name": "year", "type": "real", "mean": 2000.0, "stddev": 1.0}
    features = built(MLP([2], dtype="mixed_bfloat16"), [column])
    assert features.compute_dtype == "float32" and features.network.compute_dtype == "bfloat16"
    # In bfloat16 1999 would be 2000.
    np.testing.assert_array_equal(features._inputs(tf.constant([[1999.0]])), [[-1, 0]])


@pytest.mark.parametrize("shape", [(None, 4), (None, 3, 1)], ids=str)
def test_columns_must_be_those_of_x(shape):
    with pytest.raises(ValueError, match=r"`columns` must describe every column of x.*Received: 3 columns for event_s"):
        TableFeatures(MLP([4]), COLUMNS).build(shape)


def test_network_must_be_a_layer():
    with pytest.raises(ValueError, match=r"`network` must be a Keras layer. Received: network=64"):
        TableFeatures(64, COLUMNS)


def test_columns_must_be_given():
    with pytest.raises(ValueError, match="Received: 0 columns"):
        TableFeatures(MLP([4])).build((None, 3))
