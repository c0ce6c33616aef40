"""Conformance of the likelihoods, the sums and formulas of their densities, and the golden Gaussian value."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import DataError
from tfvae.likelihoods import Bernoulli, FixedScale, LearnedScale, Normal, PixelScale
from tfvae.networks import MLP, ConvDecoder

SCALES = [pytest.param(lambda: FixedScale(0.3), id="FixedScale"), LearnedScale, PixelScale]
LIKELIHOODS = [
    Bernoulli,
    pytest.param(lambda: Normal(0.3), id="Normal-number"),
    pytest.param(lambda: Normal(FixedScale(0.3)), id="Normal-FixedScale"),
    pytest.param(lambda: Normal(LearnedScale()), id="Normal-LearnedScale"),
    pytest.param(lambda: Normal(PixelScale()), id="Normal-PixelScale"),
]
FEATURES_AND_EVENTS = [((5,), (6,)), ((5,), (9, 7, 1)), ((9, 7, 4), (9, 7, 3)), ((3, 2, 4), (9, 7, 1))]

likelihoods = pytest.mark.parametrize("make", LIKELIHOODS)
scales = pytest.mark.parametrize("make", SCALES)
shapes = pytest.mark.parametrize(("features_shape", "event_shape"), FEATURES_AND_EVENTS, ids=str)


def built(likelihood, features_shape=(5,), event_shape=(6,)):
    likelihood.build((None, *features_shape), event_shape)
    return likelihood


def normals(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


@likelihoods
@shapes
def test_shapes_for_any_number_of_samples_and_examples(make, features_shape, event_shape):
    likelihood = built(make(), features_shape, event_shape)

    @tf.function(input_signature=[tf.TensorSpec([None, None, *features_shape]), tf.TensorSpec([None, *event_shape])])
    def evaluate(features, x):
        p = likelihood(features)
        return p.log_prob(x), p.mean(), p.sample(seed=(0, 1))

    for s, b in [(1, 1), (4, 3), (2, 0)]:
        log_prob, mean, sample = evaluate(normals(s, b, *features_shape), tf.ones([b, *event_shape]))
        assert (log_prob.shape, mean.shape, sample.shape) == ((s, b), (s, b, *event_shape), (s, b, *event_shape))


@likelihoods
@shapes
def test_every_weight_has_a_gradient(make, features_shape, event_shape, weights_without_gradient):
    likelihood, features = built(make(), features_shape, event_shape), normals(2, 3, *features_shape)
    x = tf.cast(normals(3, *event_shape) > 0, "float32")
    loss = lambda: -tf.reduce_mean(likelihood(features).log_prob(x))  # noqa: E731
    assert weights_without_gradient(likelihood, loss) == []


@likelihoods
def test_eager_equals_graph(make):
    likelihood, features = built(make()), normals(2, 3, 5)
    evaluate = lambda h: likelihood(h).log_prob(tf.ones([3, 6]))  # noqa: E731
    np.testing.assert_allclose(tf.function(evaluate)(features), evaluate(features), rtol=1e-5)  # float32 rounding


@likelihoods
@pytest.mark.parametrize("decoder", [lambda: MLP([5]), lambda: ConvDecoder((4,), 5)], ids=["vector", "grid"])
def test_survives_a_keras_file(make, decoder, make_vae, reload):
    model, z, x = make_vae((9, 7, 1), likelihood=make(), decoder=decoder()), normals(2, 3, 2), tf.ones([3, 9, 7, 1])
    loaded = reload(model)
    np.testing.assert_array_equal(loaded.decode(z).log_prob(x), model.decode(z).log_prob(x))
    assert len(loaded.likelihood.get_weights()) == len(model.likelihood.get_weights()) > 0


@likelihoods
def test_value_of_an_example_does_not_depend_on_its_batch(make):
    likelihood, features = built(make()), normals(2, 3, 5)
    alone = likelihood(features[1:, 2:]).log_prob(tf.ones([1, 6]))[0, 0]
    np.testing.assert_allclose(likelihood(features).log_prob(tf.ones([3, 6]))[1, 2], alone, rtol=1e-5)  # float32


def test_a_grid_of_the_image_size_is_mapped_pixel_by_pixel():
    likelihood = built(Bernoulli(), (3, 3, 2), (3, 3, 1))
    features = normals(1, 1, 3, 3, 2)
    changed = tf.tensor_scatter_nd_add(features, [[0, 0, 1, 2, 0]], [1.0])
    difference = likelihood(changed).mean() - likelihood(features).mean()
    assert np.argwhere(difference.numpy()[0, 0, ..., 0]).tolist() == [[1, 2]]


def test_bernoulli_sums_to_one_over_all_images():
    images = np.array(list(itertools.product([0, 1], repeat=3)), "float32")
    probabilities = np.exp(built(Bernoulli(), event_shape=(3,))(normals(1, 1, 5)).log_prob(images))
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)  # float32 rounding


@pytest.mark.parametrize("logit", [100.0, -100.0])
@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_bernoulli_is_finite_and_exact_at_extreme_logits(logit, pixel):
    likelihood = built(Bernoulli(), (1,), (1,))
    likelihood.set_weights([np.array([[logit]]), np.zeros(1)])
    with tf.GradientTape() as tape:
        log_prob = likelihood(tf.ones([1, 1, 1])).log_prob([[pixel]])
    wrong = pixel != (logit > 0)
    gradient = tape.gradient(log_prob, likelihood.trainable_weights[1])
    np.testing.assert_allclose([log_prob[0, 0], gradient[0]], [-100.0 * wrong, -np.sign(logit) * wrong], atol=1e-6)


def test_bernoulli_means_are_probabilities():
    likelihood = built(Bernoulli(), (1,), (2,))
    likelihood.set_weights([np.array([[1.0, -2.0]]), np.array([0.5, 0.0])])
    expected = 1 / (1 + np.exp([-1.5, 2.0]))
    np.testing.assert_allclose(likelihood(tf.ones([1, 1, 1])).mean()[0, 0], expected, rtol=1e-6)  # float32 rounding


@scales
def test_normal_is_its_formula(make):
    likelihood, features, x = built(Normal(make())), normals(2, 3, 5), normals(3, 6)
    mean, sigma = likelihood.mean(features), likelihood.scale(features) * tf.ones([2, 3, 6])
    formula = np.sum(-(((x - mean) / sigma) ** 2) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2, axis=-1)
    np.testing.assert_allclose(likelihood(features).log_prob(x), formula, rtol=1e-5)  # float32 rounding


@scales
def test_normal_integrates_to_one(make):
    likelihood = built(Normal(make()), event_shape=(1,))
    x = np.arange(-30, 30, 0.001).astype("float32")[:, None, None]
    density = np.exp(likelihood(normals(1, 1, 5)).log_prob(x), dtype="float64")
    assert density.sum() * 0.001 == pytest.approx(1, abs=1e-4)  # float32 rounding of the grid


def test_normal_with_zero_error_is_the_golden_value():
    likelihood = built(Normal(1.0), event_shape=(28, 28, 1))
    p = likelihood(normals(1, 1, 5))
    assert -float(p.log_prob(p.mean())[0, 0]) == pytest.approx(720.4478, abs=2e-4)  # float32 rounding


def test_scale_of_a_normal_is_one_unless_given():
    assert float(built(Normal())(normals(1, 1, 5)).stddev()[0, 0, 0]) == 1


@pytest.mark.parametrize("value", [1, 0.25])
def test_number_stands_for_a_fixed_scale(value):
    assert isinstance(Normal(value).scale, FixedScale) and Normal(value).scale.value == value


def test_learned_scale_starts_at_softplus_of_zero_and_one_grey_level():
    likelihood = built(Normal(LearnedScale()))
    assert float(likelihood(normals(1, 1, 5)).stddev()[0, 0, 0]) == pytest.approx(np.log(2) + 1 / 255)


@pytest.mark.parametrize("make", [LearnedScale, PixelScale])
def test_learned_sigma_never_falls_below_one_grey_level(make):
    likelihood = built(Normal(make()))
    likelihood.scale.set_weights([np.full(w.shape, -1e4) for w in likelihood.scale.weights])
    stddev = likelihood(tf.ones([1, 1, 5])).stddev()
    np.testing.assert_allclose(stddev, np.full([1, 1, 6], 1 / 255), rtol=1e-6)  # float32 rounding


def test_pixel_scale_depends_on_the_features_and_learned_scale_does_not():
    spread = [np.ptp(built(Normal(make()))(normals(1, 3, 5)).stddev()) for make in (PixelScale, LearnedScale)]
    assert spread[0] > 0 and spread[1] == 0


@pytest.mark.parametrize("wrong", [0, -1.0, float("inf"), float("nan"), True, None, "learned"], ids=repr)
def test_scale_must_be_a_positive_number_or_a_scale(wrong):
    with pytest.raises(ValueError, match=r"`scale` must be a positive number or a Scale. Received: scale="):
        Normal(wrong)


def test_bernoulli_refuses_grey_values_and_names_the_remedy():
    with pytest.raises(DataError, match=r"`Bernoulli` is a likelihood of binary images.*`binarize`.*`Normal`"):
        Bernoulli().check(tf.constant([[0.0, 0.5]]))


def test_values_that_a_likelihood_takes_pass_the_check():
    assert Bernoulli().check(tf.constant([[0.0, 1.0]])) is None and Normal().check(tf.constant([[0.5]])) is None


def test_bernoulli_is_discrete_and_binary_and_normal_is_neither():
    assert [(p.discrete, p.binary) for p in (Bernoulli, Normal)] == [(True, True), (False, False)]
