"""Conformance of the likelihoods: shapes, gradients, graphs, precision, files, samples and what each refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import DataError
from tfvae.likelihoods import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    FixedScale,
    Laplace,
    LearnedScale,
    MixtureOfDiscretizedLogistics,
    Normal,
    OptimalScale,
    PixelScale,
)
from tfvae.networks import MLP, ConvDecoder
from tfvae.offers import accepted

LIKELIHOODS = [
    Bernoulli,
    ContinuousBernoulli,
    pytest.param(lambda: Categorical(4), id="Categorical"),
    DiscretizedLogistic,
    pytest.param(lambda: MixtureOfDiscretizedLogistics(3, num_levels=4), id="MixtureOfDiscretizedLogistics"),
    pytest.param(lambda: Normal(0.3), id="Normal-number"),
    pytest.param(lambda: Normal(FixedScale(0.3)), id="Normal-FixedScale"),
    pytest.param(lambda: Normal(LearnedScale()), id="Normal-LearnedScale"),
    pytest.param(lambda: Normal(PixelScale()), id="Normal-PixelScale"),
    pytest.param(lambda: Normal(OptimalScale()), id="Normal-OptimalScale"),
    pytest.param(lambda: Laplace(0.3), id="Laplace-number"),
    pytest.param(lambda: Laplace(PixelScale()), id="Laplace-PixelScale"),
    pytest.param(lambda: Laplace(OptimalScale()), id="Laplace-OptimalScale"),
]
FEATURES_AND_EVENTS = [
    ((5,), (6,)),
    ((5,), (9, 7, 1)),
    ((9, 7, 4), (9, 7, 3)),
    ((5, 4, 4), (9, 7, 3)),
    ((3, 2, 4), (9, 7, 1)),
]
LEVELS = [lambda: Categorical(4), lambda: DiscretizedLogistic(4), lambda: MixtureOfDiscretizedLogistics(2, 4)]

likelihoods = pytest.mark.parametrize("make", LIKELIHOODS)
shapes = pytest.mark.parametrize(("features_shape", "event_shape"), FEATURES_AND_EVENTS, ids=str)
on_levels = pytest.mark.parametrize("make", LEVELS, ids=["Categorical", "single", "mixture"])


def in_training(likelihood, x):
    """What a model offers in training, for a likelihood that asks for it."""
    return accepted(likelihood.call, x=x, training=True)


@likelihoods
@shapes
def test_shapes_for_any_number_of_samples_and_examples(make, features_shape, event_shape, built, normals):
    likelihood = built(make(), features_shape, event_shape)

    @tf.function(input_signature=[tf.TensorSpec([None, None, *features_shape]), tf.TensorSpec([None, *event_shape])])
    def evaluate(features, x):
        p = likelihood(features)
        return p.log_prob(x), p.mean(), p.sample(seed=(0, 1))

    for s, b in [(1, 1), (4, 3), (2, 0)]:
        log_prob, mean, sample = evaluate(normals(s, b, *features_shape), tf.ones([b, *event_shape]))
        assert (log_prob.shape, mean.shape, sample.shape) == ((s, b), (s, b, *event_shape), (s, b, *event_shape))


@likelihoods
def test_features_need_no_axis_of_samples(make, built, normals):
    likelihood, features = built(make()), normals(3, 5)
    p = likelihood(features)
    assert (p.log_prob(tf.ones([3, 6])).shape, p.mean().shape, p.sample(seed=(0, 1)).shape) == ((3,), (3, 6), (3, 6))
    np.testing.assert_allclose(p.mean(), likelihood(features[None]).mean()[0], rtol=1e-5)  # float32 rounding


@likelihoods
@shapes
def test_every_weight_has_a_gradient(make, features_shape, event_shape, weights_without_gradient, built, normals):
    likelihood, features = built(make(), features_shape, event_shape), normals(2, 3, *features_shape)
    x = tf.cast(normals(3, *event_shape) > 0, "float32")
    loss = lambda: -tf.reduce_mean(likelihood(features, **in_training(likelihood, x)).log_prob(x))  # noqa: E731
    assert weights_without_gradient(likelihood, loss) == []


@likelihoods
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
def test_eager_equals_compiled(make, jit_compile, built, normals):
    likelihood, features, x = built(make()), normals(2, 3, 5), tf.ones([3, 6])

    def evaluate(features):
        p = likelihood(features)
        trained = likelihood(features, **in_training(likelihood, x))
        return p.log_prob(x), p.mean(), trained.log_prob(x)

    weights = likelihood.get_weights()
    compiled = tf.function(evaluate, jit_compile=jit_compile)(features)
    likelihood.set_weights(weights)  # a stored scale moved
    for value, expected in zip(compiled, evaluate(features), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)  # float32 rounding


@likelihoods
@pytest.mark.parametrize("decoder", [lambda: MLP([5]), lambda: ConvDecoder((4,), 5)], ids=["vector", "grid"])
def test_survives_a_keras_file(make, decoder, make_vae, reload, normals):
    model, z, x = make_vae((9, 7, 1), likelihood=make(), decoder=decoder()), normals(2, 3, 2), tf.ones([3, 9, 7, 1])
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.decode(z).log_prob(x), model.decode(z).log_prob(x))
    assert len(loaded.likelihood.get_weights()) == len(model.likelihood.get_weights()) > 0


@likelihoods
def test_value_of_an_example_does_not_depend_on_its_batch(make, built, normals):
    likelihood, features = built(make()), normals(2, 3, 5)
    alone = likelihood(features[1:, 2:]).log_prob(tf.ones([1, 6]))[0, 0]
    np.testing.assert_allclose(likelihood(features).log_prob(tf.ones([3, 6]))[1, 2], alone, rtol=1e-5)  # float32


@likelihoods
def test_densities_are_float32_under_mixed_precision(make, built, normals):
    features, x = normals(2, 3, 5), tf.fill([3, 6], 1 / 3)
    exact = built(make())
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = built(make())
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(exact.get_weights())
    features = tf.cast(tf.cast(features, "bfloat16"), "float32")  # as a decoder leaves them
    p, expected = [likelihood(features, **in_training(likelihood, x)) for likelihood in (mixed, exact)]
    assert (p.log_prob(x).dtype, p.mean().dtype, p.sample(seed=(0, 1)).dtype) == ("float32",) * 3
    np.testing.assert_allclose(p.log_prob(x), expected.log_prob(x), rtol=1e-6)  # x and the sums are not rounded


@likelihoods
@pytest.mark.parametrize("size", [1e2, 1e4])
@pytest.mark.parametrize("pixel", [0.0, 1 / 3, 1.0])
def test_extreme_features_leave_value_and_gradient_finite(make, size, pixel, built, normals):
    likelihood, features = built(make()), size * normals(2, 3, 5)
    x = tf.fill([3, 6], tf.round(pixel) if likelihood.binary else pixel)
    with tf.GradientTape() as tape:
        p = likelihood(features)
        log_prob = p.log_prob(x)
    gradients = tape.gradient(log_prob, likelihood.trainable_weights)
    for values in (log_prob, p.mean(), p.sample(seed=(0, 1)), *gradients):
        assert np.all(np.isfinite(values))


@likelihoods
def test_mean_is_that_of_the_samples(make, built, normals):
    p, num_draws = built(make())(normals(1, 3, 5)), 20000
    draws = p.sample(num_draws, seed=(0, 1)).numpy().astype("float64")
    # 4.5 standard errors: one of 18 means lies beyond in 1 of 8000 runs; 1e-5 for float32.
    tolerance = 4.5 * draws.std(0) / np.sqrt(num_draws) + 1e-5
    assert np.all(np.abs(draws.mean(0) - p.mean()) < tolerance)


@likelihoods
def test_samples_have_a_finite_log_probability(make, built, normals):
    p = built(make())(normals(1, 3, 5))
    assert np.all(np.isfinite(p.log_prob(p.sample(1000, seed=(0, 1)))))


def test_a_grid_of_the_image_size_is_mapped_pixel_by_pixel(built, normals):
    for likelihood in (Bernoulli(), Categorical(4)):
        built(likelihood, (3, 3, 2), (3, 3, 1))
        features = normals(1, 1, 3, 3, 2)
        changed = tf.tensor_scatter_nd_add(features, [[0, 0, 1, 2, 0]], [1.0])
        difference = likelihood(changed).mean() - likelihood(features).mean()
        assert np.argwhere(difference.numpy()[0, 0, ..., 0]).tolist() == [[1, 2]]


def test_bernoulli_refuses_grey_values_and_names_the_remedy():
    with pytest.raises(DataError, match=r"`Bernoulli` is a likelihood of binary images.*`binarize`.*`Normal`"):
        Bernoulli().check(tf.constant([[0.0, 0.5]]))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_continuous_bernoulli_refuses_values_beyond_its_interval(wrong):
    with pytest.raises(DataError, match="`ContinuousBernoulli` is a likelihood of values from 0 to 1"):
        ContinuousBernoulli().check(tf.constant([[0.5, wrong]]))


@on_levels
@pytest.mark.parametrize("wrong", [0.5, 0.99, -1 / 3, 4 / 3, float("nan")])
def test_discrete_likelihoods_refuse_what_is_no_level(make, wrong):
    with pytest.raises(DataError, match=r"is a likelihood of the 4 grey levels 0, 1/3, \.\.\., 1,"):
        make().check(tf.constant([[0.0, wrong]]))


@on_levels
def test_discrete_likelihoods_take_levels_and_binary_images(make):
    assert make().check(tf.constant([0.0, 1 / 3, 2 / 3, 1.0])) is None
    assert make().check(tf.constant([0.0, 1.0])) is None


@pytest.mark.parametrize("num_bits", [8, 16])
def test_rounding_of_levels_to_float32_is_no_fault(num_bits):
    last = 2**num_bits - 1
    assert DiscretizedLogistic(last + 1).check(tf.range(last + 1, dtype="float32") / last) is None


def test_values_that_a_likelihood_takes_pass_the_check():
    assert Bernoulli().check(tf.constant([[0.0, 1.0]])) is None and Normal().check(tf.constant([[0.5]])) is None
    assert ContinuousBernoulli().check(tf.constant([[0.0, 0.5, 1.0]])) is None


def test_probabilities_are_told_from_densities():
    discrete = (Bernoulli, Categorical, DiscretizedLogistic, MixtureOfDiscretizedLogistics)
    continuous = (ContinuousBernoulli, Laplace, Normal)
    assert all(p.discrete for p in discrete) and not any(p.discrete for p in continuous)
    assert [p for p in (*discrete, *continuous) if p.binary] == [Bernoulli]
