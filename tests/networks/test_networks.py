"""Conformance of the networks, on images of odd sizes and three channels too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import (
    MLP,
    Conditioned,
    ConvDecoder,
    ConvEncoder,
    Corrupted,
    GatedMLP,
    Masking,
    ResidualDecoder,
    ResidualEncoder,
)
from tfvae.offers import accepted
from tfvae.posteriors import DiagonalNormal

CONDITION_SIZE = 4
CONDITIONS = tf.random.stateless_normal([8, CONDITION_SIZE], (2, 3))  # one for each row of a test

ENCODERS = [
    pytest.param(lambda: MLP([12, 10]), id="MLP"),
    pytest.param(lambda: GatedMLP([12, 10]), id="GatedMLP"),
    pytest.param(lambda: ConvEncoder((6, 8), hidden_size=12), id="ConvEncoder"),
    pytest.param(lambda: ResidualEncoder((6, 8), hidden_size=12, num_blocks=2), id="ResidualEncoder"),
    pytest.param(lambda: Conditioned(MLP([12, 10]), CONDITION_SIZE), id="Conditioned-MLP"),
    pytest.param(lambda: Conditioned(ConvEncoder((6, 8), 12), CONDITION_SIZE), id="Conditioned-ConvEncoder"),
    pytest.param(lambda: Corrupted(ConvEncoder((6, 8), 12), Masking(0.5)), id="Corrupted-ConvEncoder"),
    pytest.param(lambda: Corrupted(Conditioned(MLP([12]), CONDITION_SIZE), Masking(0.5)), id="Corrupted-Conditioned"),
    pytest.param(lambda: Conditioned(Corrupted(MLP([12]), Masking(0.5)), CONDITION_SIZE), id="Conditioned-Corrupted"),
]
DECODERS = [
    pytest.param(lambda: MLP([12, 10]), id="MLP"),
    pytest.param(lambda: GatedMLP([12, 10]), id="GatedMLP"),
    pytest.param(lambda: ConvDecoder((8, 6), hidden_size=12), id="ConvDecoder"),
    pytest.param(lambda: ConvDecoder((8,), hidden_size=12, half_size=True), id="ConvDecoder-half"),
    pytest.param(lambda: ResidualDecoder((8, 6), hidden_size=12, num_blocks=2), id="ResidualDecoder"),
    pytest.param(lambda: Conditioned(GatedMLP([12, 10]), CONDITION_SIZE), id="Conditioned-GatedMLP"),
    pytest.param(lambda: Conditioned(ConvDecoder((8, 6), 12), CONDITION_SIZE), id="Conditioned-ConvDecoder"),
    pytest.param(lambda: Conditioned(keras.layers.Dense(5), CONDITION_SIZE), id="Conditioned-Dense"),
]
CONV_ENCODERS, CONV_DECODERS = [ConvEncoder, ResidualEncoder], [ConvDecoder, ResidualDecoder]
IMAGES = [(9, 7, 1), (28, 28, 1), (8, 5, 3)]
LATENTS = 3

encoders = pytest.mark.parametrize("make", ENCODERS)
decoders = pytest.mark.parametrize("make", DECODERS)
conv_encoders = pytest.mark.parametrize("make", CONV_ENCODERS)
conv_decoders = pytest.mark.parametrize("make", CONV_DECODERS)
images = pytest.mark.parametrize("event_shape", IMAGES, ids=str)


def build_encoder(encoder, event_shape):
    encoder.build((None, *event_shape))
    return encoder


def build_decoder(decoder, event_shape):
    decoder.build((None, LATENTS), **accepted(decoder.build, event_shape=event_shape))
    return decoder


def perturbed(network):
    """The network without weights that are zero: what starts as the identity is not trained through yet."""
    rng = np.random.default_rng(0)
    network.set_weights([weight + rng.normal(0, 0.1, weight.shape) for weight in network.get_weights()])
    return network


def call(network, rows, conditions=CONDITIONS):
    """What the network makes of the rows, each with its condition if the network asks for one."""
    return network(rows, **accepted(network.call, condition=conditions[: tf.shape(rows)[0]]))


def graph_of(network, shape, **settings):
    signature = [tf.TensorSpec([None, *shape])]
    return tf.function(lambda rows: call(network, rows), input_signature=signature, **settings)


def some_images(n, event_shape):
    return tf.random.stateless_uniform([n, *event_shape], (0, 1))


def some_latents(n):
    return tf.random.stateless_normal([n, LATENTS], (0, 1))


@encoders
@images
def test_encoder_maps_any_batch_size_in_a_graph(make, event_shape):
    encoder = build_encoder(make(), event_shape)
    graph = graph_of(encoder, event_shape)
    _, width = encoder.compute_output_shape((None, *event_shape))
    # No empty batch: TensorFlow's fused convolution refuses one on a CPU.
    assert [graph(tf.ones([n, *event_shape])).shape for n in (1, 3)] == [(1, width), (3, width)]


@decoders
@images
def test_decoder_maps_any_batch_size_in_a_graph(make, event_shape):
    decoder = build_decoder(make(), event_shape)
    graph = graph_of(decoder, [LATENTS])
    _, *rest = decoder.compute_output_shape((None, LATENTS))
    assert graph.get_concrete_function().output_shapes[1:] == rest
    assert [graph(tf.ones([n, LATENTS])).shape for n in (1, 3)] == [(1, *rest), (3, *rest)]


@pytest.mark.parametrize("make", [MLP, GatedMLP, *CONV_DECODERS])
def test_decoder_maps_an_empty_batch(make):
    decoder = build_decoder(make((8,)), (9, 7, 1))
    assert decoder(tf.ones([0, LATENTS])).shape[0] == 0


@conv_decoders
@images
def test_conv_decoder_ends_at_the_image_size(make, event_shape):
    decoder = build_decoder(make((8, 6), hidden_size=4), event_shape)
    assert decoder(tf.ones([2, LATENTS])).shape == (2, *event_shape[:2], 6)


@encoders
@images
def test_every_weight_of_an_encoder_has_a_gradient(make, event_shape, weights_without_gradient):
    encoder, x = perturbed(build_encoder(make(), event_shape)), some_images(8, event_shape)
    assert weights_without_gradient(encoder, lambda: tf.reduce_sum(call(encoder, x) ** 2)) == []


@decoders
@images
def test_every_weight_of_a_decoder_has_a_gradient(make, event_shape, weights_without_gradient):
    decoder, z = perturbed(build_decoder(make(), event_shape)), some_latents(8)
    assert weights_without_gradient(decoder, lambda: tf.reduce_sum(call(decoder, z) ** 2)) == []


@encoders
@pytest.mark.parametrize("jit_compile", [False, True])
def test_encoder_in_eager_mode_equals_the_graph(make, jit_compile):
    encoder, x = perturbed(build_encoder(make(), (9, 7, 1))), some_images(3, (9, 7, 1))
    graph = graph_of(encoder, (9, 7, 1), jit_compile=jit_compile)
    np.testing.assert_allclose(graph(x), call(encoder, x), rtol=1e-5, atol=1e-6)  # float32 rounding


@decoders
@pytest.mark.parametrize("jit_compile", [False, True])
def test_decoder_in_eager_mode_equals_the_graph(make, jit_compile):
    decoder, z = perturbed(build_decoder(make(), (9, 7, 1))), some_latents(3)
    graph = graph_of(decoder, [LATENTS], jit_compile=jit_compile)
    np.testing.assert_allclose(graph(z), call(decoder, z), rtol=1e-5, atol=1e-6)  # float32 rounding


@encoders
@images
def test_encoder_survives_a_keras_file(make, event_shape, make_vae, reload):
    model, x = make_vae(event_shape, encoder=make()), some_images(2, event_shape)
    np.testing.assert_array_equal(call(reload(model).encoder, x), call(model.encoder, x))


@decoders
@images
def test_decoder_survives_a_keras_file(make, event_shape, make_vae, reload):
    model, z = make_vae(event_shape, decoder=make()), tf.random.stateless_normal([2, 2], (0, 1))
    np.testing.assert_array_equal(call(reload(model).decoder, z), call(model.decoder, z))


@pytest.fixture
def policy():
    """Sets the global policy of Keras for one test."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@encoders
