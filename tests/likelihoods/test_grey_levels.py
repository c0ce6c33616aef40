"""Categorical and discretised logistic: probabilities of grey levels that sum to one, by their formulas."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfvae.likelihoods import Bernoulli, Categorical, DiscretizedLogistic, MixtureOfDiscretizedLogistics
from tfvae.likelihoods.quantized_logistic import QuantizedLogistic

LEVELS = np.arange(256) / 255
MAKE = [
    pytest.param(lambda: Categorical(256), id="Categorical"),
    DiscretizedLogistic,
    pytest.param(lambda: MixtureOfDiscretizedLogistics(5), id="MixtureOfDiscretizedLogistics"),
]

likelihoods = pytest.mark.parametrize("make", MAKE)


def probabilities(p, levels=LEVELS):
    """p of each level for each element of a distribution without event axes: float64 [levels, ...]."""
    x = levels.astype("float32").reshape(-1, *[1] * len(p.batch_shape))
    return np.exp(p.log_prob(x).numpy().astype("float64"))


def random_parameters(size=2000):
    """Means within [0, 1] and far outside, and scales from 1e-3 to 10."""
    random = np.random.default_rng(0)
    mean = np.concatenate([random.uniform(-0.2, 1.2, size), random.uniform(-20, 20, size)])
    return mean.astype("float32"), np.exp(random.uniform(np.log(1e-3), np.log(10), 2 * size)).astype("float32")


def logistic_probabilities(mean, scale, n=256):
    """Differences of the CDF at the edges, in float64: [n, ...]."""
    edges = (np.arange(1, n) - 0.5) / (n - 1)
    below = scipy.special.expit((edges[:, None] - np.float64(mean)) / np.float64(scale))
    return np.diff(below, axis=0, prepend=0.0, append=1.0)


def test_quantized_logistic_sums_to_one():
    p = QuantizedLogistic(*random_parameters(), 256)
    np.testing.assert_allclose(probabilities(p).sum(0), 1, atol=1e-6)


def test_quantized_logistic_is_a_difference_of_cumulative_probabilities():
    mean, scale = random_parameters()
    expected = logistic_probabilities(mean, scale)
    # float32 rounds a mean of up to 300 levels by 1.5e-5, which is 6e-5 of the narrowest scale, a quarter of a level.
    np.testing.assert_allclose(probabilities(QuantizedLogistic(mean, scale, 256)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_quantized_logistic_keeps_its_digits_at_wide_scales(scale):
    log_p = np.log(probabilities(QuantizedLogistic(0.4, scale, 256)))
    expected = np.log(logistic_probabilities([0.4], scale)[:, 0])
    np.testing.assert_allclose(log_p, expected, atol=3e-6)  # float32 rounding of values up to 9


@pytest.mark.parametrize(("mean", "scale"), [(-1e4, 1e-3), (1e4, 1e-3), (0.5, 4e-4), (0.5, 1e6)])
def test_quantized_logistic_is_finite_in_far_tails(mean, scale):
    parameters = tf.constant([mean, scale])
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        log_p = QuantizedLogistic(parameters[0], parameters[1], 256).log_prob(LEVELS.astype("float32"))
    assert np.all(np.isfinite(log_p)) and np.all(np.isfinite(tape.gradient(log_p, parameters)))


def test_tail_of_quantized_logistic_falls_by_one_nat_a_scale():
    p = QuantizedLogistic(-10.0, 0.01, 256)
    expected = -(LEVELS[[10, 200]] + 10) / 0.01 + np.log(2 * np.sinh(100 / 510))  # sinh: the integral over a step
    np.testing.assert_allclose(p.log_prob(LEVELS[[10, 200]].astype("float32")), expected, rtol=1e-6)  # float32 rounding


def test_ends_have_all_that_lies_beyond():
    p = QuantizedLogistic([-3.0, 0.5, 4.0], [0.1, 10.0, 0.1], 256)
    expected = scipy.special.expit([(0.5 / 255 + 3) / 0.1, (0.5 / 255 - 0.5) / 10, (0.5 / 255 - 4) / 0.1])
    np.testing.assert_allclose(probabilities(p)[0], expected, rtol=1e-5)  # float32 rounding of an exponent of 40
    np.testing.assert_allclose(probabilities(p)[-1, 1], expected[1], rtol=1e-6)  # by symmetry


def test_mean_of_quantized_logistic_is_the_expected_level():
    mean, scale = random_parameters(200)
    expected = LEVELS @ logistic_probabilities(mean, scale)
    np.testing.assert_allclose(QuantizedLogistic(mean, scale, 256).mean(), expected, atol=5e-6)  # 255 float32 sums


@likelihoods
def test_probabilities_of_the_levels_sum_to_one(make, built, normals):
    p = built(make(), event_shape=(4,))(3 * normals(2, 3, 5)).distribution
    np.testing.assert_allclose(probabilities(p).sum(0), np.ones([2, 3, 4]), atol=1e-6)


@likelihoods
def test_probability_of_an_example_is_the_product_of_its_elements(make, built, normals):
    p, x = built(make())(normals(2, 3, 5)), np.float32(LEVELS[:18].reshape(3, 6))
    np.testing.assert_allclose(p.log_prob(x), np.sum(p.distribution.log_prob(x), -1), rtol=1e-6)  # float32 rounding


@likelihoods
def test_mean_is_the_expected_grey_value(make, built, normals):
    p = built(make(), event_shape=(4,))(3 * normals(2, 3, 5)).distribution
    expected = np.tensordot(LEVELS, probabilities(p), 1)
    np.testing.assert_allclose(p.mean(), expected, atol=2e-6)  # float32 rounding of 256 terms


@likelihoods
def test_x_is_taken_to_the_nearest_level(make, built, normals):
    p, level = built(make())(normals(1, 1, 5)), tf.fill([1, 6], 80 / 255)
    for distance in (-0.4, 0.4):
        assert float(p.log_prob(level + distance / 255)[0, 0]) == float(p.log_prob(level)[0, 0])


@likelihoods
def test_samples_are_levels(make, built, normals):
    likelihood = built(make())
    assert likelihood.check(likelihood(normals(2, 3, 5)).sample(100, seed=(0, 1))) is None


@pytest.mark.parametrize(
    "make",
    [lambda: Categorical(5), lambda: DiscretizedLogistic(5), lambda: MixtureOfDiscretizedLogistics(2, 5)],
    ids=["Categorical", "DiscretizedLogistic", "MixtureOfDiscretizedLogistics"],
)
def test_levels_are_drawn_as_often_as_their_probabilities_say(make, built, normals):
    p, num_draws = built(make(), event_shape=(1,))(normals(1, 1, 5)), 20000
    draws = np.round(p.sample(num_draws, seed=(0, 1)).numpy().ravel() * 4).astype(int)
    expected = probabilities(p.distribution, np.arange(5) / 4).ravel()
    _, p_value = scipy.stats.chisquare(np.bincount(draws, minlength=5), num_draws * expected / expected.sum())
    assert p_value > 1e-3  # the seed is fixed; a wrong sampler has a p-value of 0 at 20000 draws


def test_categorical_of_two_classes_is_bernoulli(built, normals):
    categorical, bernoulli = built(Categorical(2)), built(Bernoulli())
    kernel, bias = bernoulli.get_weights()
    # Logits 0 and l, element by element.
    weights = [np.stack([np.zeros_like(w), w], -1).reshape(*w.shape[:-1], -1) for w in (kernel, bias)]
    categorical.set_weights(weights)
    features, x = normals(2, 3, 5), tf.cast(normals(3, 6) > 0, "float32")
    p, q = categorical(features), bernoulli(features)
    np.testing.assert_allclose(p.log_prob(x), q.log_prob(x), rtol=1e-6)  # float32 rounding
    np.testing.assert_allclose(p.mean(), q.mean(), rtol=1e-6)


def test_categorical_is_the_softmax_of_its_logits(built, normals):
    likelihood, features = built(Categorical(4), event_shape=(3,)), normals(1, 1, 5)
    kernel, bias = likelihood.get_weights()
    logits = (features.numpy()[0, 0] @ kernel + bias).reshape(3, 4)
    expected = scipy.special.log_softmax(logits, -1)[np.arange(3), [0, 2, 3]].sum()
    log_prob = likelihood(features).log_prob([[0.0, 2 / 3, 1.0]])
    assert float(log_prob[0, 0]) == pytest.approx(expected, rel=1e-5)  # float32 rounding


def test_discretized_logistic_starts_in_the_middle_of_the_range(built):
    p = built(DiscretizedLogistic())(tf.zeros([1, 1, 5])).distribution
    np.testing.assert_allclose(p.mean(), np.full([1, 1, 6], 0.5), rtol=1e-6)  # float32 rounding
    np.testing.assert_allclose(p.scale, np.full([1, 1, 6], np.log(2) + 0.1 / 255), rtol=1e-6)


def test_mixture_starts_with_its_components_spread_over_the_range(built):
    p = built(MixtureOfDiscretizedLogistics(4), event_shape=(1,))(tf.zeros([1, 1, 5])).distribution
    np.testing.assert_allclose(p.components_distribution.loc[0, 0, 0], [0.125, 0.375, 0.625, 0.875], rtol=1e-6)


def test_mixture_of_one_component_is_that_component(built, normals):
    single, mixture = built(DiscretizedLogistic()), built(MixtureOfDiscretizedLogistics(1))
    # The weight of the only component is 1 whatever its logit.
    with_logit = lambda w: np.concatenate([np.ones_like(w[..., :1]), w], -1)  # noqa: E731
    by_element = [w.reshape(*w.shape[:-1], 6, 2) for w in single.get_weights()]
    mixture.set_weights([with_logit(w).reshape(*w.shape[:-2], -1) for w in by_element])
    features, x = normals(2, 3, 5), np.float32(LEVELS[:18].reshape(3, 6))
    p, q = mixture(features), single(features)
    np.testing.assert_allclose(p.log_prob(x), q.log_prob(x), rtol=1e-6)  # float32 rounding
    np.testing.assert_allclose(p.mean(), q.mean(), rtol=1e-6)


def test_mixture_is_the_weighted_sum_of_its_components(built, normals):
    p = built(MixtureOfDiscretizedLogistics(3), event_shape=(1,))(normals(1, 1, 5)).distribution
    components = p.components_distribution
    weights = scipy.special.softmax(p.mixture_distribution.logits.numpy().ravel())
    expected = logistic_probabilities(components.loc.numpy().ravel(), components.scale.numpy().ravel()) @ weights
    np.testing.assert_allclose(probabilities(p).ravel(), expected, rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize("wrong", [1, 0, -3, 2.0, True, None, "many"], ids=repr)
def test_number_of_levels_must_be_at_least_two(wrong):
    for make, name in [(Categorical, "num_classes"), (DiscretizedLogistic, "num_levels")]:
        with pytest.raises(ValueError, match=rf"`{name}` must be an integer of at least 2. Received: {name}="):
            make(wrong)
    with pytest.raises(ValueError, match=r"`num_levels` must be an integer of at least 2"):
        MixtureOfDiscretizedLogistics(2, wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, None], ids=repr)
def test_number_of_components_must_be_positive(wrong):
    with pytest.raises(ValueError, match=r"`num_components` must be a positive integer. Received: num_components="):
        MixtureOfDiscretizedLogistics(wrong)
