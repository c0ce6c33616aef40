"""Conformance of the networks, on images of odd sizes and three channels too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import MLP, ConvDecoder, ConvEncoder

ENCODERS = [
    pytest.param(lambda: MLP([12, 10]), id="MLP"),
    pytest.param(lambda: ConvEncoder((6, 8), hidden_size=12), id="ConvEncoder"),
]
DECODERS = [
    pytest.param(lambda: MLP([12, 10]), id="MLP"),
    pytest.param(lambda: ConvDecoder((8, 6), hidden_size=12), id="ConvDecoder"),
]
IMAGES = [(9, 7, 1), (28, 28, 1), (8, 5, 3)]
LATENTS = 3

encoders = pytest.mark.parametrize("make", ENCODERS)
decoders = pytest.mark.parametrize("make", DECODERS)
images = pytest.mark.parametrize("event_shape", IMAGES, ids=str)


def build_decoder(decoder, event_shape):
    extra = [event_shape] if isinstance(decoder, ConvDecoder) else []
    decoder.build((None, LATENTS), *extra)
    return decoder


def graph_of(network, shape):
    return tf.function(network, input_signature=[tf.TensorSpec([None, *shape])])


@encoders
@images
def test_encoder_maps_any_batch_size_in_a_graph(make, event_shape):
    encoder = make()
    encoder.build((None, *event_shape))
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
    assert [graph(tf.ones([n, LATENTS])).shape for n in (0, 1, 3)] == [(0, *rest), (1, *rest), (3, *rest)]


@images
def test_conv_decoder_ends_at_the_image_size(event_shape):
    decoder = build_decoder(ConvDecoder((8, 6), hidden_size=4), event_shape)
    assert decoder(tf.ones([2, LATENTS])).shape == (2, *event_shape[:2], 6)


@encoders
@images
def test_every_weight_of_an_encoder_has_a_gradient(make, event_shape, weights_without_gradient):
    encoder, x = make(), tf.random.stateless_uniform([8, *event_shape], (0, 1))
    encoder.build(x.shape)
    assert weights_without_gradient(encoder, lambda: tf.reduce_sum(encoder(x) ** 2)) == []


@decoders
@images
def test_every_weight_of_a_decoder_has_a_gradient(make, event_shape, weights_without_gradient):
    decoder, z = build_decoder(make(), event_shape), tf.random.stateless_normal([8, LATENTS], (0, 1))
    assert weights_without_gradient(decoder, lambda: tf.reduce_sum(decoder(z) ** 2)) == []


@encoders
def test_encoder_in_eager_mode_equals_the_graph(make):
    encoder, x = make(), tf.random.stateless_uniform([3, 9, 7, 1], (0, 1))
    encoder.build(x.shape)
    np.testing.assert_allclose(graph_of(encoder, (9, 7, 1))(x), encoder(x), rtol=1e-5, atol=1e-6)  # float32 rounding


@decoders
def test_decoder_in_eager_mode_equals_the_graph(make):
    decoder, z = build_decoder(make(), (9, 7, 1)), tf.random.stateless_normal([3, LATENTS], (0, 1))
    np.testing.assert_allclose(graph_of(decoder, [LATENTS])(z), decoder(z), rtol=1e-5, atol=1e-6)  # float32 rounding


@encoders
@images
def test_encoder_survives_a_keras_file(make, event_shape, make_vae, reload):
    model = make_vae(event_shape, encoder=make())
    x = tf.random.stateless_uniform([2, *event_shape], (0, 1))
    np.testing.assert_array_equal(reload(model).encoder(x), model.encoder(x))


@decoders
@images
def test_decoder_survives_a_keras_file(make, event_shape, make_vae, reload):
    model = make_vae(event_shape, decoder=make())
    z = tf.random.stateless_normal([2, 2], (0, 1))
    np.testing.assert_array_equal(reload(model).decoder(z), model.decoder(z))


@pytest.mark.parametrize("make", [*ENCODERS, *DECODERS])
def test_row_of_a_network_does_not_depend_on_its_batch(make):
    network = make()
    shape = (LATENTS,) if isinstance(network, ConvDecoder) else (9, 7, 1)
    network.build((None, *shape), *[(9, 7, 1)] * isinstance(network, ConvDecoder))
    rows = tf.random.stateless_normal([5, *shape], (0, 1))
    np.testing.assert_allclose(network(rows)[3], network(rows[3:4])[0], rtol=1e-5, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("wrong", [[], 8, [8, 0], [8, -1], [8.0], [True], None], ids=repr)
@pytest.mark.parametrize(("name", "make"), [("hidden_sizes", MLP), ("filters", ConvEncoder), ("filters", ConvDecoder)])
def test_sizes_must_be_positive_integers(name, make, wrong):
    with pytest.raises(ValueError, match=f"`{name}` must be a non-empty list of positive integers. Received: {name}="):
        make(wrong)


@pytest.mark.parametrize("make", [ConvEncoder, ConvDecoder])
def test_hidden_size_must_be_a_positive_integer(make):
    with pytest.raises(ValueError, match=r"`hidden_size` must be"):
        make((4,), hidden_size=0)


@pytest.mark.parametrize(
    "make", [lambda a: MLP([4], a), lambda a: ConvEncoder((4,), 4, a), lambda a: ConvDecoder((4,), 4, a)]
)
def test_unknown_activation_is_refused(make):
    with pytest.raises(ValueError, match="nonsense"):
        make("nonsense")


def test_conv_encoder_refuses_an_image_that_is_too_small():
    with pytest.raises(ValueError, match="4x9 pixels cannot be halved 3 times: give `filters` fewer entries"):
        ConvEncoder((4, 4, 4)).build((None, 4, 9, 1))


def test_conv_decoder_refuses_an_image_that_is_too_small():
    with pytest.raises(ValueError, match="4x9 pixels cannot be halved 3 times: give `filters` fewer entries"):
        ConvDecoder((4, 4, 4)).build((None, 2), (4, 9, 1))


def test_smallest_image_that_is_accepted_ends_in_one_pixel_a_side():
    encoder = ConvEncoder((4, 4, 4), hidden_size=2)
    encoder.build((None, 5, 5, 1))
    assert encoder.hidden.kernel.shape == (4, 2)


def test_conv_encoder_refuses_vectors():
    with pytest.raises(ValueError, match=r"needs images \[H, W, C\]. Received: event_shape=\(6,\)"):
        ConvEncoder((4,)).build((None, 6))


def test_mlp_is_its_formula():
    mlp = MLP([2], activation="tanh")
    mlp.build((None, 3))
    mlp.set_weights([np.array([[1.0, -1], [0, 2], [0.5, 0]]), np.array([0.1, -0.3])])
    np.testing.assert_allclose(mlp(tf.constant([[1.0, 2, 3]])), np.tanh([[2.6, 2.7]]), rtol=1e-6)  # float32 rounding


def test_activation_is_applied_after_every_layer():
    encoder = ConvEncoder((4, 4), hidden_size=5, activation="softplus")
    encoder.build((None, 8, 8, 1))
    layers = [*encoder.convolutions, encoder.hidden]
    assert [keras.activations.serialize(layer.activation) for layer in layers] == ["softplus"] * 3
