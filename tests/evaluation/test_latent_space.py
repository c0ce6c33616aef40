"""Which latent dimensions carry something."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation import active_units, rate_per_dimension

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


def test_many_codes_far_from_zero_are_not_active_by_rounding():
    # The mean of a million of these in float32 is off by several units.
    codes = np.random.default_rng(0).normal(1000, 0.05, size=(1_000_000, 1)).astype("float32")
    assert active_units(codes) == 0
