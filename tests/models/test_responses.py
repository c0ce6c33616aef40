"""Responses: the linear case, which they meet exactly, what is folded, and which layers answer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import likelihoods, networks, posteriors
from tfvae.models.responses import (
    SigmoidResponse,
    SquareRootResponse,
    heads_of_likelihood,
    heads_of_posterior,
    linear_layers,
    response_to_beta,
)

BETAS = (0.1, 1.0, 3.0, 10.0)
VARIANCE, NOISE = 2.0, 0.5  # of the data along an axis, and of p(x|z): the axis is worth its rate up to beta = 4
RESPONSES = [SigmoidResponse, SquareRootResponse]


def layer_of(kind, **settings):
    made = {
        "Dense": lambda: keras.layers.Dense(5, "tanh", **settings),
        "Conv2D": lambda: keras.layers.Conv2D(5, 3, 2, activation="tanh", **settings),
        "Conv2DTranspose": lambda: keras.layers.Conv2DTranspose(5, 3, 2, activation="tanh", **settings),
    }[kind]()
    made.build((None, 6, 6, 2))
    return made


def response_of(kind, layer, perturb=True):
    response = response_to_beta(kind, layer)
    if perturb:
        rng = np.random.default_rng(0)
        response.set_weights([weight + rng.normal(size=weight.shape) for weight in response.get_weights()])
    return response


def scalar(kind, weight, slope, offset):
    """A layer of one unit and its response, with given weights."""
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    layer.set_weights([np.array([[weight]]), np.zeros(1)])
    response = response_of(kind, layer, perturb=False)
    response.set_weights([np.array([value]) for value in (slope, offset, 0.0)])
    return lambda beta: float(response.folded(layer, tf.math.log(tf.constant(beta)))[0][1][0, 0])


@pytest.mark.parametrize("beta", BETAS)
def test_a_square_root_is_the_best_linear_decoder_at_every_beta(beta):
    weight = scalar(SquareRootResponse, np.sqrt(VARIANCE), 1.0, np.log(NOISE / VARIANCE))
    assert weight(beta) == pytest.approx(np.sqrt(max(0.0, VARIANCE - beta * NOISE)), rel=1e-5)  # float32 rounding


@pytest.mark.parametrize("beta", BETAS)
def test_a_sigmoid_is_the_best_linear_encoder_of_a_decoder_at_every_beta(beta):
    decoder = 1.3
    weight = scalar(SigmoidResponse, 1 / decoder, -1.0, -np.log(NOISE / decoder**2))
    assert weight(beta) == pytest.approx(decoder / (decoder**2 + beta * NOISE), rel=1e-5)  # float32 rounding


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("kind", ["Dense", "Conv2D", "Conv2DTranspose"])
@pytest.mark.parametrize("beta", BETAS)
def test_folded_weights_gate_and_shift_the_pre_activations(kind, response, beta):
    layer, x = layer_of(kind), tf.random.stateless_normal([3, 6, 6, 2], (0, 1))
    layer.bias.assign([0.3, -0.2, 0.5, 0.1, -0.4])
    made = response_of(response, layer)
    log_beta = tf.math.log(tf.constant(beta))
    gate = made.gate(made.slope * log_beta + made.offset)
    expected = tf.tanh(gate * pre_activations(layer, x) + made.drift * log_beta)
    for variable, value in made.folded(layer, log_beta):
        variable.assign(value)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)  # float32 rounding of sums of 18 terms


def pre_activations(layer, x):
    linear = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    linear.build(x.shape)
    linear.set_weights(layer.get_weights())
    return linear(x)


def test_a_layer_without_bias_has_none_to_shift():
    layer = layer_of("Dense", use_bias=False)
    response = response_of(SigmoidResponse, layer)
    assert [variable is layer.kernel for variable, _ in response.folded(layer, tf.constant(1.0))] == [True]
    assert len(response.weights) == 2


def test_at_first_gates_are_nearly_open_and_alike_at_all_betas():
    layer = layer_of("Dense")
    for kind in RESPONSES:
        response = response_of(kind, layer, perturb=False)
        gates = [response.folded(layer, tf.constant(x))[0][1] / layer.kernel for x in (-2.0, 0.0, 2.0)]
        np.testing.assert_allclose(gates, np.full_like(gates, gates[0][0, 0]), rtol=1e-6)  # float32 rounding
        assert 0.85 < gates[0].numpy().min() <= 1


@pytest.mark.parametrize("x", [-1e-12, 0.0, 5.0, 80.0])
def test_a_closed_gate_is_zero_and_has_a_finite_gradient(x):
    response, x = SquareRootResponse(1), tf.Variable([x])
    with tf.GradientTape() as tape:
        gate = response.gate(x)
    assert gate.numpy() == [0.0] and tape.gradient(gate, x).numpy() == [0.0]


@pytest.mark.parametrize("x", [-2e-4, -1e-3, -1.0, -30.0])
def test_an_open_gate_is_its_formula_also_where_it_nearly_closes(x):
    gate = SquareRootResponse(1).gate(tf.constant([x], "float32"))
    assert float(gate[0]) == pytest.approx(np.sqrt(-np.expm1(np.float32(x))), rel=1e-6)  # float32 rounding


# Which layers answer.


def test_every_linear_layer_of_a_network_answers():
    encoder = networks.ResidualEncoder((6, 8), hidden_size=12, num_blocks=2)
    encoder.build((None, 9, 7, 1))
    assert len(linear_layers(encoder)) == 2 * (1 + 2 * 2) + 1
    dense = keras.layers.Dense(3)
    assert linear_layers(dense) == [dense] and linear_layers(keras.layers.Flatten()) == []


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda: posteriors.DiagonalNormal(2), 1),
        (lambda: posteriors.InverseAutoregressive(2, hidden_sizes=[4]), 1),  # the network of its flow does not answer
        (lambda: posteriors.Product([posteriors.DiagonalNormal(2), posteriors.RelaxedCategorical(3)]), 2),
    ],
)
def test_the_heads_of_a_posterior_answer(make, number):
    posterior = make()
    posterior.build((None, 5))
    assert len(heads_of_posterior(posterior)) == number


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (likelihoods.Bernoulli, 1),
        (lambda: likelihoods.Normal(0.5), 1),
        (lambda: likelihoods.Normal(likelihoods.PixelScale()), 2),
        (lambda: likelihoods.PixelCNN(filters=4, num_layers=1), 1),  # not what its distribution calls later
    ],
)
def test_the_heads_of_a_likelihood_answer(make, number):
    likelihood = make()
    likelihood.build((None, 5), (4, 4, 1))
    assert len(heads_of_likelihood(likelihood)) == number