@pytest.mark.parametrize("mixed", ["mixed_bfloat16", "mixed_float16"])
def test_encoder_computes_in_mixed_precision_wherever_it_is_loaded(make, mixed, policy):
    policy(mixed)
    encoder, x = build_encoder(make(), (9, 7, 1)), some_images(3, (9, 7, 1))
    features = call(encoder, x)
    policy("float32")
    loaded = build_encoder(type(encoder).from_config(encoder.get_config()), (9, 7, 1))
    loaded.set_weights(encoder.get_weights())
    assert features.dtype == mixed.removeprefix("mixed_") and {w.dtype for w in encoder.weights} == {"float32"}
    np.testing.assert_array_equal(call(loaded, x), features)


@decoders
@pytest.mark.parametrize("mixed", ["mixed_bfloat16", "mixed_float16"])
def test_decoder_computes_in_mixed_precision_wherever_it_is_loaded(make, mixed, policy):
    policy(mixed)
    decoder, z = build_decoder(make(), (9, 7, 1)), some_latents(3)
    features = call(decoder, z)
    policy("float32")
    loaded = build_decoder(type(decoder).from_config(decoder.get_config()), (9, 7, 1))
    loaded.set_weights(decoder.get_weights())
    assert features.dtype == mixed.removeprefix("mixed_") and {w.dtype for w in decoder.weights} == {"float32"}
    np.testing.assert_array_equal(call(loaded, z), features)


