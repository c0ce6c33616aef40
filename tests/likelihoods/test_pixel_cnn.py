"""PixelCNN: every pixel sees those before it and no other, and the probabilities of all images add up to one."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, PixelCNN

EVENT = (2, 3, 1)


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


def all_images():
    return np.array(list(itertools.product([0, 1], repeat=6)), "float32").reshape(-1, *EVENT)


def test_probabilities_of_all_images_add_up_to_one(build):
    log_prob = build()(normal(2, 5)).log_prob(all_images()[:, None])
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


def test_every_pixel_depends_on_the_features(build):
    likelihood, features = build(filters=32), normal(1, 5)  # some of so many are above zero at every pixel
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = likelihood.logits(tf.zeros([1, *EVENT]), likelihood.of_features(features))
    assert np.all(np.any(tape.jacobian(logits, features).numpy() != 0, axis=-1))


def test_sampler_draws_images_as_often_as_their_probability_says(build):
    p = build()(normal(1, 5))
    draws = p.sample(20_000, seed=(0, 1)).numpy().reshape(-1, 6)
    counts = np.bincount((draws @ 2 ** np.arange(5, -1, -1)).astype(int), minlength=64)
    expected = 20_000 * np.exp(p.log_prob(all_images()[:, None])[:, 0].numpy().astype("float64"))
    usual = expected > 5
    chi_square = np.sum((counts[usual] - expected[usual]) ** 2 / expected[usual])
    degrees = usual.sum() - 1
    assert abs(chi_square - degrees) < 4 * np.sqrt(2 * degrees)  # four standard errors


def test_mean_is_the_probability_after_the_likeliest_pixels(build):
    likelihood, features = build(), normal(1, 5)
    x = np.zeros((1, *EVENT), "float32")
    expected = np.zeros_like(x)
    for row, column in itertools.product(range(2), range(3)):
        logits = likelihood.logits(tf.constant(x), likelihood.of_features(features))
        expected[0, row, column] = tf.sigmoid(logits)[0, row, column]
        x[0, row, column] = expected[0, row, column] > 0.5
    np.testing.assert_allclose(likelihood(features).mean(), expected, rtol=1e-5)  # float32 rounding


def test_log_prob_of_samples_is_that_of_each_alone(build):
    likelihood, features, x = build(), normal(3, 2, 5), tf.cast(normal(2, *EVENT) > 0, "float32")
    together = likelihood(features).log_prob(x)
    alone = [[likelihood(features[s, b][None]).log_prob(x[b][None])[0] for b in range(2)] for s in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)  # float32 rounding


def test_without_convolutions_over_x_it_is_a_bernoulli_likelihood(build):
    pixel_cnn, bernoulli = build(num_layers=1), Bernoulli()
    for layer in (pixel_cnn.first, *pixel_cnn.hidden):
        layer.kernel.assign(tf.zeros_like(layer.kernel))
    features, x = normal(3, 5), tf.cast(normal(3, *EVENT) > 0, "float32")
    bernoulli.build((None, 2, 3, 1), EVENT)  # features on the image's grid are mapped pixel by pixel
    bernoulli.logits.linear.set_weights([np.ones((1, 1)), np.zeros(1)])
    logits = pixel_cnn.logits(tf.zeros([3, *EVENT]), pixel_cnn.of_features(features))
    np.testing.assert_allclose(pixel_cnn(features).log_prob(x), bernoulli(logits).log_prob(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"filters": 0}, "`filters` must be a positive integer. Received: filters=0"),
        ({"num_layers": 1.5}, "`num_layers` must be a positive integer"),
        ({"kernel_size": 4}, "`kernel_size` must be odd. Received: kernel_size=4"),
    ],
)
def test_wrong_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        PixelCNN(**{"filters": 4, **sizes})


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"`PixelCNN` needs images \[H, W, C\]"):
        PixelCNN(4).build((None, 5), (6,))


def test_a_vae_with_it_learns_and_survives_a_keras_file(make_vae, binary, batches, reload):
    model = make_vae((4, 4, 1), likelihood=PixelCNN(8, num_layers=1, kernel_size=3))
    model.compile("adam")
    x = np.repeat(binary(2, (4, 4, 1)), 64, axis=0)
    losses = model.fit(batches(x, 32), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.sample(3, (0, 1)), model.sample(3, (0, 1)))


def test_every_weight_has_a_gradient(build, weights_without_gradient):
    likelihood, features, x = build(), normal(3, 2, 5), tf.cast(normal(2, *EVENT) > 0, "float32")
    assert weights_without_gradient(likelihood, lambda: tf.reduce_sum(likelihood(features).log_prob(x))) == []


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_with_free_samples_and_batch_equals_eager(build, jit_compile):
    likelihood, features, x = build(), normal(3, 2, 5), tf.cast(normal(2, *EVENT) > 0, "float32")
    specs = [tf.TensorSpec([None, None, 5]), tf.TensorSpec([None, *EVENT])]

    @tf.function(input_signature=specs, jit_compile=jit_compile)
    def evaluate(features, x):
        p = likelihood(features)
        return p.log_prob(x), p.mean()

    eager = likelihood(features).log_prob(x), likelihood(features).mean()
    for found, expected in zip(evaluate(features, x), eager, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)  # float32 rounding
