"""AutoregressiveCategorical: probabilities that sum to one, the order of the codes, and what `fit` reaches."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfvae.priors import AutoregressiveCategorical, FittedAfterTraining

CLASSES, PLACES = 3, 4
ALL = np.array(list(itertools.product(range(CLASSES), repeat=PLACES)), "int32")


@pytest.fixture(params=[(8,), (9, 2)], ids=str)
def prior(request, build):
    return build(AutoregressiveCategorical(CLASSES, request.param, 5), (PLACES,), noise=0.5)


def test_shapes_for_any_number_of_samples(prior):
    @tf.function(input_signature=[tf.TensorSpec([], "int32")])
    def draw(num_samples):
        p = prior()
        assert (p.batch_shape, p.event_shape, p.dtype) == ([], [PLACES], "int32")
        codes = p.sample(num_samples, seed=(0, 1))
        return codes, p.log_prob(codes)

    for s in (0, 1, 5):
        codes, log_prob = draw(s)
        assert (codes.shape, codes.dtype, log_prob.shape) == ((s, PLACES), "int32", (s,))


@pytest.mark.parametrize("latent_size", [1, 2, PLACES])
def test_probabilities_sum_to_one(latent_size, build):
    prior = build(AutoregressiveCategorical(CLASSES, (8,), 5), (latent_size,), noise=0.5)
    everything = np.array(list(itertools.product(range(CLASSES), repeat=latent_size)))
    probabilities = np.exp(prior().log_prob(everything), dtype="float64")
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)  # float32 rounding
    assert probabilities.max() > 1.4 / len(everything)  # they are not all equal


def test_features_of_a_place_depend_on_the_codes_before_it_and_on_no_other(prior):
    codes = np.array([[0, 1, 2, 0]])
    for place in range(PLACES):
        changed = codes.copy()
        changed[0, place] = (changed[0, place] + 1) % CLASSES
        differs = np.any(prior.features(codes) != prior.features(changed), axis=-1)[0]
        np.testing.assert_array_equal(differs, np.arange(PLACES) > place)


def test_samples_are_as_frequent_as_their_probabilities(prior):
    codes = prior().sample(20_000, seed=(0, 1)).numpy()
    counts = np.bincount(codes @ CLASSES ** np.arange(PLACES)[::-1], minlength=len(ALL))
    expected = 20_000 * np.exp(prior().log_prob(ALL), dtype="float64")
    often = expected > 5  # the others do not follow a chi-square
    chi_square = np.sum((counts - expected)[often] ** 2 / expected[often])
    assert often.sum() > 30 and chi_square < often.sum() + 4 * np.sqrt(2 * often.sum())  # four standard deviations


def test_starts_with_equally_probable_classes():
    prior = AutoregressiveCategorical(CLASSES)
    prior.build((PLACES,))
    np.testing.assert_allclose(prior().log_prob(ALL), -PLACES * np.log(CLASSES), rtol=1e-6)  # float32 rounding


def test_leading_axes_and_integer_types_do_not_matter(prior):
    log_prob = prior().log_prob(ALL)
    stacked = prior().log_prob(tf.constant(ALL.reshape(9, 9, PLACES), "int64"))
    np.testing.assert_allclose(tf.reshape(stacked, [-1]), log_prob, rtol=1e-5)  # float32 rounding
    np.testing.assert_allclose(prior().log_prob(ALL[7]), log_prob[7], rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_eager_equals_graph(jit_compile, prior):
    evaluate = lambda codes: (prior().log_prob(codes), prior().sample(5, seed=(0, 1)))  # noqa: E731
    log_prob, sample = tf.function(evaluate, jit_compile=jit_compile)(ALL)
    np.testing.assert_allclose(log_prob, evaluate(ALL)[0], rtol=1e-5)  # float32 rounding
    if not jit_compile:  # the same seed gives other numbers under XLA
        np.testing.assert_array_equal(sample, evaluate(ALL)[1])


def test_every_weight_has_a_gradient(prior, gradients_of):
    weights = np.linspace(0, 1, len(ALL), dtype="float32")
    gradients = gradients_of(prior, lambda: tf.reduce_sum(weights * prior().log_prob(ALL)))
    assert all(np.any(tf.convert_to_tensor(gradient) != 0) for gradient in gradients.values())


def chain(number, seed):
    """Codes that stay what they are with probability 0.8 and else are drawn anew, and the log of their probability."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, CLASSES, [number, PLACES])
    for place in range(1, PLACES):
        stays = rng.random(number) < 0.8
        codes[stays, place] = codes[stays, place - 1]
    stayed = codes[:, 1:] == codes[:, :-1]
    return codes, -np.log(CLASSES) + np.sum(np.log(np.where(stayed, 0.8 + 0.2 / 3, 0.2 / 3)), -1)


def test_fit_to_a_markov_chain_reaches_its_entropy():
    prior = AutoregressiveCategorical(CLASSES, (16,), 4)
    prior.build((PLACES,))
    prior.fit(chain(20_000, 0)[0], seed=0)
    codes, log_prob = chain(20_000, 1)
    excess = log_prob - prior().log_prob(codes).numpy()  # its mean is KL(chain || fitted); 2.2 at the start
    assert -4 * excess.std() / np.sqrt(len(codes)) < excess.mean() < 0.01


def test_is_wrapped_to_be_fitted_after_training():
    prior = FittedAfterTraining(AutoregressiveCategorical(CLASSES, (8,), 5))
    prior.build((PLACES,))
    assert not prior.is_ready and prior.trainable_weights == []
    prior.fit(chain(100, 0)[0], seed=0)
    assert prior.is_ready and prior().sample(2, seed=(0, 1)).shape == (2, PLACES)


def test_survives_its_config(prior):
    loaded = AutoregressiveCategorical.from_config(prior.get_config())
    loaded.build((PLACES,))
    loaded.set_weights(prior.get_weights())
    np.testing.assert_array_equal(loaded().log_prob(ALL), prior().log_prob(ALL))


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_sizes_must_be_positive_integers(wrong):
    with pytest.raises(ValueError, match=r"`num_classes` must be a positive integer. Received: num_classes="):
        AutoregressiveCategorical(wrong)
    with pytest.raises(ValueError, match=r"`embedding_size` must be a positive integer. Received: embedding_size="):
        AutoregressiveCategorical(3, embedding_size=wrong)
    with pytest.raises(ValueError, match=r"`hidden_sizes` must be a list of positive integers. Received: "):
        AutoregressiveCategorical(3, [8, wrong])
