"""Which latent dimensions carry something."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation import active_units, collapse_verdict, rate_per_dimension

tfd = tfp.distributions


def means_with(num_active, size=10, variance=1.0):
    """Posterior means [500, size], the first dimensions of the given variance and the others of 0.005."""
    noise = np.random.default_rng(0).normal(size=(500, size))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    return noise * np.sqrt(np.where(np.arange(size) < num_active, variance, 0.005)) + 7


@pytest.mark.parametrize("num_active", [0, 1, 4, 10])
def test_active_units_are_counted_exactly(num_active):
    assert active_units(means_with(num_active)) == num_active


@pytest.mark.parametrize(("variance", "num_active"), [(0.0101, 3), (0.0099, 0)])
def test_a_unit_is_active_above_a_variance_of_a_hundredth(variance, num_active):
    assert active_units(means_with(3, variance=variance)) == num_active


def test_rates_of_dimensions_are_in_closed_form(r2):
    mean, variance = np.array([0.662906, 0.310296]), np.array([0.136612, 0.126263])
    expected = (mean**2 + variance - np.log(variance) - 1) / 2
    np.testing.assert_allclose(rate_per_dimension(r2, tf.zeros([4, 3])), expected, rtol=1e-4)  # six digits given


def test_rates_of_dimensions_add_up_to_the_rate(make_vae, binary):
    model, x = make_vae(), binary(20)
    rate = tf.reduce_mean(tfd.kl_divergence(model.encode(x), model.prior()))
    assert float(tf.reduce_sum(rate_per_dimension(model, x))) == pytest.approx(float(rate), rel=1e-5)  # rounding


@pytest.mark.parametrize(
    ("num_active", "rates", "collapsed"),
    [(0, [1.0, 2.0], True), (1, [0.0, 0.0101], False), (2, [0.0099, 0.0099], True), (2, [1.0, 2.0], False)],
)
def test_collapse_is_no_active_unit_or_no_rate(num_active, rates, collapsed):
    assert collapse_verdict(num_active, 2, np.array(rates))[0] is collapsed


@pytest.mark.parametrize(
    ("num_active", "sentence"),
    [
        (0, "The posterior has COLLAPSED: 0 of 2 latent dimensions are active and the rate is 3.250 nats"),
        (1, "1 of 2 latent dimensions are active; the rate is 3.25 nats."),
    ],
)
def test_verdict_says_how_many_are_active_and_the_rate(num_active, sentence):
    assert collapse_verdict(num_active, 2, np.array([1.0, 2.25]))[1].startswith(sentence)


@pytest.mark.parametrize(("num_active", "collapsed"), [(0, True), (1, False)])
def test_without_a_rate_collapse_is_no_active_unit(num_active, collapsed):
    found, sentence = collapse_verdict(num_active, 2)
    assert found is collapsed and "rate" not in sentence
