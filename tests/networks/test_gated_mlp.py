"""GatedMLP: its formula."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import GatedMLP


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(("activation", "function"), [(None, lambda a: a), ("tanh", np.tanh)])
def test_gated_mlp_is_its_formula(activation, function):
    network, rng = GatedMLP([4, 2], activation), np.random.default_rng(0)
    network.build((None, 3))
    for layer in (*network.linear, *network.gates):
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    x = rng.normal(size=(5, 3)).astype("float32")
    h = x
    for linear, gate in zip(network.linear, network.gates, strict=True):
        (a_kernel, a_bias), (b_kernel, b_bias) = linear.get_weights(), gate.get_weights()
        h = function(h @ a_kernel + a_bias) * sigmoid(h @ b_kernel + b_bias)
    np.testing.assert_allclose(network(x), h, rtol=1e-5, atol=1e-6)  # float32 rounding


def test_closed_gates_let_nothing_through_and_open_gates_everything():
    network, x = GatedMLP([2]), tf.constant([[1.0, -3.0]])
    network.build((None, 2))
    network.linear[0].set_weights([np.eye(2), np.zeros(2)])
    network.gates[0].set_weights([np.zeros([2, 2]), np.array([-200.0, 200.0])])
    np.testing.assert_array_equal(network(x), [[0.0, -3.0]])


def test_images_are_flattened():
    network = GatedMLP([4])
    network.build((None, 3, 2, 1))
    assert network.linear[0].kernel.shape == network.gates[0].kernel.shape == (6, 4)
