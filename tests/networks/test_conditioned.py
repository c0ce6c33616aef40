"""Conditioned: where the condition goes, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import MLP, Conditioned, ConvDecoder, ConvEncoder, Corrupted, Masking

ONE_HOT = np.eye(3, dtype="float32")[[2, 0]]


class Show(keras.Layer):
    """Returns its input, and keeps what else it was offered."""

    def call(self, inputs, training=None, seed=None):
        self.offered = {"training": training, "seed": seed}
        return inputs


@keras.saving.register_keras_serializable("test")
class AsksForTheImage(keras.Layer):
    def build(self, input_shape, event_shape):
        self.shapes = (tuple(input_shape), event_shape)


def conditioned(network, shape, size=3):
    layer = Conditioned(network, size)
    layer.build((None, *shape))
    return layer


def test_vector_is_followed_by_the_condition():
    joined = conditioned(Show(), [2])(tf.constant([[0.5, -1.0], [4.0, 5.0]]), condition=ONE_HOT)
    np.testing.assert_array_equal(joined, [[0.5, -1, 0, 0, 1], [4, 5, 1, 0, 0]])


def test_image_gets_the_condition_as_constant_channels():
    x, condition = np.random.default_rng(0).random((2, 4, 3, 2), "float32"), ONE_HOT * [0.5, 1, -7]
    joined = conditioned(Show(), [4, 3, 2])(x, condition=condition)
    np.testing.assert_array_equal(joined[..., :2], x)
    np.testing.assert_array_equal(joined[..., 2:], np.broadcast_to(condition[:, None, None], (2, 4, 3, 3)))


def test_condition_of_integers_is_taken():
    joined = conditioned(Show(), [1])(tf.ones([2, 1]), condition=ONE_HOT.astype("int64"))
    np.testing.assert_array_equal(joined[:, 1:], ONE_HOT)


@pytest.mark.parametrize("shape", [[5], [4, 3, 2]], ids=str)
def test_length_of_the_last_axis_is_known_in_a_graph(shape):
    signature = [tf.TensorSpec([None, *shape]), tf.TensorSpec([None, None])]
    network = conditioned(Show(), shape)
    graph = tf.function(lambda x, condition: network(x, condition=condition), input_signature=signature)
    assert graph.get_concrete_function().output_shapes.as_list() == [None, *shape[:-1], shape[-1] + 3]


def test_every_entry_of_the_condition_reaches_the_features():
    network, x = conditioned(ConvEncoder((4,), 6, "tanh"), [5, 5, 1]), tf.ones([2, 5, 5, 1])
    condition = tf.constant(ONE_HOT)
    with tf.GradientTape() as tape:
        tape.watch(condition)
        features = network(x, condition=condition)
    assert np.all(tape.gradient(features, condition) != 0)


def test_network_gets_what_it_asks_for():
    network, seed = conditioned(Show(), [2]), tf.constant([1, 2])
    network(tf.ones([2, 2]), condition=ONE_HOT, training=True, seed=seed)
    assert network.network.offered["training"] is True
    np.testing.assert_array_equal(network.network.offered["seed"], seed)


def test_network_that_asks_for_the_image_size_gets_it():
    layer = Conditioned(AsksForTheImage(), 3)
    layer.build((None, 2), event_shape=(8, 8, 1))
    assert layer.network.shapes == ((None, 5), (8, 8, 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.layers.Dense(4),
        lambda: keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)]),
        lambda: MLP([4]),
        lambda: Corrupted(MLP([4]), Masking(0.5)),
    ],
    ids=["Dense", "Sequential", "MLP", "Corrupted"],
)
def test_any_network_survives_a_keras_file(make, make_vae, reload):
    model, x = make_vae(encoder=Conditioned(make(), 3)), tf.ones([2, 6])
    loaded = reload(reload(model)).encoder
    np.testing.assert_array_equal(loaded(x, condition=ONE_HOT), model.encoder(x, condition=ONE_HOT))
    assert loaded.condition_size == 3


def test_output_shape_is_that_of_the_network():
    decoder = Conditioned(ConvDecoder((4, 2), 5), 3)
    decoder.build((None, 2), (6, 5, 1))
    assert decoder.compute_output_shape((None, 2)) == (None, 6, 5, 2)


def test_missing_condition_is_said():
    network = conditioned(MLP([4]), [2])
    with pytest.raises(ValueError, match=r"pass `condition`, float32 \[B, 3\], .* Received: condition=None"):
        network(tf.ones([2, 2]))


@pytest.mark.parametrize("shape", [(2, 4), (2,), (2, 1, 3)], ids=str)
def test_condition_of_another_shape_is_refused(shape):
    network = conditioned(MLP([4]), [2])
    with pytest.raises(ValueError, match=r"pass `condition`, float32 \[B, 3\].* Received: a condition of shape \("):
        network(tf.ones([2, 2]), condition=tf.ones(shape))


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_condition_size_must_be_a_positive_integer(wrong):
    with pytest.raises(ValueError, match=r"`condition_size` must be a positive integer. Received: condition_size="):
        Conditioned(MLP([4]), wrong)


def test_network_must_be_a_layer():
    with pytest.raises(ValueError, match=r"`network` must be a Keras layer. Received: network='MLP'"):
        Conditioned("MLP", 3)
