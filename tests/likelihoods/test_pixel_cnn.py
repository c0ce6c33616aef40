"""PixelCNN: every pixel sees those before it and no other, and the probabilities of all images add up to one."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, PixelCNN
from tfvae.networks import MLP, ConvDecoder
from tfvae.posteriors import DiagonalNormal

EVENT = (2, 3, 1)
GRID = (2, 3, 4)  # features for each pixel, as a convolutional decoder ends with

any_features = pytest.mark.parametrize("features_shape", [(5,), GRID, (3, 2, 4)], ids=["vector", "grid", "other grid"])


@pytest.fixture
def build():
    """Makes a PixelCNN on features [5] whose weights are all at random."""

    def make(event_shape=EVENT, features_shape=(5,), **sizes):
        likelihood = PixelCNN(**{"filters": 4, "num_layers": 2, "kernel_size": 3, **sizes})
        likelihood.build((None, *features_shape), event_shape)
        for number, weight in enumerate(likelihood.trainable_weights):
            weight.assign(0.7 * tf.random.stateless_normal(weight.shape, (1, number)))
        return likelihood

    return make


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


def depends_on_features(likelihood, features):
    """Whether each logit depends on each of the positions of features [1, ..., F]: [6, positions]."""
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = likelihood.logits(tf.zeros([1, *EVENT]), likelihood.of_features(features))
    jacobian = tf.reshape(tape.jacobian(logits, features), [6, -1, features.shape[-1]])
    return np.any(jacobian.numpy() != 0, axis=-1)


def all_images():
    return np.array(list(itertools.product([0, 1], repeat=6)), "float32").reshape(-1, *EVENT)


@any_features
def test_probabilities_of_all_images_add_up_to_one(build, features_shape):
    log_prob = build(features_shape=features_shape)(normal(2, *features_shape)).log_prob(all_images()[:, None])
    np.testing.assert_allclose(np.exp(log_prob).sum(0), 1, rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize("event_shape", [(4, 5, 1), (3, 4, 2)])
def test_a_pixel_depends_on_pixels_before_it_alone(build, event_shape):
    likelihood, x = build(event_shape, kernel_size=5), normal(1, *event_shape)
    given = likelihood.of_features(normal(1, 5))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = likelihood.logits(x, given)
    pixels = event_shape[0] * event_shape[1]
    jacobian = tf.reshape(tape.jacobian(logits, x), [pixels, event_shape[2], pixels, event_shape[2]])
    depends = np.any(jacobian.numpy() != 0, axis=(1, 3))
    assert not np.any(np.triu(depends)) and depends[1, 0] and depends[event_shape[1], 0]


def test_the_first_layer_has_mask_a_and_the_others_mask_b(build):
    first, *hidden = [layer.mask[:, :, 0, 0].tolist() for layer in (build().first, *build().hidden)]
    assert first == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert hidden == 2 * [[[1, 1, 1], [1, 1, 0], [0, 0, 0]]]


def test_every_pixel_depends_on_the_features(build):
    assert np.all(depends_on_features(build(filters=32), normal(1, 5)))  # some of 32 are above zero at every pixel


def test_features_of_a_pixel_reach_that_pixel_and_those_after_it(build):
    depends = depends_on_features(build(features_shape=GRID, filters=32), normal(1, *GRID))
    assert not np.any(np.triu(depends, 1)) and np.all(np.diag(depends))


@pytest.mark.parametrize("row", [0, 1])
def test_sampler_draws_images_as_often_as_their_probability_says(build, row):
    p = build()(normal(2, 5))
    draws = p.sample(20_000, seed=(0, 1))[:, row].numpy().reshape(-1, 6)
    counts = np.bincount((draws @ 2 ** np.arange(5, -1, -1)).astype(int), minlength=64)
    expected = 20_000 * np.exp(p.log_prob(all_images()[:, None])[:, row].numpy().astype("float64"))
    usual = expected > 5
    chi_square = np.sum((counts[usual] - expected[usual]) ** 2 / expected[usual])
    degrees = usual.sum() - 1
    assert abs(chi_square - degrees) < 4 * np.sqrt(2 * degrees)  # four standard errors


def test_equal_rows_are_drawn_independently(build):
    likelihood = build()
    likelihood.to_logits.set_weights([0.1 * weight for weight in likelihood.to_logits.get_weights()])  # none is certain
    draws = likelihood(tf.repeat(normal(1, 5), 2, axis=0)).sample(20_000, seed=(0, 1)).numpy().reshape(-1, 2, 6)
    correlation = np.corrcoef(draws[:, 0].T, draws[:, 1].T)[:6, 6:]
    assert np.all(np.abs(correlation) < 4.5 / np.sqrt(20_000))  # standard errors, of 36 entries


def test_mean_of_a_row_does_not_depend_on_the_others(build):
    likelihood, features = build(), normal(3, 2, 5)
    alone = [[likelihood(features[s, b]).mean() for b in range(2)] for s in range(3)]
    np.testing.assert_allclose(likelihood(features).mean(), alone, rtol=1e-5)  # float32 rounding


def test_mean_is_the_probability_after_the_likeliest_pixels(build):
    likelihood, features = build(), normal(64, 5)  # so many that some probabilities lie close to 1/2
    x = np.zeros((64, *EVENT), "float32")
    expected = np.zeros_like(x)
    for row, column in itertools.product(range(2), range(3)):
        logits = likelihood.logits(tf.constant(x), likelihood.of_features(features))
        expected[:, row, column] = tf.sigmoid(logits)[:, row, column]
        x[:, row, column] = expected[:, row, column] > 0.5
    np.testing.assert_allclose(likelihood(features).mean(), expected, rtol=1e-5)  # float32 rounding


def test_log_prob_of_samples_is_that_of_each_alone(build):
    likelihood, features, x = build(), normal(3, 2, 5), tf.cast(normal(2, *EVENT) > 0, "float32")
    together = likelihood(features).log_prob(x)
    alone = [[likelihood(features[s, b][None]).log_prob(x[b][None])[0] for b in range(2)] for s in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)  # float32 rounding


def test_without_convolutions_over_x_it_is_a_bernoulli_likelihood(build):
    pixel_cnn, bernoulli = build(num_layers=1), Bernoulli()
    for layer in (pixel_cnn.first, *pixel_cnn.hidden):
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    features, x = normal(3, 5), tf.cast(normal(3, *EVENT) > 0, "float32")
    bernoulli.build((None, 2, 3, 4), EVENT)  # features on the image's grid are mapped pixel by pixel
    bernoulli.logits.linear.set_weights(pixel_cnn.to_logits.get_weights())
    kernel, bias = pixel_cnn.of_features.get_weights()
    p, expected = pixel_cnn(features), bernoulli(tf.nn.relu(tf.reshape(features @ kernel + bias, [3, 2, 3, 4])))
    for found, value in ((p.log_prob(x), expected.log_prob(x)), (p.mean(), expected.mean())):
        np.testing.assert_allclose(found, value, rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"filters": 0}, "`filters` must be a positive integer. Received: filters=0"),
        ({"num_layers": 1.5}, "`num_layers` must be a positive integer"),
        ({"kernel_size": 4}, "`kernel_size` must be odd and at least 3. Received: kernel_size=4"),
        ({"kernel_size": 1}, "`kernel_size` must be odd and at least 3. Received: kernel_size=1"),
    ],
)
def test_wrong_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        PixelCNN(**{"filters": 4, **sizes})


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"`PixelCNN` needs images \[H, W, C\]"):
        PixelCNN(4).build((None, 5), (6,))


def test_a_vae_with_it_learns(make_vae, binary, batches):
    model = make_vae((4, 4, 1), likelihood=PixelCNN(8, num_layers=1, kernel_size=3))
    model.compile("adam")
    x = np.repeat(binary(2, (4, 4, 1)), 64, axis=0)
    losses = model.fit(batches(x, 32), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("decoder", [lambda: MLP([5]), lambda: ConvDecoder((4,), 5)], ids=["vector", "grid"])
def test_survives_a_keras_file(make_vae, reload, decoder):
    model = make_vae((4, 6, 2), decoder=decoder(), likelihood=PixelCNN(4, num_layers=2, kernel_size=3))
    loaded, z, x = reload(model), normal(2, 3, 2), tf.ones([3, 4, 6, 2])
    np.testing.assert_array_equal(loaded.decode(z).log_prob(x), model.decode(z).log_prob(x))
    np.testing.assert_array_equal(loaded.sample(3, (0, 1)), model.sample(3, (0, 1)))
    assert len(loaded.likelihood.get_weights()) == len(model.likelihood.get_weights()) == 10


def test_marginal_of_a_vae_adds_up_to_one_and_its_elbo_stays_below(make_vae, batches):
    model, x, num_samples = make_vae(EVENT, posterior=DiagonalNormal(1), likelihood=PixelCNN(4)), all_images(), 4000
    model.compile("adam")
    model.fit(batches(x, 32), epochs=1, verbose=0)  # two steps
    z, step = tf.linspace(-10.0, 10.0, 2001)[:, None, None], 0.01
    log_joint = (model.decode(z).log_prob(x) + model.p_z().log_prob(z)).numpy().astype("float64")
    log_p = np.log(step * np.exp(log_joint).sum(0))
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)  # float32 rounding
    log_q = model.encode(x).log_prob(z).numpy().astype("float64")
    elbo = step * (np.exp(log_q) * (log_joint - log_q)).sum(0)
    assert np.all(elbo < log_p)
    inference = model.infer(x, num_samples, seed=(0, 1))
    (latent,) = inference.latents
    rate = latent.posterior.log_prob(latent.sample) - latent.prior.log_prob(latent.sample)
    draws = (inference.likelihood.log_prob(x) - rate).numpy().astype("float64")
    assert np.all(np.abs(draws.mean(0) - elbo) < 4.5 * draws.std(0) / np.sqrt(num_samples))  # standard errors


def test_samples_of_an_exported_vae_depend_on_their_row_alone(make_vae, tmp_path):
    model = make_vae(EVENT, likelihood=PixelCNN(4))
    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = [tf.TensorSpec([None, 2]), tf.TensorSpec([None, 2], "int32")]
    archive.add_endpoint("draw", lambda z, seeds: model.decode_sample(z, seeds), specs)
    archive.write_out(str(tmp_path), verbose=False)
    served = tf.saved_model.load(str(tmp_path))
    z, seeds = normal(8, 2), tf.reshape(tf.range(16), [8, 2])
    together = served.draw(z, seeds)
    np.testing.assert_array_equal(together, model.decode_sample(z, seeds))
    np.testing.assert_array_equal(together[5:6], served.draw(z[5:6], seeds[5:6]))
    assert len(np.unique(together, axis=0)) > 1


def test_densities_are_float32_under_mixed_precision(build):
    exact, features, x = build(), normal(3, 2, 5), tf.cast(normal(2, *EVENT) > 0, "float32")
    features = tf.cast(tf.cast(features, "bfloat16"), "float32")  # as a decoder leaves them
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        p = build()(features)
        found = p.log_prob(x), p.mean(), p.sample(seed=(0, 1))
    finally:
        keras.config.set_dtype_policy("float32")
    p = exact(features)
    for value, expected in zip(found, (p.log_prob(x), p.mean(), p.sample(seed=(0, 1))), strict=True):
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-6)  # nothing is rounded to bfloat16


@any_features
def test_every_weight_has_a_gradient(build, weights_without_gradient, features_shape):
    likelihood, x = build(features_shape=features_shape), tf.cast(normal(2, *EVENT) > 0, "float32")
    features = normal(3, 2, *features_shape)
    assert weights_without_gradient(likelihood, lambda: tf.reduce_sum(likelihood(features).log_prob(x))) == []


@any_features
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
def test_graph_with_free_samples_and_batch_equals_eager(build, jit_compile, features_shape):
    likelihood, x = build(features_shape=features_shape), tf.cast(normal(2, *EVENT) > 0, "float32")
    features = normal(3, 2, *features_shape)
    specs = [tf.TensorSpec([None, None, *features_shape]), tf.TensorSpec([None, *EVENT])]

    @tf.function(input_signature=specs, jit_compile=jit_compile)
    def evaluate(features, x):
        p = likelihood(features)
        return p.log_prob(x), p.mean(), p.sample(seed=(0, 1))

    found, expected = evaluate(features, x), evaluate.python_function(features, x)
    for value, eager in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(value, eager, rtol=1e-4, atol=1e-5)  # float32 rounding
    assert found[2].shape == expected[2].shape  # XLA draws other numbers
    if not jit_compile:
        np.testing.assert_array_equal(found[2], expected[2])