@encoders
def test_row_of_an_encoder_does_not_depend_on_its_batch(make):
    encoder, x = perturbed(build_encoder(make(), (9, 7, 1))), some_images(5, (9, 7, 1))
    alone = call(encoder, x[3:4], CONDITIONS[3:])
    np.testing.assert_allclose(call(encoder, x)[3], alone[0], rtol=1e-5, atol=1e-6)  # float32 rounding


@decoders
def test_row_of_a_decoder_does_not_depend_on_its_batch(make):
    decoder, z = perturbed(build_decoder(make(), (9, 7, 1))), some_latents(5)
    alone = call(decoder, z[3:4], CONDITIONS[3:])
    np.testing.assert_allclose(call(decoder, z)[3], alone[0], rtol=1e-5, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("wrong", [[], 8, [8, 0], [8, -1], [8.0], [True], None], ids=repr)
@pytest.mark.parametrize(
    ("name", "make"),
    [("hidden_sizes", MLP), ("hidden_sizes", GatedMLP), *(("filters", c) for c in [*CONV_ENCODERS, *CONV_DECODERS])],
)
def test_sizes_must_be_positive_integers(name, make, wrong):
    with pytest.raises(ValueError, match=f"`{name}` must be a non-empty list of positive integers. Received: {name}="):
        make(wrong)


@pytest.mark.parametrize("make", [*CONV_ENCODERS, *CONV_DECODERS])
def test_hidden_size_must_be_a_positive_integer(make):
    with pytest.raises(ValueError, match=r"`hidden_size` must be a positive integer. Received: hidden_size=0"):
        make((4,), hidden_size=0)


@pytest.mark.parametrize("make", [MLP, GatedMLP, *CONV_ENCODERS, *CONV_DECODERS])
def test_unknown_activation_is_refused(make):
    with pytest.raises(ValueError, match="nonsense"):
        make((4,), activation="nonsense")


@conv_encoders
def test_conv_encoder_refuses_an_image_that_is_too_small(make):
    with pytest.raises(ValueError, match="4x9 pixels cannot be halved 3 times: give `filters` fewer entries"):
        make((4, 4, 4)).build((None, 4, 9, 1))


@conv_decoders
def test_conv_decoder_refuses_an_image_that_is_too_small(make):
    with pytest.raises(ValueError, match="4x9 pixels cannot be halved 3 times: give `filters` fewer entries"):
        make((4, 4, 4)).build((None, 2), (4, 9, 1))


@conv_encoders
def test_smallest_image_that_is_accepted_ends_in_one_pixel_a_side(make):
    encoder = build_encoder(make((4, 4, 4), hidden_size=2), (5, 5, 1))
    assert encoder.hidden.kernel.shape == (4, 2)


@conv_encoders
def test_conv_encoder_refuses_vectors(make):
    with pytest.raises(ValueError, match=r"needs images \[H, W, C\]. Received: event_shape=\(6,\)"):
        make((4,)).build((None, 6))


@conv_decoders
def test_conv_decoder_refuses_vectors(make):
    with pytest.raises(ValueError, match=r"needs images \[H, W, C\]. Received: event_shape=\(6,\)"):
        make((4,)).build((None, 2), (6,))


def test_mlp_is_its_formula():
    mlp = MLP([2], activation="tanh")
    mlp.build((None, 3))
    mlp.set_weights([np.array([[1.0, -1], [0, 2], [0.5, 0]]), np.array([0.1, -0.3])])
    np.testing.assert_allclose(mlp(tf.constant([[1.0, 2, 3]])), np.tanh([[2.6, 2.7]]), rtol=1e-6)  # float32 rounding


def test_activation_is_applied_after_every_layer():
    encoder = build_encoder(ConvEncoder((4, 4), hidden_size=5, activation="softplus"), (8, 8, 1))
    layers = [*encoder.stages, encoder.hidden]
    assert [keras.activations.serialize(layer.activation) for layer in layers] == ["softplus"] * 3


def test_published_decoder_has_its_number_of_weights(make_vae):
    # Locatello et al., 2019, appendix A: dense 256 and 4 x 4 x 64, upconvolutions to 64, 32, 32 and 1 channel.
    model = make_vae((64, 64, 1), decoder=ConvDecoder((64, 32, 32), 256, half_size=True), posterior=DiagonalNormal(10))
    published = 11 * 256 + 257 * 1024 + 64 * (16 * 64 + 1) + 32 * (16 * 64 + 1) + 32 * (16 * 32 + 1) + (16 * 32 + 1)
    assert model.decoder.count_params() + model.likelihood.count_params() == published
