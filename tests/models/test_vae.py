"""The VAE: how its parts are joined, what its methods return, and R2 of the golden values."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, LearnedScale, Normal, PixelScale
from tfvae.networks import MLP, ConvDecoder, ConvEncoder
from tfvae.posteriors import DiagonalNormal
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV

NETWORKS = [  # encoder, decoder
    pytest.param(lambda: (MLP([16]), MLP([16])), id="MLP"),
    pytest.param(lambda: (ConvEncoder((8, 8), 16), ConvDecoder((8, 8), 16)), id="convolutional"),
    pytest.param(lambda: (MLP([16]), ConvDecoder((8,), 16)), id="mixed"),
    pytest.param(lambda: (own_encoder(), own_decoder()), id="keras.Sequential"),
]
LIKELIHOODS = [Bernoulli, lambda: Normal(LearnedScale()), lambda: Normal(PixelScale())]
IMAGE = (9, 7, 3)
R2_MEAN, R2_VARIANCE = np.array([0.662906, 0.310296]), np.array([0.136612, 0.126263])

networks = pytest.mark.parametrize("make_networks", NETWORKS)
likelihoods = pytest.mark.parametrize("make_likelihood", LIKELIHOODS, ids=["Bernoulli", "LearnedScale", "PixelScale"])


def own_encoder():
    return keras.Sequential([keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()])


def own_decoder():
    return keras.Sequential([keras.layers.Dense(12, activation="tanh"), keras.layers.Dense(8)])


def image_vae(make_vae, make_networks, make_likelihood=Bernoulli):
    encoder, decoder = make_networks()
    return make_vae(IMAGE, encoder=encoder, decoder=decoder, likelihood=make_likelihood())


@pytest.fixture
def r2(make_vae):
    """R2 with the best mean-field q, whatever x is: the networks pass on what they get."""
    parts = {"encoder": keras.layers.Flatten(), "decoder": keras.layers.Identity(), "likelihood": Normal(0.5)}
    model = make_vae((3,), **parts)
    raw_stddev = np.log(np.expm1(np.sqrt(R2_VARIANCE) - MINIMAL_STDDEV))
    model.posterior.parameters.set_weights([np.zeros((3, 4)), np.concatenate([R2_MEAN, raw_stddev])])
    w = np.array([[1, 0.3, 0.7], [0.5, -1.2, 0.2]])
    model.likelihood.mean.linear.set_weights([w, np.array([0.1, -0.2, 0.3])])
    return model


R2_X = tf.constant([[0.9, -0.4, 1.1]])


@networks
def test_infer_has_samples_and_batch_in_front_for_unknown_sizes(make_networks, make_vae):
    model = image_vae(make_vae, make_networks)

    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE]), tf.TensorSpec([], "int32")])
    def infer(x, num_samples):
        inference = model.infer(x, num_samples, seed=(0, 1))
        return inference.latents[0].sample, inference.likelihood.mean(), inference.likelihood.log_prob(x)

    for s, b in [(1, 1), (4, 3)]:
        z, mean, log_prob = infer(tf.ones([b, *IMAGE]), s)
        assert (z.shape, mean.shape, log_prob.shape) == ((s, b, 2), (s, b, *IMAGE), (s, b))


@networks
@likelihoods
def test_every_weight_has_a_gradient(make_networks, make_likelihood, make_vae, binary, weights_without_gradient):
    model, x = image_vae(make_vae, make_networks, make_likelihood), binary(8, IMAGE)
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, (0, 1), training=True)["loss"]) == []


@networks
def test_eager_equals_graph(make_networks, make_vae, binary):
    model, x = image_vae(make_vae, make_networks), binary(3, IMAGE)
    evaluate = lambda x: model.terms({"x": x}, (0, 1), training=False)["loss"]  # noqa: E731
    assert float(tf.function(evaluate)(x)) == pytest.approx(float(evaluate(x)), rel=1e-5)  # float32 rounding


@networks
@likelihoods
def test_keras_file_keeps_weights_and_outputs(make_networks, make_likelihood, make_vae, binary, reload):
    model, x = image_vae(make_vae, make_networks, make_likelihood), binary(3, IMAGE)
    loaded = reload(model)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.reconstruct(x), loaded.reconstruct(x))
    np.testing.assert_array_equal(model.sample(3, (0, 1)), loaded.sample(3, (0, 1)))


def test_keras_file_keeps_the_seed(make_vae, reload):
    assert reload(make_vae(seed=7)).seed == 7


@pytest.mark.parametrize("latent_size", [1, 5])
def test_latent_size_is_stated_once(latent_size, make_vae):
    model = make_vae(posterior=DiagonalNormal(latent_size))
    assert (model.prior().event_shape, model.decode(tf.zeros([3, latent_size])).batch_shape) == ([latent_size], [3])


def test_decode_without_a_sample_axis_is_decode_of_one_sample(make_vae):
    model, z = make_vae(), tf.random.stateless_normal([4, 2], (0, 1))
    np.testing.assert_array_equal(model.decode(z).mean(), model.decode(z[tf.newaxis]).mean()[0])


def test_decode_keeps_samples_and_examples_apart(make_vae):
    model, z = make_vae(), tf.random.stateless_normal([3, 4, 2], (0, 1))
    one_by_one = [[model.decode(z[s, b : b + 1]).mean()[0] for b in range(4)] for s in range(3)]
    np.testing.assert_allclose(model.decode(z).mean(), one_by_one, rtol=1e-5)  # float32 rounding


def test_call_takes_a_tensor_or_a_batch(make_vae, binary):
    model, x = make_vae(), binary(4)
    np.testing.assert_array_equal(model(x), model({"x": x, "label": tf.zeros(4)}))


def test_predict_gives_reconstructions_in_order(make_vae, binary, batches):
    model, x = make_vae(), binary(9)
    model.compile()
    reconstructions = model.predict(batches(x), verbose=0)
    np.testing.assert_allclose(reconstructions, model.reconstruct(x), rtol=1e-5)  # float32 rounding


def test_reconstruction_is_the_mean_at_the_mean(r2):
    expected = R2_MEAN @ [[1, 0.3, 0.7], [0.5, -1.2, 0.2]] + [0.1, -0.2, 0.3]
    np.testing.assert_allclose(r2.reconstruct(R2_X)[0], expected, rtol=1e-5)  # float32 rounding


def test_sample_has_the_shape_of_images_and_is_keyed_by_its_seed(make_vae):
    model = make_vae(IMAGE)
    first, again, other = (model.sample(16, seed).numpy() for seed in [(0, 1), (0, 1), (0, 2)])
    assert first.shape == (16, *IMAGE)
    assert np.array_equal(first, again) and not np.any(np.all(first == other, axis=(1, 2, 3)))


def test_encode_sample_of_a_row_depends_on_its_own_x_and_seed_alone(make_vae, binary):
    model, x, seeds = make_vae(), binary(5), tf.constant([[i, 7] for i in range(5)])
    z = model.encode_sample(x, seeds, num_samples=3)
    order = [3, 1]
    others = model.encode_sample(x[order], tf.gather(seeds, order), num_samples=3)
    assert z.shape == (3, 5, 2)
    np.testing.assert_allclose(tf.gather(z, order, axis=1), others, rtol=1e-5, atol=1e-6)  # float32 rounding


def test_encode_sample_of_equal_rows_differs_by_seed_only(make_vae, binary):
    model, x = make_vae(), np.repeat(binary(1), 3, axis=0)
    z = model.encode_sample(x, tf.constant([[0, 1], [0, 1], [0, 2]]))[0].numpy()
    assert np.array_equal(z[0], z[1]) and np.all(z[0] != z[2])


def test_encode_sample_draws_from_the_posterior(r2):
    seeds = tf.constant([[0, i] for i in range(2000)])
    z = tf.function(r2.encode_sample)(tf.repeat(R2_X, 2000, axis=0), seeds)[0].numpy()
    assert np.all(np.abs(z.mean(0) - R2_MEAN) < 4 * np.sqrt(R2_VARIANCE / 2000))  # four standard errors
    assert np.all(np.abs(z.var(0) / R2_VARIANCE - 1) < 4 * np.sqrt(2 / 2000))


def test_prior_sample_of_a_row_depends_on_its_seed_alone(make_vae):
    model, seeds = make_vae(), tf.constant([[i, 7] for i in range(5)])
    z = model.prior_sample(seeds).numpy()
    assert z.shape == (5, 2) and len(np.unique(z)) == 10
    np.testing.assert_array_equal(model.prior_sample(tf.gather(seeds, [3, 1])), z[[3, 1]])


def test_samples_by_row_seeds_work_for_unknown_and_empty_batches(make_vae, binary):
    model = make_vae()

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([None, 2], "int32")])
    def draw(x, seeds):
        return model.encode_sample(x, seeds, num_samples=3), model.prior_sample(seeds)

    draws = {n: draw(binary(n), tf.ones([n, 2], "int32")) for n in (0, 1, 4)}
    assert all((z.shape, p.shape) == ((3, n, 2), (n, 2)) for n, (z, p) in draws.items())


def test_infer_with_the_same_seed_is_the_same_and_with_another_differs(make_vae, binary):
    model, x = make_vae(), binary(4)
    first, again, other = (model.infer(x, seed=seed).latents[0].sample.numpy() for seed in [(0, 1), (0, 1), (0, 2)])
    assert np.array_equal(first, again) and np.all(first != other)


def test_infer_without_a_seed_takes_the_noise_of_the_training_step(make_vae, binary):
    model, x = make_vae(), binary(4)
    before = model.infer(x).latents[0].sample.numpy()
    np.testing.assert_array_equal(model.infer(x, seed=model.noise_seed(0, 0)).latents[0].sample, before)
    model.step.assign(1)
    assert np.all(model.infer(x).latents[0].sample != before)


def test_r2_has_its_negative_elbo_by_monte_carlo(r2):
    inference = r2.infer(R2_X, num_samples=200_000, seed=(0, 1))
    terms = r2.objective.terms(inference, r2.step.value, training=False)
    error = np.std(inference.likelihood.log_prob(R2_X)) / np.sqrt(200_000)  # about 0.002 nats
    assert error < 0.004 and abs(terms["negative_elbo"] - 3.127347) < 4 * error


def test_r2_never_passes_the_evidence(r2):
    inference = r2.infer(R2_X, num_samples=200_000, seed=(0, 1))
    q, p = inference.latents[0].posterior, inference.latents[0].prior
    z = inference.latents[0].sample
    log_weights = (inference.likelihood.log_prob(R2_X) + p.log_prob(z) - q.log_prob(z)).numpy().astype("float64")
    weights = np.exp(log_weights + 3.116409)  # p(x, z) / (q(z|x) p(x)): its mean is 1
    assert abs(weights.mean() - 1) < 4 * weights.std() / np.sqrt(weights.size) < 0.01  # four standard errors


def test_gradient_of_r2_vanishes_at_the_best_mean_field_posterior(r2):
    with tf.GradientTape() as tape:
        inference = r2.infer(R2_X, num_samples=100_000, seed=(0, 1))
        loss = r2.objective.terms(inference, r2.step.value, training=False)["loss"]
    gradient = tape.gradient(loss, r2.posterior.parameters.bias)
    # Each sample's gradient has a standard deviation below 4 nats (W'W / sigma^2 is at most 7, times stddev 0.4).
    np.testing.assert_allclose(gradient, np.zeros(4), atol=4 * 4 / np.sqrt(100_000))


@pytest.mark.slow
def test_trained_linear_vae_reaches_the_likelihood_of_probabilistic_pca(make_vae, batches):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 2)) @ rng.normal(size=(2, 5)) + 0.3 * rng.normal(size=(512, 5)) + 1
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[::-1]
    sigma2 = eigenvalues[2:].mean()  # Tipping and Bishop, 1999, eq. 8; the likelihood is its eq. 4 at the maximum
    best = -(5 * np.log(2 * np.pi) + np.log(eigenvalues[:2]).sum() + 3 * np.log(sigma2) + 5) / 2
    parts = {
        "encoder": keras.layers.Flatten(),
        "decoder": keras.layers.Identity(),
        "likelihood": Normal(LearnedScale()),
    }
    model = make_vae((5,), **parts)
    rate = keras.optimizers.schedules.CosineDecay(0.02, 4000)
    model.compile(keras.optimizers.Adam(rate))
    data = batches(x.astype("float32"), 128)
    model.fit(data, epochs=1000, verbose=0)
    inference = model.infer(x.astype("float32"), num_samples=500, seed=(0, 1))
    negative_elbo = float(model.objective.terms(inference, model.step.value, training=False)["negative_elbo"])
    assert -best - 0.01 < negative_elbo < -best + 0.03  # standard error 0.003 nats, and the last steps' noise
