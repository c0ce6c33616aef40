"""OptimalScale: the loss at the optimum, its gradient, and the average that evaluation and serving use."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import FixedScale, Laplace, Normal, OptimalScale

FAMILIES = [(Normal, lambda e: np.sqrt(np.mean(e**2))), (Laplace, lambda e: np.mean(np.abs(e)))]
D = 6  # elements of an example

families = pytest.mark.parametrize(("family", "optimum"), FAMILIES, ids=["Normal", "Laplace"])


@pytest.fixture
def example(built, normals):
    """Builds a likelihood with an optimal scale, and features [2, 3, 5], x [3, 6] and errors [2, 3, 6] for it."""

    def build(family):
        likelihood, features, x = built(family(OptimalScale())), normals(2, 3, 5), normals(3, D) + 1.0
        return likelihood, features, x, (x - likelihood.mean(features)).numpy().astype("float64")

    return build


@pytest.fixture
def zero_mean(built):
    """Builds a likelihood with an optimal scale whose mean is 0, so that x is the error."""

    def build(family):
        likelihood = built(family(OptimalScale()), event_shape=(2,))
        for weight in likelihood.trainable_weights:
            weight.assign(tf.zeros_like(weight))
        return likelihood

    return build


def stored(likelihood, features_size=5):
    """The scale that evaluation takes."""
    return float(likelihood(tf.ones([1, 2, features_size])).distribution.scale)


def loss_of(p, x):
    return -tf.reduce_mean(p.log_prob(x))


def test_normal_loss_is_that_of_the_mean_squared_error(example):
    likelihood, features, x, errors = example(Normal)
    expected = D / 2 * (np.log(2 * np.pi * np.mean(errors**2)) + 1)
    assert float(loss_of(likelihood(features, x=x, training=True), x)) == pytest.approx(expected, rel=1e-6)  # float32


def test_laplace_loss_is_that_of_the_mean_absolute_error(example):
    likelihood, features, x, errors = example(Laplace)
    expected = D * (np.log(2 * np.mean(np.abs(errors))) + 1)
    assert float(loss_of(likelihood(features, x=x, training=True), x)) == pytest.approx(expected, rel=1e-6)  # float32


@families
def test_no_other_scale_has_a_lower_loss(family, optimum, example, built):
    likelihood, features, x, errors = example(family)
    lowest = float(loss_of(likelihood(features, x=x, training=True), x))
    for factor in (0.9, 0.99, 1.01, 1.1):
        other = built(family(FixedScale(factor * float(optimum(errors)))))
        other.set_weights(likelihood.get_weights()[:2])
        assert float(loss_of(other(features), x)) > lowest + 1e-5  # 1 % off costs 6 or 3 times 1e-4


def test_gradient_is_that_of_the_profile_likelihood(example, gradients_of):
    likelihood, features, x, _ = example(Normal)
    profile = lambda: D / 2 * tf.math.log(tf.reduce_mean((x - likelihood.mean(features)) ** 2))  # noqa: E731
    ours = gradients_of(likelihood, lambda: loss_of(likelihood(features, x=x, training=True), x))
    for path, gradient in gradients_of(likelihood, profile).items():
        np.testing.assert_allclose(ours[path], gradient, rtol=1e-4, atol=1e-6)  # float32: terms that cancel


@families
def test_gradient_is_that_at_a_fixed_scale_of_the_same_value(family, optimum, example, built, gradients_of):
    likelihood, features, x, errors = example(family)
    ours = gradients_of(likelihood, lambda: loss_of(likelihood(features, x=x, training=True), x))
    fixed = built(family(FixedScale(float(optimum(errors)))))
    fixed.set_weights(likelihood.get_weights()[:2])
    expected = gradients_of(fixed, lambda: loss_of(fixed(features), x))
    for gradient, other in zip(ours.values(), expected.values(), strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-6)  # float32: terms that cancel


def test_gradient_is_that_of_the_loss_where_samples_have_unequal_weights(example, gradients_of):
    likelihood, features, x, _ = example(Normal)
    bias, step = likelihood.trainable_weights[1], 0.01 * tf.one_hot(2, D)

    def loss():
        log_prob = likelihood(features, x=x, training=True).log_prob(x)
        return -tf.reduce_mean(tf.reduce_logsumexp(log_prob, axis=0))  # as in an importance-weighted bound

    gradient = gradients_of(likelihood, loss)[bias.path][2]
    bias.assign_add(step)
    above = loss()
    bias.assign_sub(2 * step)
    slope = float(above - loss()) / 0.02
    # float32: 1e-6 of a loss of 9 by 0.02 is 5e-4; without the gradient through sigma it would be another number.
    assert float(gradient) == pytest.approx(slope, abs=5e-4)


@families
def test_scale_of_known_errors(family, optimum, zero_mean):
    likelihood, x = zero_mean(family), np.array([[0.1, -0.2], [0.4, 0.7]], "float32")  # and so the errors are x
    p = likelihood(tf.ones([1, 2, 5]), x=x, training=True)
    assert float(p.distribution.scale) == pytest.approx(optimum(x), rel=1e-6)  # float32 rounding


@families
def test_scale_is_one_before_training(family, optimum, zero_mean):
    assert stored(zero_mean(family)) == 1


@families
def test_scale_never_falls_below_one_grey_level(family, optimum, zero_mean):
    likelihood, x = zero_mean(family), tf.zeros([2, 2])
    with tf.GradientTape() as tape:
        p = likelihood(tf.ones([1, 2, 5]), x=x, training=True)
        log_prob = p.log_prob(x)
    assert float(p.distribution.scale) == stored(likelihood) == pytest.approx(1 / 255, rel=1e-6)  # float32 rounding
    assert all(np.all(np.isfinite(g)) for g in tape.gradient(log_prob, likelihood.trainable_weights))


@families
def test_stored_scale_is_the_average_over_batches_corrected_for_its_start(family, optimum, zero_mean):
    likelihood, sizes = zero_mean(family), [0.5, 0.1, 0.2, 0.4]
    observe = tf.function(lambda x: likelihood(tf.ones([1, 2, 5]), x=x, training=True).mean())
    for size in sizes:
        observe(tf.fill([2, 2], size))
    moments = np.array(sizes) ** likelihood.order
    weights = 0.99 ** np.arange(len(sizes))[::-1]
    expected = np.average(moments, weights=weights) ** (1 / likelihood.order)
    assert stored(likelihood) == pytest.approx(expected, rel=1e-6)  # float32 rounding


def test_first_batch_alone_is_stored_whole(zero_mean):
    likelihood = zero_mean(Normal)
    likelihood(tf.ones([1, 2, 5]), x=tf.fill([2, 2], 0.25), training=True)
    assert stored(likelihood) == pytest.approx(0.25, rel=1e-6)  # float32 rounding


@pytest.mark.parametrize("offered", [{}, {"training": True}, {"x": tf.fill([2, 2], 0.5)}], ids=["", "training", "x"])
def test_evaluation_neither_looks_at_x_nor_moves_the_stored_scale(offered, zero_mean):
    likelihood = zero_mean(Normal)
    likelihood(tf.ones([1, 2, 5]), x=tf.fill([2, 2], 0.25), training=True)
    before = likelihood.get_weights()
    p = likelihood(tf.ones([1, 2, 5]), **offered)
    assert float(p.distribution.scale) == pytest.approx(0.25, rel=1e-6)  # float32 rounding
    np.testing.assert_array_equal(
        np.concatenate([w.ravel() for w in likelihood.get_weights()]), np.concatenate([w.ravel() for w in before])
    )


def test_stored_scale_is_saved_but_not_trained(make_vae, reload, normals):
    model, z = make_vae(likelihood=Normal(OptimalScale())), normals(2, 3, 2)
    model.decode(z, training=True, x=normals(3, 6))
    loaded = reload(model)
    assert float(loaded.decode(z).distribution.scale) == float(model.decode(z).distribution.scale) != 1
    assert [w.name for w in model.likelihood.non_trainable_weights] == ["moment", "total"]
    assert float(loaded.likelihood.scale.total) == 1


def test_training_of_a_model_sets_the_stored_scale_to_its_error(make_vae, batches, normals):
    model, x = make_vae(likelihood=Normal(OptimalScale())), normals(32, 6).numpy() * 0.1
    model.compile("adam")
    model.fit(batches(x, 32).repeat(300), verbose=0)
    error = np.sqrt(np.mean((x - model.infer(x, 20).likelihood.mean()) ** 2))
    # The average lags 100 steps of 300 behind, while the error falls slowly from about 0.1.
    assert stored(model.likelihood, 16) == pytest.approx(error, rel=0.1)
