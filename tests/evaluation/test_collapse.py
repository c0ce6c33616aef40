"""Collapse: which side of the code gave up, and that a model whose code is used raises no alarm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.evaluation import measure
from tfvae.evaluation.collapse import _partners, code_use, verdict
from tfvae.networks import MLP, Conditioned
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic

USED = {"value": 12.0, "standard_error": 0.5}
UNUSED = {"value": 0.2, "standard_error": 0.3}


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


def test_a_decoder_that_ignores_the_code_is_flagged_though_the_encoder_speaks(make_vae, binary):
    use = code_use(blinded(make_vae()), cut(binary(20))).metrics()["code_use"]
    collapsed, sentence = verdict(num_active=2, size=2, rates=[1.5, 0.5], use=use)
    assert collapsed and "although the encoder writes 2.00 nats, the decoder does not look at the code" in sentence


def test_an_encoder_that_says_nothing_is_flagged():
    collapsed, sentence = verdict(num_active=0, size=4, rates=[0.001] * 4, use=UNUSED)
    assert collapsed and "0 of 4 latent dimensions are active and the rate is 0.004 nats: the encoder says" in sentence


def test_no_rate_is_a_collapse_even_where_means_vary():
    assert verdict(num_active=3, size=3, rates=[0.009] * 3)[0]


@pytest.mark.parametrize("use", [USED, None])
def test_a_used_code_raises_no_alarm(use):
    collapsed, sentence = verdict(num_active=3, size=4, rates=[2.0, 1.0, 1.0, 0.0], use=use)
    assert not collapsed and sentence.startswith("3 of 4 latent dimensions are active; the rate is 4.00 nats")
    assert ("would cost the decoder 12.00 nats" in sentence) == (use is not None)


@pytest.mark.parametrize(
    ("value", "error", "collapsed"),
    [(0.005, 0.0001, True), (0.05, 0.001, False), (1.0, 0.4, True), (1.0, 0.3, False)],
)
def test_a_loss_counts_beyond_its_error_and_a_hundredth_of_a_nat(value, error, collapsed):
    use = {"value": value, "standard_error": error}
    assert verdict(num_active=2, size=2, rates=[1.0, 1.0], use=use)[0] == collapsed


def test_remarks_follow_from_the_figures():
    _, sentence = verdict(1, 4, [3.0, 0, 0, 0], USED, aggregate_kl={"value": 1.6})
    assert "a smaller code would do as well" in sentence and "1.60 nats from the prior" in sentence
    _, sentence = verdict(4, 4, [1.0] * 4, USED, aggregate_kl={"value": 1.6})
    assert "smaller code" not in sentence and "from the prior" not in sentence


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
    use = code_use(model, cut(x)).metrics()["code_use"]
    rates = metrics["rate_per_dimension"]["value"]
    assert not verdict(metrics["active_units"]["value"], 2, rates, use)[0]
