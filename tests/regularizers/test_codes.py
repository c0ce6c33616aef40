"""CodeNorm, L1Sparsity, TargetRateSparsity and Contractive against their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.regularizers import CodeNorm, Contractive, L1Sparsity, TargetRateSparsity

tfd = tfp.distributions

CODES = [[[3.0, -4.0], [1.0, 0.0]]]  # [1, 2, 2]


def of_codes(regularizer, codes):
    codes = tf.constant(codes)
    return regularizer.penalty(Inference(None, (Latent(None, None, codes),), None), None)


def test_code_norm_is_half_the_squared_norm_averaged_over_the_batch():
    assert float(of_codes(CodeNorm(1.0), CODES)) == pytest.approx((25 + 1) / 2 / 2)


def test_l1_norm_is_summed_over_latents_and_averaged_over_the_batch():
    assert float(of_codes(L1Sparsity(1.0), CODES)) == pytest.approx((7 + 1) / 2)


def test_activation_divergence_is_that_of_the_mean_activation_of_each_unit():
    mean = np.mean(1 / (1 + np.exp(-np.array(CODES[0]))), axis=0)
    expected = np.sum(0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean)))
    assert float(of_codes(TargetRateSparsity(1.0, 0.1), CODES)) == pytest.approx(expected, rel=1e-5)


def test_units_of_the_target_rate_have_no_divergence():
    logit = np.log(0.2 / 0.8)
    assert float(of_codes(TargetRateSparsity(1.0, 0.2), [[[logit, logit]] * 3])) == pytest.approx(
        0, abs=1e-6
    )  # float32
    half = [[[30.0], [-30.0]]]  # always on for one example and off for the other: a mean of 1/2
    assert float(of_codes(TargetRateSparsity(1.0, 0.5), half)) == pytest.approx(0, abs=1e-6)


def test_divergence_and_gradient_are_finite_for_dead_units():
    z = tf.Variable([[[-500.0, 500.0]]])
    with tf.GradientTape() as tape:
        penalty = TargetRateSparsity(1.0, 0.1).penalty(Inference(None, (Latent(None, None, z),), None), None)
    np.testing.assert_allclose(tape.gradient(penalty, z), [[[-0.1, 0.9]]], rtol=1e-5)
    assert float(penalty) == pytest.approx(500, rel=2e-3)  # 0.1 * 500 + 0.9 * 500, less two entropies of 0.33


def encoder_inference(x, code):
    return Inference(x, (), None, None, code)


def test_contractive_penalty_is_the_jacobian_of_a_sigmoid_layer():
    layer = keras.layers.Dense(4, activation="sigmoid")
    x = tf.random.stateless_normal([5, 3], (0, 1))
    h = layer(x).numpy()
    # d h_j / d x_i = h_j (1 - h_j) W_ij
    expected = np.mean([np.sum((row * (1 - row) * layer.kernel.numpy()) ** 2) for row in h])
    penalty = Contractive(1.0).penalty(encoder_inference(x, layer), None)
    assert float(penalty) == pytest.approx(expected, rel=1e-5)


def test_contractive_penalty_sums_over_all_pixels_and_averages_over_the_batch():
    x = tf.zeros([6, 4, 4, 2])
    encode = lambda x: 3 * tf.reshape(x, [-1, 32])[:, :5]  # noqa: E731
    assert float(Contractive(1.0).penalty(encoder_inference(x, encode), None)) == pytest.approx(5 * 9)


def test_contractive_penalty_reaches_every_weight_that_the_jacobian_depends_on(make_vae, binary):
    smooth = keras.Sequential([keras.layers.Dense(16, activation="tanh")])  # a ReLU's Jacobian has no slope in its bias
    model = make_vae(encoder=smooth, regularizers=[Contractive(1.0)])
    weights = [w.value for w in (*smooth.trainable_weights, model.posterior.parameters.kernel)]
    with tf.GradientTape() as tape:
        penalty = model.regularizers[0].penalty(model.infer(binary(8), seed=(0, 1)), None)
    assert all(np.any(gradient != 0) for gradient in tape.gradient(penalty, weights))


def test_contractive_penalty_falls_when_it_is_trained(make_vae, binary, batches):
    model = make_vae(regularizers=[Contractive(10.0)])
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(batches(binary(32)), epochs=5, verbose=0).history["contractive_penalty"]
    assert history[-1] < 0.2 * history[0]


def test_contractive_penalty_needs_an_encoder():
    with pytest.raises(ValueError, match="`Contractive` needs a model whose code has a derivative"):
        Contractive(1.0).penalty(encoder_inference(tf.zeros([1, 2]), None), None)
