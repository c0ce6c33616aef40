"""Training and test steps: noise, metrics, schedules, resuming. All figures are of a CPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import DataError
from tfvae.likelihoods import Normal
from tfvae.models import VAE
from tfvae.models.latent_variable_model import TEST, TRAINING
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.schedules import LinearWarmup


def fit(model, data, epochs=1, **kwargs):
    if not model.compiled:
        model.compile(keras.optimizers.Adam(1e-2))
    return model.fit(data, epochs=epochs, verbose=0, **kwargs).history


def evaluate(model, data):
    model.compile()
    return model.evaluate(data, verbose=0, return_dict=True)


def assert_same(variables, others):
    for ours, theirs in zip(variables, others, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def silence(posterior):
    """Takes the noise out of a DiagonalNormal of two latents: a stddev of 1e-6, whatever the features are."""
    posterior.parameters.kernel.assign(posterior.parameters.kernel * [1, 1, 0, 0])
    posterior.parameters.bias.assign([0, 0, -30, -30])


def test_fit_reports_every_term(make_vae, binary, batches):
    history = fit(make_vae(), batches(binary(8)), validation_data=batches(binary(5)))
    names = {"loss", "distortion", "rate", "negative_elbo"}
    assert set(history) == names | {f"val_{name}" for name in names}


def test_validation_is_a_test_of_the_trained_weights(make_vae, binary, batches):
    model, validation = make_vae(), batches(binary(9, seed=1))
    history = fit(model, batches(binary(8)), validation_data=validation)
    assert history["val_negative_elbo"] == [evaluate(model, validation)["negative_elbo"]]


def test_fit_lowers_the_loss(make_vae, binary, batches):
    losses = fit(make_vae(), batches(np.repeat(binary(1), 32, axis=0)), epochs=10)["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_step_counts_the_training_batches(make_vae, binary, batches):
    model = make_vae()
    fit(model, batches(binary(9), 4), epochs=2)
    assert int(model.step) == 6


def test_validation_and_test_do_not_move_the_step(make_vae, binary, batches):
    model = make_vae()
    fit(model, batches(binary(8), 4), validation_data=batches(binary(20), 4))
    evaluate(model, batches(binary(20), 4))
    assert int(model.step) == 2


def test_beta_of_a_step_is_the_schedule_before_it(make_vae, binary, batches):
    model = make_vae(objective=ELBO(LinearWarmup(4)))
    history = fit(model, batches(binary(4), 4), epochs=6)
    betas = (np.array(history["loss"]) - history["distortion"]) / history["rate"]
    np.testing.assert_allclose(betas, [0, 0.25, 0.5, 0.75, 1, 1], atol=1e-3)  # float32 rounding over a small rate


def test_schedule_continues_after_a_reload(make_vae, binary, batches, reload):
    model = make_vae(objective=ELBO(LinearWarmup(4)))
    fit(model, batches(binary(8), 4))
    terms = reload(model).terms({"x": binary(4)}, (0, 1), training=True)
    assert float(terms["loss"]) == pytest.approx(float(terms["distortion"] + 0.5 * terms["rate"]))


def test_two_tests_give_the_same_numbers(make_vae, binary, batches):
    model, data = make_vae(), batches(binary(9))
    assert evaluate(model, data) == evaluate(model, data)


def test_noise_of_a_test_differs_from_batch_to_batch(make_vae, binary, batches):
    model, x = make_vae(), binary(4)
    once, twice = evaluate(model, batches(x)), evaluate(model, batches(np.concatenate([x, x])))
    assert once["distortion"] != twice["distortion"]


@pytest.mark.parametrize("batch_size", [4, 3, 9])
def test_ragged_last_batch_counts_by_its_examples(batch_size, make_vae, binary, batches):
    model, x = make_vae(), binary(9)  # 2 * 4 + 1: batches of 4, 4, 1
    expected = 0.0
    for start in range(0, 9, batch_size):
        part = x[start : start + batch_size]
        terms = model.terms({"x": part}, model.noise_seed(TEST, start), training=False)
        expected += float(terms["loss"]) * len(part) / 9
    assert evaluate(model, batches(x, batch_size))["loss"] == pytest.approx(expected, rel=1e-6)  # float32 rounding


@pytest.mark.parametrize("batch_size", [1, 4, 5, 9])
def test_mean_over_a_test_set_does_not_depend_on_the_batch_size(batch_size, make_vae, binary, batches):
    model, x = make_vae(), binary(9)
    silence(model.posterior)
    exact = -tf.reduce_mean(model.decode(model.encode(x).mean()).log_prob(x))
    distortion = evaluate(model, batches(x, batch_size))["distortion"]
    assert distortion == pytest.approx(float(exact), rel=1e-5)  # noise of 1e-6 and float32 rounding


def test_ragged_last_batch_counts_by_its_examples_in_training(make_vae, binary, batches):
    model, x = make_vae(), binary(5)
    model.compile(keras.optimizers.SGD(0.0))
    terms = [
        model.terms({"x": x[:4]}, model.noise_seed(TRAINING, 0), True),
        model.terms({"x": x[4:]}, model.noise_seed(TRAINING, 1), True),
    ]
    expected = 0.8 * float(terms[0]["loss"]) + 0.2 * float(terms[1]["loss"])
    assert fit(model, batches(x, 4))["loss"][0] == pytest.approx(expected, rel=1e-6)  # float32 rounding


def test_same_seed_trains_to_the_same_weights(make_vae, binary, batches):
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        models.append(make_vae(seed=3))
        fit(models[-1], batches(binary(9)), epochs=2)
    assert_same(models[0].weights, models[1].weights)


def test_other_seed_trains_to_other_weights(make_vae, binary, batches):
    weights = []
    for seed in (0, 1):
        keras.utils.set_random_seed(0)
        model = make_vae(seed=seed)
        fit(model, batches(binary(9)))
        weights.append(model.posterior.parameters.kernel.numpy())
    assert np.mean(weights[0] != weights[1]) > 0.5


def test_noise_of_training_and_test_never_meet(make_vae):
    model = make_vae()
    seeds = {tuple(model.noise_seed(stream, i).numpy()) for stream in (TRAINING, TEST) for i in range(100)}
    assert len(seeds) == 200


@pytest.mark.parametrize("seed", [-1, 2**40 + 1])
def test_any_integer_is_a_seed(seed, make_vae):
    assert make_vae(seed=seed).noise_seed(TRAINING, 0).shape == [2]


@pytest.mark.parametrize("wrong", [1.0, "0", None, True], ids=repr)
def test_seed_must_be_an_integer(wrong, make_vae):
    with pytest.raises(ValueError, match=r"`seed` must be an integer. Received: seed="):
        make_vae(seed=wrong)


def test_keras_file_keeps_optimizer_and_step(make_vae, binary, batches, reload):
    model = make_vae()
    fit(model, batches(binary(9)))
    loaded = reload(model)
    assert int(loaded.step) == int(loaded.optimizer.iterations) == 3
    assert_same(model.optimizer.variables, loaded.optimizer.variables)


def test_training_continued_from_a_file_is_the_uninterrupted_one(make_vae, binary, batches, reload):
    data, models = batches(binary(9)), []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        models.append(make_vae(objective=ELBO(LinearWarmup(8))))
    fit(models[0], data, epochs=4)
    fit(models[1], data, epochs=2)
    continued = reload(models[1])
    fit(continued, data, epochs=2)
    assert_same(models[0].weights, continued.weights)
    assert_same(models[0].optimizer.variables, continued.optimizer.variables)


def test_fit_of_bernoulli_on_grey_images_names_binarize(make_vae, batches):
    with pytest.raises(DataError, match=r"`binarize`"):
        fit(make_vae(), batches(np.full((4, 6), 0.5, "float32")))


def test_fit_of_normal_on_grey_images_works(make_vae, batches):
    history = fit(make_vae(likelihood=Normal()), batches(np.full((4, 6), 0.5, "float32")))
    assert np.isfinite(history["loss"][0])


def test_fit_builds_a_model_that_is_not_built(make_vae, binary, batches):
    model = VAE.from_config(make_vae().get_config())
    fit(model, batches(binary(4)))
    assert model.event_shape == (6,) and int(model.step) == 1


def test_weight_decay_of_a_layer_is_part_of_the_loss_alone(make_vae, binary):
    encoder = keras.Sequential([keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1))])
    model = make_vae(encoder=encoder)
    terms = model.terms({"x": binary(4)}, (0, 1), training=True)
    penalty = 0.1 * float(tf.reduce_sum(encoder.layers[0].kernel ** 2))
    assert float(terms["loss"] - terms["negative_elbo"]) == pytest.approx(penalty, rel=1e-4)  # float32 rounding


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_layers_that_behave_differently_in_training_are_told_of_it(part, make_vae, binary):
    model = make_vae(**{part: keras.Sequential([keras.layers.Dense(32), keras.layers.Dropout(0.5)])})
    terms = lambda mode: model.terms({"x": binary(4)}, (0, 1), mode)["loss"]  # noqa: E731
    assert terms(False) == terms(False) and terms(True) != terms(True)


def test_batch_normalization_learns_its_statistics_in_training_only(make_vae, binary, batches):
    norm = keras.layers.BatchNormalization()
    model = make_vae(encoder=keras.Sequential([norm]))
    evaluate(model, batches(binary(8)))
    untouched = np.array_equal(norm.moving_mean, np.zeros(6))
    fit(model, batches(binary(8)))
    assert untouched and np.any(norm.moving_mean != 0)


def test_update_takes_one_step_and_returns_its_terms(make_vae, binary):
    model, x = make_vae(), binary(4)
    model.compile("sgd")
    before = model.terms({"x": x}, model.noise_seed(TRAINING, 0), training=True)
    terms = model.update({"x": x})
    assert int(model.step) == 1 and float(terms["loss"]) == pytest.approx(float(before["loss"]))
    assert float(model.terms({"x": x}, model.noise_seed(TRAINING, 0), training=True)["loss"]) < float(terms["loss"])


def test_frozen_part_keeps_its_weights(make_vae, binary, batches):
    model = make_vae(decoder=MLP([8]))
    model.decoder.trainable = False
    frozen, moving = model.decoder.get_weights(), model.encoder.get_weights()
    fit(model, batches(binary(8)))
    assert all(np.array_equal(a, b) for a, b in zip(frozen, model.decoder.get_weights(), strict=True))
    assert not np.array_equal(moving[0], model.encoder.get_weights()[0])


def test_training_with_xla_gives_the_same_loss_up_to_noise(make_vae, binary, batches):
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = make_vae()
        silence(model.posterior)  # XLA draws other noise from the same seed
        model.compile("sgd", jit_compile=jit_compile)
        losses.append(fit(model, batches(binary(8)), epochs=2)["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)  # float32 rounding
