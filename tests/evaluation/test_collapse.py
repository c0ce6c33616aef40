"""Collapse: which side of the code gave up, and that a model whose code is used raises no alarm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import measure
from tfvae.evaluation.aggregate_posterior import aggregate_posterior
from tfvae.evaluation.collapse import _partners, code_use, verdict, verdict_without_noise
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic, DiagonalNormal


def cut(x, batch_size=8, **more):
    columns = {"x": x, "index": np.arange(len(x)), **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


def blinded(model):
    """The model with a decoder whose first layer is all zeros."""
    first = model.decoder.trainable_weights[0]
    first.assign(np.zeros(first.shape))
    return model


def test_a_decoder_that_ignores_the_code_has_no_use_of_it(make_vae, binary):
    assert np.allclose(code_use(blinded(make_vae()), cut(binary(20))).loss, 0, atol=1e-5)


def figure(value, error=0.01, **more):
    return {"value": value, "standard_error": error, "unit": "nats/example", **more}


USED, UNUSED, UNSURE = ({"code_use": figure(*f)} for f in [(12.0, 0.5), (0.001, 0.002), (0.2, 0.3)])


def test_a_decoder_that_ignores_the_code_is_flagged_though_the_encoder_speaks(make_vae, binary):
    figures = code_use(blinded(make_vae()), cut(binary(20))).metrics()
    collapsed, sentence = verdict(num_active=2, size=2, rates=[1.5, 0.5], figures=figures)
    assert collapsed and "the rate is 2.000 nats; the decoder ignores the code" in sentence
    assert "less powerful decoder" in sentence


def test_an_encoder_that_says_nothing_is_flagged():
    for figures in (UNUSED, UNSURE, {}):
        collapsed, sentence = verdict(num_active=0, size=4, rates=[0.001] * 4, figures=figures)
        assert collapsed and "the rate is 0.004 nats; q(z|x) is the prior for every x" in sentence
        assert "warm-up" in sentence


def test_no_rate_is_a_collapse_even_where_means_vary():
    assert verdict(num_active=3, size=3, rates=[0.009] * 3)[0]


@pytest.mark.parametrize("figures", [{}, UNUSED, UNSURE, {"mutual_information": figure(0.0, 0.001, maximum=7.0)}])
def test_one_posterior_for_all_examples_is_flagged_whatever_its_rate(figures):
    collapsed, sentence = verdict(num_active=0, size=2, rates=[1.0, 2.25], figures=figures)
    assert collapsed and "q(z|x) is the same for every x" in sentence


def test_a_code_of_small_scale_that_is_used_raises_no_alarm():
    collapsed, sentence = verdict(num_active=0, size=200, rates=[5.0], figures=USED)
    assert not collapsed and "threshold for codes of unit scale" in sentence
    information = {"mutual_information": figure(4.0, 0.1, maximum=7.0)}
    assert not verdict(num_active=0, size=200, rates=[0.009] * 200, figures=information)[0]


def test_two_examples_do_not_say_that_there_is_no_information():
    assert not verdict(2, 2, [1.0, 1.0], {"mutual_information": figure(0.0, 0.0, maximum=np.log(2))})[0]


@pytest.mark.parametrize("figures", [USED, {}])
def test_a_used_code_raises_no_alarm(figures):
    collapsed, sentence = verdict(num_active=3, size=4, rates=[2.0, 1.0, 1.0, 0.0], figures=figures)
    assert not collapsed and sentence.startswith("3 of 4 latent dimensions are active; the rate is 4.00 nats.")
    assert "Dimensions without use: 1," in sentence
    assert ("costs the decoder 12 nats (standard error 0.5)" in sentence) == bool(figures)


@pytest.mark.parametrize(
    ("value", "error", "collapsed"),
    [(0.0, 0.0, True), (0.05, 0.01, True), (0.05, 0.02, False), (1.0, 0.4, False), (1.0, 0.01, False)],
)
def test_a_use_is_nothing_only_if_all_of_its_error_is(value, error, collapsed):
    assert verdict(2, 2, [1.0, 1.0], {"code_use": figure(value, error)})[0] == collapsed


@pytest.mark.parametrize(
    ("information", "aggregate_kl", "dimension_wise_kl", "remarks"),
    [(2.0, 3.0, 0.1, True), (2.0, 1.0, 0.1, False), (7.0, 30.0, 0.1, False), (7.0, 30.0, 25.0, True)],
)
def test_the_codes_are_far_from_the_prior_only_where_log_n_is_not_the_reason(
    information, aggregate_kl, dimension_wise_kl, remarks
):
    figures = {
        "mutual_information": figure(information, maximum=7.0),
        "aggregate_kl": figure(aggregate_kl),
        "dimension_wise_kl": figure(dimension_wise_kl),
    }
    sentence = verdict(4, 4, [(information + aggregate_kl) / 4] * 4, figures)[1]
    assert ("nats from the prior" in sentence) == remarks


def test_codes_that_are_the_prior_as_a_whole_get_no_such_remark(make_vae):
    # x ~ N(0, 1 - s^2) and q(z|x) = N(x, s^2): q(z) is the prior, though 300 examples seem to be far from it.
    size, stddev = 10, 0.1
    model = make_vae((size,), encoder=keras.layers.Flatten(), posterior=DiagonalNormal(size))
    kernel = np.hstack([np.eye(size), np.zeros((size, size))])
    model.posterior.parameters.set_weights([kernel, np.r_[np.zeros(size), np.full(size, np.log(np.expm1(stddev)))]])
    x = np.random.default_rng(0).normal(size=(300, size)).astype("float32") * np.sqrt(1 - stddev**2)
    figures = aggregate_posterior(model, cut(x)).metrics()
    assert figures["aggregate_kl"]["value"] > 5
    assert "from the prior" not in verdict(size, size, [1.8] * size, figures)[1]


def test_a_code_without_noise_has_its_own_sentence():
    for figures in (USED, UNSURE, {}):
        collapsed, sentence = verdict_without_noise(figures)
        assert not collapsed and sentence.endswith("without noise, so that it cannot collapse onto a prior.")
    collapsed, sentence = verdict_without_noise(UNUSED)
    assert collapsed and "but the decoder ignores the code" in sentence


def test_the_use_of_one_code_alone_is_refused(make_vae, binary):
    with pytest.raises(ValueError, match="there is only one example"):
        code_use(make_vae(), cut(binary(1)))


def test_the_other_code_is_the_same_whatever_the_batches(make_vae, binary):
    model, x = make_vae(), binary(11)
    one, other = (code_use(model, cut(x, size)).loss for size in (11, 4))
    assert np.allclose(one, other, atol=1e-5) and np.abs(one).max() > 0


def test_the_loss_is_that_of_the_others_code(make_vae, binary):
    # Of two examples each has the other's.
    model, x = make_vae(posterior=Deterministic(2), prior=None, objective=Reconstruction()), binary(2)
    code = model.code(x)
    expected = model.decode(code).log_prob(x) - model.decode(code[::-1]).log_prob(x)
    assert np.allclose(code_use(model, cut(x, 2)).loss, expected, atol=1e-5)


@pytest.mark.parametrize("number", [2, 3, 50])
def test_nobody_keeps_its_own_code(number):
    partners = _partners(number, seed=0)
    assert sorted(partners) == list(range(number)) and np.all(partners != np.arange(number))


def test_a_conditional_model_keeps_its_condition(make_vae, binary):
    networks = {name: Conditioned(MLP([16]), condition_size=2) for name in ("encoder", "decoder")}
    batches = cut(binary(6), condition=np.eye(2, dtype="float32")[np.arange(6) % 2])
    assert code_use(make_vae(**networks), batches).loss.shape == (6,)


def test_a_trained_model_is_sound(make_vae):
    # In the order of the classes, as many data sets are: an example's neighbour is its copy.
    x = np.repeat(np.eye(6, dtype="float32"), 20, axis=0)
    model = make_vae()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(cut(x, 60), epochs=100, verbose=0)
    metrics = measure(model, cut(x), num_samples=1)["metrics"]
    figures = code_use(model, cut(x)).metrics() | aggregate_posterior(model, cut(x)).metrics()
    collapsed, sentence = verdict(metrics["active_units"]["value"], 2, metrics["rate_per_dimension"]["value"], figures)
    assert not collapsed and "from the prior" not in sentence
