"""All figures of a model on a set of examples: their values where they are known, and that batches do not matter."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import measure
from tfvae.evaluation.measure import bits_per_dimension, mean_of
from tfvae.likelihoods import Bernoulli, Normal

SIZE = 2 * 7 + 1


def cut(x, batch_size):
    """tf.data as `ordered_batches` gives it."""
    return tf.data.Dataset.from_tensor_slices({"x": x, "index": np.arange(len(x))}).batch(batch_size)


def values(result):
    return {name: metric["value"] for name, metric in result["metrics"].items()}


def is_within(metric, expected, limit):
    """Whether a metric is a known number to four standard errors, which are below a limit."""
    return 0 < metric["standard_error"] < limit and abs(metric["value"] - expected) < 4 * metric["standard_error"]


@pytest.fixture
def result(make_vae, binary):
    return measure(make_vae(), cut(binary(SIZE), 7), num_samples=10)


# Known values.


def test_r1_has_the_figures_of_quadrature(r1):
    # Equal rows with a key each: the spread over examples is that of the draws.
    x = np.tile(np.array([[1, 0, 1]], "float32"), (20_000, 1))
    metrics = measure(r1(), cut(x, 5000), num_samples=2)["metrics"]
    assert is_within(metrics["negative_elbo"], 1.505662, 0.01)
    assert is_within(metrics["distortion"], 0.994836, 0.01)
    assert is_within(metrics["negative_log_likelihood"], 1.492167, 0.01)
    assert metrics["rate"]["value"] == pytest.approx(0.510826, rel=1e-5)
    assert metrics["rate_per_dimension"]["value"] == [pytest.approx(0.510826, rel=1e-5)]


def test_r2_has_the_figures_of_the_closed_form(r2):
    x = np.tile(np.array([[0.9, -0.4, 1.1]], "float32"), (2000, 1))
    metrics = measure(r2, cut(x, 2000), num_samples=500)["metrics"]
    assert is_within(metrics["negative_elbo"], 3.127347, 0.03)
    assert is_within(metrics["negative_log_likelihood"], 3.116409, 0.003)
    assert metrics["rate"]["value"] == pytest.approx(sum(metrics["rate_per_dimension"]["value"]), rel=1e-5)


def test_monte_carlo_error_is_that_of_the_mean_over_examples(r2):
    x = np.tile(np.array([[0.9, -0.4, 1.1]], "float32"), (500, 1))
    nll = measure(r2, cut(x, 500), num_samples=100)["metrics"]["negative_log_likelihood"]
    # Equal rows differ by the draw alone, so that both errors are one; 500 draws know it to 3 %.
    assert nll["monte_carlo_standard_error"] == pytest.approx(nll["standard_error"], rel=0.2)


@pytest.fixture
def coin(linear_vae):
    """Six pixels that are white with probability 1/2 whatever z is."""
    return linear_vae([0.0, 0.0], [1.0, 1.0], np.zeros((2, 6)), np.zeros(6), Bernoulli())


def test_a_fair_coin_has_one_bit_per_dimension_and_no_error(coin, binary):
    bits = measure(coin, cut(binary(SIZE), 7), num_samples=3)["metrics"]["bits_per_dimension"]
    assert bits["value"] == pytest.approx(1, rel=1e-6) and bits["standard_error"] == pytest.approx(0, abs=1e-6)


def test_squared_error_is_that_of_the_reconstruction(coin, binary):
    assert values(measure(coin, cut(binary(SIZE), 7), 3))["reconstruction_mse"] == pytest.approx(0.25)


def test_squared_error_is_a_mean_over_pixels_and_examples(make_vae, binary):
    model, x = make_vae((4, 5, 2)), binary(SIZE, (4, 5, 2))
    expected = np.mean((model.reconstruct(x) - x) ** 2)
    assert values(measure(model, cut(x, 7), 3))["reconstruction_mse"] == pytest.approx(expected, rel=1e-5)


def test_bits_of_a_density_are_those_of_a_grey_level(linear_vae):
    # A density of 1 on [0, 1] gives each of 255 steps 1/255, log2(255) bits.
    assert bits_per_dimension(0.0, 784, discrete=False) == pytest.approx(np.log2(255))
    model = linear_vae([0.0], [1.0], np.zeros((1, 6)), np.full(6, 0.5), Normal(1 / np.sqrt(2 * np.pi)))
    result = measure(model, cut(np.full((3, 6), 0.5, "float32"), 3), num_samples=2)  # at its peak, of height 1
    assert values(result)["bits_per_dimension"] == pytest.approx(np.log2(255), rel=1e-5)


def test_active_units_are_counted_over_all_examples(make_vae):
    model = make_vae((6,), encoder=keras.layers.Flatten())
    kernel = np.zeros((6, 4))
    kernel[0, 1] = 10.0  # the mean of the second latent, by the first pixel
    model.posterior.parameters.set_weights([kernel, np.zeros(4)])
    x = np.zeros((20, 6), "float32")
    x[10:, 0] = 1  # every batch is constant
    assert values(measure(model, cut(x, 10), 3))["active_units"] == 1


# A collapse.


def test_a_decoder_that_ignores_z_is_told_when_q_is_the_prior(coin, binary):
    result = measure(coin, cut(binary(SIZE), 7), num_samples=3)
    assert result["collapsed"] is True and "COLLAPSED" in result["verdict"]
    assert values(result)["active_units"] == 0
    assert values(result)["rate"] == pytest.approx(0, abs=1e-5)  # a stddev of 1 to 1e-6


@pytest.mark.parametrize(("trains_decoder", "collapsed"), [(False, True), (True, False)])
def test_training_with_a_decoder_that_ignores_z_collapses(trains_decoder, collapsed, make_vae, batches):
    model = make_vae((8,))
    x = np.repeat(np.random.default_rng(0).random((256, 1)) < 0.5, 8, axis=1).astype("float32")  # all black or white
    if not trains_decoder:
        model.decoder.trainable = False
        model.decoder.set_weights([np.zeros_like(w) for w in model.decoder.get_weights()])
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(batches(x, 64), epochs=60, verbose=0)
    result = measure(model, cut(x, 64), num_samples=3)
    assert (result["collapsed"], values(result)["active_units"] == 0) == (collapsed, collapsed)


# What it does not depend on.


def close(ours, theirs):
    """Equal to the rounding of float32, which depends on the size of a batch."""
    return all(ours[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-6) for name in theirs)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_figures_do_not_depend_on_how_batches_are_cut(batch_size, make_vae, binary):
    model, x = make_vae(), binary(SIZE)
    assert close(values(measure(model, cut(x, batch_size), 10)), values(measure(model, cut(x, SIZE), 10)))


def test_figures_are_means_over_examples(make_vae, binary):
    model, x = make_vae(), binary(3)
    each = [values(measure(model, cut(x, 3).unbatch().skip(i).batch(1).take(1), 10)) for i in range(3)]
    whole = values(measure(model, cut(x, 2), 10))
    for name in ("negative_elbo", "distortion", "rate", "reconstruction_mse"):
        assert whole[name] == pytest.approx(np.mean([one[name] for one in each]), rel=1e-5)


def test_figures_are_those_of_their_seed_and_not_of_the_global_one(make_vae, binary):
    model, batches = make_vae(), cut(binary(SIZE), 7)
    first = measure(model, batches, 10, seed=1)
    keras.utils.set_random_seed(5)
    assert measure(model, batches, 10, seed=1) == first != measure(model, batches, 10, seed=2)


@pytest.mark.parametrize(("num_examples", "used"), [(7, 7), (8, 8), (99, 15)])
def test_num_examples_limits_the_bound_to_the_first_ones(num_examples, used, make_vae, binary):
    model, x = make_vae(), binary(SIZE)
    result = measure(model, cut(x, 7), 10, num_examples)
    nll, first = result["metrics"]["negative_log_likelihood"], measure(model, cut(x[:used], 7), 10)
    assert (nll["num_examples"], result["num_examples"]) == (used, SIZE)
    assert nll["value"] == pytest.approx(values(first)["negative_log_likelihood"], rel=1e-5)


# What it looks like.


def test_negative_elbo_is_distortion_and_rate(result):
    metrics = values(result)
    assert metrics["negative_elbo"] == pytest.approx(metrics["distortion"] + metrics["rate"], rel=1e-5)


def test_result_is_json_and_every_figure_has_a_unit(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert all(metric["unit"] for metric in result["metrics"].values())
    assert (result["num_examples"], result["num_samples"]) == (SIZE, 10)


def test_effective_sample_size_comes_with_its_minimum(result):
    size = result["metrics"]["effective_sample_size"]
    assert 1 <= size["minimum"] <= size["value"] <= 10


def test_mean_comes_with_its_standard_error():
    mean = mean_of(np.array([1.0, 2.0, 3.0, 6.0]))
    assert (mean["value"], mean["unit"]) == (3.0, "nats/example")
    assert mean["standard_error"] == pytest.approx(np.sqrt(14 / 3 / 4))


def test_one_example_has_no_standard_error(make_vae, binary):
    assert mean_of(np.array([2.0]))["standard_error"] == 0.0
    assert measure(make_vae(), cut(binary(1), 7), 10)["metrics"]["negative_elbo"]["standard_error"] == 0.0


def test_num_samples_must_be_at_least_one(make_vae, binary):
    with pytest.raises(ValueError, match="`num_samples` must be at least 1"):
        measure(make_vae(), cut(binary(3), 7), num_samples=0)
