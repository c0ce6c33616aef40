"""MADE: what each output may see and does see, in every size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks.masked import MADE, MaskedDense, spread

CONTEXT = 3
# (L, hidden_sizes): wide, narrower than L, one unit, and a single latent
SIZES = [(4, (9, 7)), (5, (3, 2)), (6, (1,)), (2, (2, 2)), (1, (3, 2))]

sizes = pytest.mark.parametrize(("latent_size", "hidden_sizes"), SIZES)


def made(latent_size, hidden_sizes, context=False, random=True, **settings):
    """A built MADE of two outputs, with random weights unless they are to be those of the start."""
    network = MADE(2, hidden_sizes, **{"activation": "tanh", **settings})
    network.build((None, latent_size), (None, CONTEXT) if context else None)
    if random:
        rng = np.random.default_rng(0)
        network.set_weights([rng.uniform(0.2, 0.6, weight.shape) for weight in network.weights])
    return network


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


def jacobian(function, argument):
    """d function / d argument, [B, L, num_outputs, N], for functions that treat each row alone."""
    with tf.GradientTape() as tape:
        tape.watch(argument)
        value = function(argument)
    return tape.batch_jacobian(value, argument).numpy()


@sizes
@pytest.mark.parametrize("context", [False, True])
def test_output_depends_on_all_inputs_before_it_and_on_no_other(latent_size, hidden_sizes, context):
    network = made(latent_size, hidden_sizes, context)
    given = {"context": normal(3, CONTEXT)} if context else {}
    slopes = jacobian(lambda z: network(z, **given), normal(3, latent_size))
    before = np.tril(np.ones([latent_size, latent_size]), -1) == 1  # [output, input]
    expected = np.broadcast_to(before[:, None], slopes.shape)
    np.testing.assert_array_equal(slopes != 0, expected)


@pytest.mark.parametrize("hidden_sizes", [(5,), (4, 8), (3, 3, 3)])
def test_hidden_layers_alone_carry_all_inputs_where_they_are_wide_enough(hidden_sizes):
    network = made(4, hidden_sizes)
    network.inputs_to_outputs.kernel.assign(tf.zeros_like(network.inputs_to_outputs.kernel))
    slopes = jacobian(network, normal(3, 4))
    assert np.all((slopes != 0).all(axis=(0, 2)) == np.tril(np.ones([4, 4]), -1))


@sizes
def test_every_output_depends_on_all_of_the_context(latent_size, hidden_sizes):
    network, z = made(latent_size, hidden_sizes, context=True), normal(3, latent_size)
    assert np.all(jacobian(lambda context: network(z, context=context), normal(3, CONTEXT)) != 0)


def test_hidden_layers_alone_carry_the_context_to_every_output():
    network, z = made(4, (4, 4), context=True), normal(3, 4)
    network.context_to_outputs.kernel.assign(tf.zeros_like(network.context_to_outputs.kernel))
    assert np.all(jacobian(lambda context: network(z, context=context), normal(3, CONTEXT)) != 0)


def test_made_is_its_formula():
    network = made(2, (2,), activation="softplus")  # both hidden units have degree 1
    kernel, bias, to_outputs, output_bias, direct = network.get_weights()
    z = np.array([[0.3, -2.0]], "float32")
    hidden = np.log1p(np.exp(z[:, :1] @ kernel[:1] + bias))
    second = hidden @ to_outputs[:, 2:] + output_bias[2:] + z[:, :1] @ direct[:1, 2:]
    expected = np.stack([output_bias[None, :2], second], axis=1)
    np.testing.assert_allclose(network(z), expected, rtol=1e-6)  # float32 rounding


@sizes
@pytest.mark.parametrize("context", [False, True])
def test_outputs_start_at_zero(latent_size, hidden_sizes, context):
    network = made(latent_size, hidden_sizes, context, random=False)
    given = {"context": normal(3, CONTEXT)} if context else {}
    np.testing.assert_array_equal(network(normal(3, latent_size), **given), np.zeros([3, latent_size, 2]))


def test_layers_into_the_outputs_learn_from_the_start(gradients_of):
    network, z, context = made(3, (6, 6), context=True, random=False), normal(8, 3), normal(8, CONTEXT)
    gradients = gradients_of(network, lambda: tf.reduce_sum(tf.exp(network(z, context=context))))
    into_outputs = [network.hidden_to_outputs.kernel, network.inputs_to_outputs.kernel]
    into_outputs += [network.hidden_to_outputs.bias, network.context_to_outputs.kernel]
    assert all(np.any(gradients[weight.path] != 0) for weight in into_outputs)


@pytest.mark.parametrize(("latent_size", "hidden_sizes"), [(4, (9, 7)), (5, (3, 2)), (2, (2, 2))])
def test_every_weight_has_a_gradient(latent_size, hidden_sizes, weights_without_gradient):
    network, z = made(latent_size, hidden_sizes, context=True), normal(8, latent_size)
    context = normal(8, CONTEXT)
    assert weights_without_gradient(network, lambda: tf.reduce_sum(network(z, context=context) ** 2)) == []


def test_masked_entries_have_no_gradient_and_no_effect(gradients_of):
    layer, x = MaskedDense(np.array([[True, False], [True, True]])), normal(4, 2)
    layer.build(None)
    gradient = gradients_of(layer, lambda: tf.reduce_sum(layer(x) ** 2))[layer.kernel.path].numpy()
    before = layer(x)
    layer.kernel.assign(layer.kernel + np.array([[0, 1e3], [0, 0]]))
    np.testing.assert_array_equal(gradient != 0, [[True, False], [True, True]])
    np.testing.assert_array_equal(layer(x), before)


@pytest.mark.parametrize(
    ("first", "end", "width", "degrees"),
    [(1, 4, 6, [1, 1, 2, 2, 3, 3]), (1, 4, 3, [1, 2, 3]), (0, 4, 2, [0, 2]), (0, 1, 3, [0, 0, 0]), (1, 2, 2, [1, 1])],
)
def test_degrees_are_spread_evenly(first, end, width, degrees):
    np.testing.assert_array_equal(spread(first, end, width), degrees)


@pytest.mark.parametrize("leading", [(), (4,), (2, 4), (0,), (5, 2, 4)], ids=str)
def test_any_leading_axes_are_rows_each_for_itself(leading):
    network, z = made(3, (5,)), normal(*leading, 3)
    rows = network(tf.reshape(z, [-1, 3]))
    assert network(z).shape == network.compute_output_shape(z.shape) == (*leading, 3, 2)
    np.testing.assert_allclose(tf.reshape(network(z), [-1, 3, 2]), rows, rtol=1e-5, atol=1e-6)  # float32 rounding


def test_context_is_broadcast_over_samples():
    network, z, context = made(3, (5,), context=True), normal(2, 4, 3), normal(4, CONTEXT)
    repeated = network(z, context=tf.stack([context, context]))
    np.testing.assert_allclose(network(z, context=context), repeated, rtol=1e-5, atol=1e-6)  # float32 rounding
    assert network.compute_output_shape(z.shape, context.shape) == repeated.shape


@sizes
@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_of_unknown_lengths_equals_eager_mode(latent_size, hidden_sizes, jit_compile):
    network, z, context = made(latent_size, hidden_sizes, context=True), normal(2, 4, latent_size), normal(4, CONTEXT)
    # TFP forgets the length of an axis that is 1, so the last one may be unknown too.
    signature = [tf.TensorSpec([None, None, None]), tf.TensorSpec([None, CONTEXT])]
    graph = tf.function(network, input_signature=signature, jit_compile=jit_compile)
    np.testing.assert_allclose(graph(z, context), network(z, context=context), rtol=1e-5, atol=1e-6)  # rounding


def test_computes_in_float32_inside_a_layer_that_does_not():
    class Outer(keras.Layer):
        def build(self, input_shape):
            self.network = made(4, (6,), context=True)

        def call(self, z, context):
            return self.network(z, context=context)

    z, context = tf.cast(normal(5, 4), "bfloat16"), tf.cast(normal(5, CONTEXT), "bfloat16")
    outer = Outer(dtype="mixed_bfloat16")
    outer.build(None)
    inside = outer(z, context=context)
    alone = outer.network(tf.cast(z, "float32"), context=tf.cast(context, "float32"))
    assert inside.dtype == "float32"
    np.testing.assert_array_equal(inside, alone)


@pytest.mark.parametrize("context", [False, True])
def test_survives_a_keras_file_without_its_masks(context, tmp_path):
    z, given = keras.Input([4]), keras.Input([CONTEXT])
    network = made(4, (6, 5), context)
    inputs = [z, given] if context else [z]
    model = keras.Model(inputs, network(z, context=given) if context else network(z))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    values = [normal(3, *i.shape[1:]) for i in inputs]
    np.testing.assert_array_equal(loaded(values), model(values))
    assert len(loaded.weights) == len(network.trainable_weights) == (9 if context else 7)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_num_outputs_must_be_a_positive_integer(wrong):
    with pytest.raises(ValueError, match=r"`num_outputs` must be"):
        MADE(wrong)


@pytest.mark.parametrize("wrong", [[], 8, [8, 0], [8.0]], ids=repr)
def test_hidden_sizes_must_be_positive_integers(wrong):
    with pytest.raises(ValueError, match="`hidden_sizes` must be a non-empty list of positive integers"):
        MADE(2, wrong)


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="nonsense"):
        MADE(2, activation="nonsense")


def test_context_must_be_given_exactly_where_it_is_expected():
    with pytest.raises(ValueError, match="`context` must be given if and only if `build` got the shape of one"):
        made(3, (4,), context=True)(normal(2, 3))
    with pytest.raises(ValueError, match="`context` must be given if and only if `build` got the shape of one"):
        made(3, (4,))(normal(2, 3), context=normal(2, CONTEXT))
