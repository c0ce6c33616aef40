"""The FactorVAE: who learns from what, the permutation, the estimate of total correlation. All figures are of a CPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE, FactorVAE
from tfvae.models.factor_vae import permute_dimensions
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal

CORRELATION, TOTAL_CORRELATION = 0.5, 0.143841  # of a bivariate normal, in nats (golden values)


@keras.saving.register_keras_serializable("tests")
class Squares(keras.layers.Layer):
    """z_1, z_2 and their products: what the log-ratio of two normals of two latents is a linear function of."""

    def call(self, z):
        return tf.concat([z, z**2, z[:, :1] * z[:, 1:]], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 5)


@pytest.fixture
def make_factor_vae():
    """Makes a small, built FactorVAE; arguments replace its defaults."""

    def make(**arguments):
        defaults = {
            "encoder": MLP([16]),
            "posterior": DiagonalNormal(3),
            "prior": StandardNormal(),
            "decoder": MLP([16]),
            "likelihood": Bernoulli(),
            "objective": ELBO(),
            "discriminator": MLP([16], "tanh"),
            "weight": 2.0,
        }
        model = FactorVAE(**{**defaults, **arguments})
        model.build((None, 6))
        return model

    return make


@pytest.fixture
def informed(make_factor_vae):
    """A FactorVAE whose discriminator has an opinion: at first its logit is zero."""

    def make(**arguments):
        model = make_factor_vae(**arguments)
        model.logit.kernel.assign(np.random.default_rng(0).normal(size=model.logit.kernel.shape))
        return model

    return make


def correlated(n, correlation=CORRELATION, seed=0):
    """n draws of a bivariate normal with unit variances."""
    covariance = [[1, correlation], [correlation, 1]]
    return np.random.default_rng(seed).multivariate_normal([0, 0], covariance, n).astype("float32")


def values(weights):
    return [weight.numpy() for weight in weights]


def same(first, second):
    return [bool(np.array_equal(a, b)) for a, b in zip(first, second, strict=True)]


# The permutation.


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_permutation_keeps_each_marginal(n):
    z = np.random.default_rng(0).normal(size=(n, 3)).astype("float32")
    permuted = permute_dimensions(z, (0, 1)).numpy()
    assert permuted.shape == (n, 3)
    np.testing.assert_array_equal(np.sort(permuted, axis=0), np.sort(z, axis=0))


def test_permutation_breaks_a_correlation():
    z = correlated(10_000, 0.9)
    permuted = permute_dimensions(z, (0, 1)).numpy()
    assert np.corrcoef(z.T)[0, 1] > 0.89
    assert abs(np.corrcoef(permuted.T)[0, 1]) < 4 / np.sqrt(10_000)  # four standard errors
    places = [np.corrcoef(z[:, i], permuted[:, i])[0, 1] for i in range(2)]
    assert np.all(np.abs(places) < 4 / np.sqrt(10_000))  # both columns are permuted


def test_permutation_is_uniform_and_keyed_by_its_seed():
    z = np.arange(3, dtype="float32")[:, None]
    draws = np.array([permute_dimensions(z, (0, i)).numpy()[:, 0] for i in range(600)])
    counts = np.unique(draws, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and np.all(np.abs(counts - 100) < 4 * np.sqrt(100 * 5 / 6))  # four standard errors
    np.testing.assert_array_equal(permute_dimensions(z, (0, 5)).numpy()[:, 0], draws[5])


# The discriminator.


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_discriminator_tells_the_first_half_from_the_permuted_other_half(n, informed):
    model, z = informed(), np.random.default_rng(0).normal(size=(n, 3)).astype("float32")
    half = (n + 1) // 2
    permuted = permute_dimensions(z[half:], (0, 1)).numpy()
    codes, noise = (model.log_density_ratio(rows).numpy().astype("float64") for rows in (z[:half], permuted))
    expected = np.sum(np.log1p(np.exp(-codes))) + np.sum(np.log1p(np.exp(noise)))
    assert float(model.discriminator_loss(z, (0, 1))) == pytest.approx(expected / n, rel=1e-5)  # float32 rounding


def test_discriminator_that_has_learnt_nothing_sees_no_total_correlation(make_factor_vae, binary):
    terms = make_factor_vae().terms({"x": binary(8)}, (0, 1), training=True)
    assert float(terms["total_correlation"]) == 0
    assert float(terms["discriminator_loss"]) == pytest.approx(np.log(2), rel=1e-6)  # float32 rounding


def test_log_density_ratio_of_samples_and_rows_is_that_of_each_row(informed):
    model, z = informed(), tf.random.stateless_normal([4, 5, 3], (0, 1))
    ratio = model.log_density_ratio(z).numpy()
    assert ratio.shape == (4, 5)
    np.testing.assert_allclose(ratio[2, 3], model.log_density_ratio(z[2, 3:4])[0], rtol=1e-5)  # float32 rounding


def test_trained_discriminator_estimates_the_total_correlation_of_a_bivariate_normal(make_factor_vae):
    model = make_factor_vae(posterior=DiagonalNormal(2), discriminator=Squares())
    optimizer, weights = model.discriminator_optimizer, model.discriminator_weights
    root = np.linalg.cholesky([[1, CORRELATION], [CORRELATION, 1]]).T.astype("float32")

    @tf.function
    def train(num_steps, stream):
        for i in tf.range(num_steps):
            seed = tf.stack([stream, i])
            z = tf.random.stateless_normal([4000, 2], seed) @ root
            with tf.GradientTape() as tape:
                loss = model.discriminator_loss(z, tf.random.fold_in(seed, 1))
            optimizer.apply(tape.gradient(loss, weights), weights)

    for stream, (rate, num_steps) in enumerate([(0.05, 400), (0.005, 400), (0.0005, 1000)]):
        optimizer.learning_rate = rate
        train(tf.constant(num_steps), tf.constant(stream))
    z = correlated(400_000).astype("float64")
    # The best discriminator knows both densities: its logit is log p(z) - log p(z_1) p(z_2).
    r = CORRELATION
    exact = -np.log(1 - r**2) / 2 + (2 * r * z[:, 0] * z[:, 1] - r**2 * (z**2).sum(axis=1)) / (2 * (1 - r**2))
    logits = model.log_density_ratio(z.astype("float32")).numpy()
    # Over eight seeds the means had a standard deviation of 0.0025, of which 0.0008 is that of these codes.
    assert abs(logits.mean() - TOTAL_CORRELATION) < 4 * 0.0025
    assert np.sqrt(np.mean((logits - exact) ** 2)) < 0.05


# The model.


def test_loss_is_that_of_the_vae_and_the_weighted_total_correlation(informed, binary):
    model, x = informed(weight=5.0), binary(7)
    parts = {name: getattr(model, name) for name in VAE.PARTS}
    vae = VAE(**parts)
    vae.build((None, 6))
    for training in (False, True):
        terms = model.terms({"x": x}, (0, 1), training)
        of_vae = vae.terms({"x": x}, (0, 1), training)
        z = model.infer(x, 1, (0, 1)).latents[0].sample
        total_correlation = float(tf.reduce_mean(model.log_density_ratio(z)))
        assert float(terms["total_correlation"]) == pytest.approx(total_correlation, rel=1e-5)  # float32 rounding
        assert float(terms["loss"]) == pytest.approx(float(of_vae["loss"]) + 5 * total_correlation, rel=1e-5)
        assert {name: terms[name] for name in of_vae if name != "loss"} == {
            name: term for name, term in of_vae.items() if name != "loss"
        }


def test_weights_of_the_two_optimizers_are_all_weights_and_none_is_of_both(make_factor_vae):
    model = make_factor_vae()
    of_vae = {w.path for w in model.trainable_weights}
    of_discriminator = {w.path for w in model.discriminator_weights}
    assert len(of_discriminator) == 4 and not of_vae & of_discriminator
    assert of_vae | of_discriminator == {w.path for w in model.weights if w.trainable}
    assert [w.path for w in model.trainable_variables] == [w.path for w in model.trainable_weights]


def test_every_weight_of_the_vae_has_a_gradient_also_of_the_total_correlation(
    informed, binary, weights_without_gradient
):
    model, x = informed(), binary(8)
    terms = lambda: model.terms({"x": x}, (0, 1), training=True)  # noqa: E731
    assert weights_without_gradient(model, lambda: terms()["loss"]) == []
    assert weights_without_gradient(model.posterior, lambda: terms()["total_correlation"]) == []


def test_gradient_of_the_discriminators_loss_reaches_the_discriminator_alone(informed, binary):
    model, x = informed(), binary(8)
    with tf.GradientTape() as tape:
        loss = model.terms({"x": x}, (0, 1), training=True)["discriminator_loss"]
    weights = model.discriminator_weights
    of_vae, of_discriminator = tape.gradient(loss, [model.trainable_weights, weights])
    assert all(gradient is None for gradient in of_vae)
    assert all(np.any(gradient != 0) for gradient in of_discriminator)


@pytest.mark.parametrize(("rates", "moving"), [((0.0, 1e-2), (False, True)), ((1e-2, 0.0), (True, False))])
def test_each_optimizer_moves_its_own_weights_alone(rates, moving, informed, binary):
    model = informed()
    model.compile(keras.optimizers.SGD(rates[0]))
    model.discriminator_optimizer.learning_rate = rates[1]
    before = values(model.trainable_weights), values(model.discriminator_weights)
    model.update({"x": binary(8)})
    after = values(model.trainable_weights), values(model.discriminator_weights)
    for moves, first, second in zip(moving, before, after, strict=True):
        assert same(first, second) == [not moves] * len(first)


def test_update_of_the_vae_is_by_the_gradient_of_the_loss_at_fixed_discriminator(informed, binary):
    model, x = informed(), binary(8)
    model.compile(keras.optimizers.SGD(0.5))
    with tf.GradientTape() as tape:
        loss = model.terms({"x": x}, model.noise_seed(0, 0), training=True)["loss"]
    gradients = tape.gradient(loss, model.trainable_weights)
    before = values(model.trainable_weights)
    model.update({"x": x})
    for weight, start, gradient in zip(model.trainable_weights, before, gradients, strict=True):
        np.testing.assert_allclose(weight, start - 0.5 * gradient, rtol=1e-5, atol=1e-7)  # float32 rounding


def test_optimizer_of_the_discriminator_is_that_of_the_paper(make_factor_vae, binary):
    optimizer = make_factor_vae().discriminator_optimizer
    config = optimizer.get_config()
    assert (config["beta_1"], config["beta_2"]) == (0.5, 0.9)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_steps_report_every_term_for_odd_batches_and_single_examples(make_factor_vae, binary, batches):
    model = make_factor_vae()
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(batches(binary(9), 8), validation_data=batches(binary(7), 3), verbose=0).history
    names = {"loss", "distortion", "rate", "negative_elbo", "total_correlation", "discriminator_loss"}
    assert set(history) == names | {f"val_{name}" for name in names}
    assert np.all(np.isfinite([*history.values()]))


def test_validation_moves_neither_weights_nor_optimizers(informed, binary, batches):
    model = informed()
    model.compile()
    before = values(model.weights), values(model.discriminator_optimizer.variables)
    model.evaluate(batches(binary(9)), verbose=0)
    assert all(same(before[0], values(model.weights)))
    assert all(same(before[1], values(model.discriminator_optimizer.variables)))


def train(model, data, epochs):
    if not model.compiled:
        model.compile(keras.optimizers.Adam(1e-2))
    model.fit(data, epochs=epochs, verbose=0)


@pytest.fixture
def twins(make_factor_vae):
    """Two equal models."""
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        models.append(make_factor_vae(discriminator_learning_rate=1e-2))
    return models


def assert_equal_training(model, other):
    assert int(other.discriminator_optimizer.iterations) == int(other.optimizer.iterations) == int(other.step) == 12
    assert all(same(values(model.weights), values(other.weights)))
    assert all(same(values(model.optimizer_variables), values(other.optimizer_variables)))


def test_training_continued_from_a_file_or_from_its_variables_is_the_uninterrupted_one(
    twins, make_factor_vae, binary, batches, reload
):
    data = batches(binary(9))
    train(twins[0], data, 4)
    train(twins[1], data, 2)
    copy = make_factor_vae(discriminator_learning_rate=1e-2)
    copy.compile(keras.optimizers.Adam(1e-2))
    copy.optimizer.build(copy.trainable_variables)
    saved = values([*twins[1].variables, *twins[1].optimizer_variables])
    for variable, value in zip([*copy.variables, *copy.optimizer_variables], saved, strict=True):
        variable.assign(value)
    for continued in (reload(twins[1]), copy):
        train(continued, data, 2)
        assert_equal_training(twins[0], continued)


def test_optimizer_variables_are_those_of_both(make_factor_vae):
    model = make_factor_vae()
    model.compile(keras.optimizers.Adam(1e-2))
    model.optimizer.build(model.trainable_variables)
    num_slots = 2 * len(model.trainable_weights) + 2 * len(model.discriminator_weights)
    assert len(model.optimizer_variables) == num_slots + 4  # and of each the learning rate and the iterations


def test_updates_in_a_loop_in_a_graph_are_those_of_single_calls(twins, binary):
    x = binary(8)
    for model in twins:
        model.compile(keras.optimizers.Adam(1e-2))
        model.optimizer.build(model.trainable_variables)

    @tf.function
    def advance(model, num_steps):
        for _ in tf.range(num_steps):
            model.update({"x": x})

    advance(twins[0], tf.constant(3))
    for _ in range(3):
        advance(twins[1], tf.constant(1))
    assert all(same(values(twins[0].variables), values(twins[1].variables)))
    assert all(same(values(twins[0].optimizer_variables), values(twins[1].optimizer_variables)))


def test_training_with_xla_gives_the_same_loss_up_to_noise(binary, batches, make_factor_vae):
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = make_factor_vae()
        model.posterior.parameters.kernel.assign(model.posterior.parameters.kernel * [1, 1, 1, 0, 0, 0])
        model.posterior.parameters.bias.assign([0, 0, 0, -30, -30, -30])  # XLA draws other noise from the same seed
        model.compile("sgd", jit_compile=jit_compile)
        history = model.fit(batches(binary(8), 8), epochs=2, verbose=0).history
        losses.append([*history["distortion"], *history["loss"]])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)  # another permutation, by 1e-4 in one step


def test_keras_file_keeps_everything(informed, binary, reload):
    model, x = informed(weight=7.0, discriminator_learning_rate=3e-3, seed=5), binary(3)
    loaded = reload(model)
    assert (loaded.weight, loaded.discriminator_learning_rate, loaded.seed) == (7.0, 3e-3, 5)
    assert all(same(model.get_weights(), loaded.get_weights()))
    ours, theirs = (m.terms({"x": x}, (0, 1), training=False) for m in (model, loaded))
    assert {name: float(term) for name, term in ours.items()} == {name: float(term) for name, term in theirs.items()}


def test_penalty_takes_apart_two_latents_that_say_the_same(make_factor_vae, binary):
    x, correlations = binary(256), []
    for weight in (0.0, 20.0):
        keras.utils.set_random_seed(0)
        model = make_factor_vae(
            posterior=DiagonalNormal(2),
            discriminator=Squares(),
            weight=weight,
            objective=ELBO(0.03),
            discriminator_learning_rate=1e-2,
        )
        kernel = model.posterior.parameters.kernel.numpy()
        kernel[:, 1] = kernel[:, 0]
        model.posterior.parameters.kernel.assign(3 * kernel * [1, 1, 0, 0])
        model.posterior.parameters.bias.assign([0, 0, -2, -2])
        model.compile(keras.optimizers.Adam(1e-2))
        model.optimizer.build(model.trainable_variables)
        update = tf.function(model.update)
        for _ in range(100):
            update({"x": tf.constant(x)})
        z = model.infer(np.tile(x, (20, 1)), 1, (0, 1)).latents[0].sample[0].numpy()
        correlations.append(abs(np.corrcoef(z.T)[0, 1]))
    assert correlations[0] > 0.25 > 0.15 > correlations[1]  # seen: 0.35 and 0.04, from 0.97 at the start


# What cannot be.


class PointPosterior(DiagonalNormal):
    has_density = False


class SpherePosterior(DiagonalNormal):
    support = "the sphere"


WRONG = {
    "deterministic": (
        {"posterior": PointPosterior(3)},
        "needs a posterior with a density, and `PointPosterior` has none",
    ),
    "sphere": ({"posterior": SpherePosterior(3)}, "permutes single latents, which takes `SpherePosterior` out of its"),
    "one latent": ({"posterior": DiagonalNormal(1)}, "needs at least 2 latents: one alone has no total correlation"),
    "no prior": ({"prior": None}, "`FactorVAE` needs a prior, and there is none"),
    "weight": ({"weight": -1.0}, "`weight` must be a number from 0 up. Received: weight=-1.0"),
    "rate": (
        {"discriminator_learning_rate": 0.0},
        "`discriminator_learning_rate` must be a positive number. Received:",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused(arguments, message, make_factor_vae):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        make_factor_vae(**arguments)
