"""Residual networks: the skip path, the order of activation and convolution, and what is left without blocks."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import ConvDecoder, ConvEncoder, ResidualDecoder, ResidualEncoder
from tfvae.networks.residual import ResidualBlock


def block(random, activation=tf.nn.relu):
    layer = ResidualBlock(activation)
    layer.build((None, 5, 4, 3))
    if random:
        rng = np.random.default_rng(0)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    return layer


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


def test_block_whose_last_convolution_is_zero_is_the_identity():
    layer, x = block(random=True), normal(2, 5, 4, 3)
    layer.last.set_weights([tf.zeros_like(weight) for weight in layer.last.weights])
    np.testing.assert_array_equal(layer(x), x)


def test_block_starts_as_the_identity():
    x = normal(2, 5, 4, 3)
    np.testing.assert_array_equal(block(random=False)(x), x)


def test_block_activates_before_each_convolution_and_never_on_the_skip_path():
    layer, x = block(random=True), normal(2, 5, 4, 3)
    kernel, bias, last_kernel, last_bias = layer.get_weights()
    inner = tf.nn.conv2d(tf.nn.relu(x), kernel, 1, "SAME") + bias
    expected = x + tf.nn.conv2d(tf.nn.relu(inner), last_kernel, 1, "SAME") + last_bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-4)  # float32 rounding of values near 100


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_residual_encoder_starts_as_the_conv_encoder(num_blocks):
    plain, residual, x = ConvEncoder((4, 6), 5), ResidualEncoder((4, 6), 5, num_blocks), normal(2, 9, 7, 2)
    plain.build(x.shape)
    residual.build(x.shape)
    for ours, theirs in zip(plain.stages, residual.stages, strict=True):
        theirs.convolution.set_weights(ours.get_weights())
    residual.hidden.set_weights(plain.hidden.get_weights())
    np.testing.assert_allclose(residual(x), plain(x), rtol=1e-5, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_residual_decoder_starts_as_the_conv_decoder(num_blocks):
    plain, residual, z = ConvDecoder((6, 4), 5), ResidualDecoder((6, 4), 5, num_blocks), normal(2, 3)
    plain.build(z.shape, (9, 7, 2))
    residual.build(z.shape, (9, 7, 2))
    for ours, theirs in zip(plain.stages, residual.stages, strict=True):
        theirs.convolution.set_weights(ours.get_weights())
    residual.hidden.set_weights(plain.hidden.get_weights())
    residual.to_grid.set_weights(plain.to_grid.get_weights())
    np.testing.assert_allclose(residual(z), plain(z), rtol=1e-5, atol=1e-6)  # float32 rounding


def test_every_stage_has_its_blocks():
    encoder = ResidualEncoder((4, 6), 5, num_blocks=3)
    encoder.build((None, 8, 8, 1))
    assert [len(stage.blocks) for stage in encoder.stages] == [3, 3]


@pytest.mark.parametrize("make", [ResidualEncoder, ResidualDecoder])
@pytest.mark.parametrize("wrong", [0, 1.0, True, None], ids=repr)
def test_num_blocks_must_be_a_positive_integer(make, wrong):
    with pytest.raises(ValueError, match=r"`num_blocks` must be a positive integer. Received: num_blocks="):
        make((4,), num_blocks=wrong)
