"""Corrupted: how much noise there is, when, and what the network behind it sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import MLP, Conditioned, Corrupted, GaussianNoise, Masking, SaltAndPepper

SEED = (1, 2)
SIZE = 240_000  # elements to count, three channels each
CORRUPTIONS = [GaussianNoise(0.3), Masking(0.3), SaltAndPepper(0.3)]

corruptions = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: type(corruption).__name__)


def grey(value=0.5):
    return tf.fill([4, SIZE // 12, 3], value)


def is_near(frequency, probability, number=SIZE):
    """Whether a frequency among `number` is within four standard errors of the probability."""
    return abs(frequency - probability) < 4 * np.sqrt(probability * (1 - probability) / number)


def identity():
    return keras.layers.Identity()


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masking_sets_a_fraction_to_zero_and_leaves_the_rest(rate):
    x = Masking(rate)(grey(), seed=SEED).numpy()
    assert is_near(np.mean(x == 0), rate)
    assert np.all(x[x != 0] == 0.5)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_salt_and_pepper_are_half_each(rate):
    x = SaltAndPepper(rate)(grey(), seed=SEED).numpy()
    assert is_near(np.mean(x == 0), rate / 2)
    assert is_near(np.mean(x == 1), rate / 2)
    assert np.all(x[(x != 0) & (x != 1)] == 0.5)


def test_gaussian_noise_has_its_standard_deviation():
    noise = GaussianNoise(0.3)(grey(), seed=SEED).numpy() - 0.5
    assert abs(noise.mean()) < 4 * 0.3 / np.sqrt(SIZE)
    assert abs(noise.std() - 0.3) < 4 * 0.3 / np.sqrt(2 * SIZE)  # standard error of a standard deviation


@pytest.mark.parametrize("corruption", [Masking(0.3), SaltAndPepper(0.3)])
def test_channels_of_a_pixel_are_corrupted_each_for_itself(corruption):
    changed = corruption(grey(), seed=SEED).numpy() != 0.5
    assert is_near(np.mean(changed[..., 0] & changed[..., 1]), 0.3**2, SIZE // 3)


@corruptions
def test_same_seed_gives_the_same_noise_and_another_seed_another(corruption):
    same, again, other = (corruption(grey(), seed=seed) for seed in (SEED, SEED, (1, 3)))
    np.testing.assert_array_equal(same, again)
    assert np.any(same != other)


@corruptions
def test_noise_differs_between_examples(corruption):
    x = corruption(grey(), seed=SEED)
    assert np.any(x[0] != x[1])


@pytest.mark.parametrize("make", [GaussianNoise, Masking, SaltAndPepper])
def test_nothing_changes_at_rate_zero(make):
    np.testing.assert_array_equal(make(0)(grey(), seed=SEED), grey())


def test_everything_changes_at_rate_one():
    np.testing.assert_array_equal(Masking(1)(grey(), seed=SEED), 0 * grey())
    np.testing.assert_array_equal(np.unique(SaltAndPepper(1.0)(grey(), seed=SEED)), [0, 1])


@corruptions
@pytest.mark.parametrize("jit_compile", [False, True])
def test_noise_of_a_graph_is_that_of_eager_mode(corruption, jit_compile):
    graph = tf.function(lambda x: corruption(x, seed=SEED), jit_compile=jit_compile)
    np.testing.assert_allclose(graph(grey()), corruption(grey(), seed=SEED), rtol=1e-5)  # float32 rounding


@corruptions
def test_network_sees_the_corrupted_x_in_training(corruption):
    network = Corrupted(identity(), corruption)
    seen = network(grey(), training=True, seed=tf.constant(SEED))
    np.testing.assert_array_equal(seen, corruption(grey(), seed=SEED))
    assert np.any(seen != grey())


@corruptions
@pytest.mark.parametrize(("training", "seed"), [(False, SEED), (False, None), (True, None)])
def test_network_sees_x_itself_outside_training_or_without_seed(corruption, training, seed):
    seen = Corrupted(identity(), corruption)(grey(), training=training, seed=seed)
    np.testing.assert_array_equal(seen, grey())


@corruptions
def test_corruption_around_a_conditioned_network_leaves_the_condition(corruption):
    network = Corrupted(Conditioned(identity(), 3), corruption)
    seen = network(tf.fill([5, 8], 0.5), condition=tf.fill([5, 3], 0.7), training=True, seed=SEED)
    np.testing.assert_array_equal(seen[:, 8:], tf.fill([5, 3], 0.7))
    np.testing.assert_array_equal(seen[:, :8], corruption(tf.fill([5, 8], 0.5), seed=SEED))
    assert network.condition_size == 3


def test_corruption_inside_a_conditioned_network_corrupts_the_condition_too():
    network = Conditioned(Corrupted(identity(), Masking(1.0)), 3)
    network.build((None, 8))
    seen = network(tf.ones([5, 8]), condition=tf.ones([5, 3]), training=True, seed=SEED)
    np.testing.assert_array_equal(seen, tf.zeros([5, 11]))


def test_network_without_condition_has_no_condition_size():
    assert Corrupted(MLP([4]), Masking(0.5)).condition_size is None


@corruptions
def test_corruption_survives_a_keras_file(corruption, make_vae, reload):
    model, x = make_vae(encoder=Corrupted(MLP([4]), type(corruption).from_config(corruption.get_config()))), grey()
    loaded = reload(reload(model)).encoder
    np.testing.assert_array_equal(loaded.corruption(x, seed=SEED), corruption(x, seed=SEED))


@corruptions
def test_corruption_computes_in_mixed_precision(corruption):
    mixed = type(corruption)(0.3, dtype="mixed_bfloat16")(grey(), seed=SEED)
    assert mixed.dtype == "bfloat16"
    # bfloat16 has 8 significant bits: values below 2 are rounded by at most 2**-8.
    np.testing.assert_allclose(tf.cast(mixed, "float32"), corruption(grey(), seed=SEED), atol=2**-7)


def test_denoising_vae_corrupts_what_the_encoder_sees_and_not_what_the_likelihood_scores(make_vae, binary):
    model, x = make_vae(encoder=Corrupted(MLP([4]), Masking(1.0))), binary(5)
    inference = model.infer(x, training=True)
    np.testing.assert_array_equal(inference.x, x)
    np.testing.assert_array_equal(inference.latents[0].posterior.mean(), model.encode(0 * x).mean())
    assert np.any(model.encode(x).mean() != model.encode(0 * x).mean())


@pytest.mark.parametrize("make", [Masking, SaltAndPepper])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, "0.5", None, True, float("nan")], ids=repr)
def test_rate_must_be_a_probability(make, wrong):
    with pytest.raises(ValueError, match=r"`rate` must be a number from 0 to 1. Received: rate="):
        make(wrong)


@pytest.mark.parametrize("wrong", [-0.1, "0.5", None, True, float("nan"), float("inf")], ids=repr)
def test_stddev_must_be_a_number_that_is_not_negative(wrong):
    with pytest.raises(ValueError, match=r"`stddev` must be a finite number that is not negative. Received: stddev="):
        GaussianNoise(wrong)


def test_parts_must_be_of_their_kind():
    with pytest.raises(ValueError, match="`network` must be a Layer"):
        Corrupted("MLP", Masking(0.5))
    with pytest.raises(ValueError, match="`corruption` must be a Corruption"):
        Corrupted(MLP([4]), keras.layers.Dropout(0.5))
