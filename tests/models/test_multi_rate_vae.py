"""The multi-rate VAE: at each beta it is an ordinary VAE, with its gradient, and its training is reproducible."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import likelihoods, networks, posteriors, priors
from tfvae.models import VAE, MultiRateVAE
from tfvae.models.multi_rate_vae import BETAS
from tfvae.objectives import ELBO, MultiRate
from tfvae.regularizers import CodeNorm
from tfvae.schedules import LinearWarmup

IMAGE = (9, 7, 1)
SEED = tf.constant([3, 4])
READ = (0.1, 0.7, 1.0, 8.0)


@pytest.fixture
def make():
    """Makes a small, built multi-rate VAE whose layers answer to beta in ways of their own."""

    def make_model(event_shape=(6,), seed=0, **parts):
        defaults = {
            "encoder": networks.MLP([16]),
            "posterior": posteriors.DiagonalNormal(2),
            "prior": priors.StandardNormal(),
            "decoder": networks.MLP([16]),
            "likelihood": likelihoods.Bernoulli(),
            "objective": MultiRate(0.1, 8.0),
        }
        model = MultiRateVAE(**{**defaults, **parts}, seed=seed)
        model.build((None, *event_shape))
        perturb(model)
        return model

    return make_model


def perturb(model):
    rng = np.random.default_rng(0)
    for response in (*model.encoding, *model.decoding):
        response.set_weights([weight + 0.5 * rng.normal(size=weight.shape) for weight in response.get_weights()])


def of_beta(model, beta):
    """The scope in which the model is that of a beta."""
    return keras.StatelessScope([(model.objective.beta, tf.constant(beta))])


NETWORKS = {
    "MLP": lambda: (networks.MLP([12, 10]), networks.MLP([12, 10])),
    "GatedMLP": lambda: (networks.GatedMLP([12, 10]), networks.GatedMLP([12, 10])),
    "Conv": lambda: (networks.ConvEncoder((6, 8), 12), networks.ConvDecoder((8, 6), 12)),
    "Residual": lambda: (networks.ResidualEncoder((6, 8), 12, 2), networks.ResidualDecoder((8, 6), 12, 2)),
    "Keras": lambda: (keras.layers.Flatten(), keras.Sequential([keras.layers.Dense(7, "tanh"), keras.layers.Dense(5)])),
}
PARTS = {
    "full covariance": {"posterior": lambda: posteriors.FullCovarianceNormal(2)},
    "flow": {"posterior": lambda: posteriors.InverseAutoregressive(2, hidden_sizes=[8])},
    "product": {
        "posterior": lambda: posteriors.Product([posteriors.DiagonalNormal(2), posteriors.RelaxedCategorical(3)]),
        "prior": lambda: priors.Product([priors.StandardNormal(), priors.UniformCategorical()]),
    },
    "VampPrior": {"prior": lambda: priors.VampPrior(3)},
    "flow prior": {"prior": lambda: priors.AutoregressiveFlow(1, [8])},
    "pixel scale": {"likelihood": lambda: likelihoods.Normal(likelihoods.PixelScale())},
    "learned scale": {"likelihood": lambda: likelihoods.Normal(likelihoods.LearnedScale())},
    "PixelCNN": {"likelihood": lambda: likelihoods.PixelCNN(filters=4, num_layers=1)},
    "mixture of logistics": {"likelihood": lambda: likelihoods.MixtureOfDiscretizedLogistics(2)},
}


def assert_equal_at(model, beta, x):
    """q(z|x), p(x|z), p(z) and the loss are those of the ordinary model."""
    plain = model.at(beta)
    z = plain.infer(x, 2, seed=SEED).latents[0].sample if len(plain.infer(x).latents) == 1 else None
    with of_beta(model, beta):
        ours = [model.variational_parameters(x), VAE.terms(model, {"x": x}, SEED, False)["loss"]]
        ours += [] if z is None else [model.decode(z).log_prob(x)]
    theirs = [plain.variational_parameters(x), plain.terms({"x": x}, SEED, False)["loss"]]
    theirs += [] if z is None else [plain.decode(z).log_prob(x)]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)  # float32 rounding, sums of up to 252 terms


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_read_off_is_the_model_at_that_beta(name, make, binary):
    encoder, decoder = NETWORKS[name]()
    model = make(IMAGE, encoder=encoder, decoder=decoder)
    for beta in READ:
        assert_equal_at(model, beta, binary(3, IMAGE))


@pytest.mark.parametrize("name", PARTS)
def test_any_parts_read_off_are_the_model_at_that_beta(name, make, binary):
    model = make(IMAGE, **{role: part() for role, part in PARTS[name].items()})
    for beta in (0.1, 8.0):
        assert_equal_at(model, beta, binary(3, IMAGE))


def test_betas_give_different_models(make, binary):
    model, x = make(), binary(3)
    codes = [model.at(beta).code(x) for beta in READ]
    assert all(np.max(np.abs(a - b)) > 0.01 for a, b in itertools.pairwise(codes))


def test_what_is_read_off_is_an_ordinary_vae_with_the_parts_and_the_step(make):
    model = make(objective=MultiRate(0.1, 8.0, num_samples=3), regularizers=[CodeNorm(0.5)], seed=5)
    model.step.assign(7)
    plain = model.at(2)
    assert type(plain) is VAE and type(plain.objective) is ELBO
    assert (plain.objective.beta, plain.objective.num_samples, plain.seed, int(plain.step)) == (2.0, 3, 5, 7)
    assert [type(r) for r in plain.regularizers] == [CodeNorm]
    answers = sum(len(response.weights) for response in (*model.encoding, *model.decoding))
    assert len(model.weights) == len(plain.weights) + answers + 1  # and the variable beta


def test_without_another_word_it_is_the_model_at_beta_one(make, binary):
    model, x = make(), binary(4)
    plain = model.at(1)
    np.testing.assert_allclose(model.reconstruct(x), plain.reconstruct(x), rtol=1e-5)  # float32 rounding
    np.testing.assert_allclose(model.sample(4, (1, 2)), plain.sample(4, (1, 2)), rtol=1e-5)
    seeds = tf.constant([[0, i] for i in range(4)])
    np.testing.assert_allclose(model.encode_sample(x, seeds), plain.encode_sample(x, seeds), rtol=1e-5, atol=1e-6)


def test_validation_is_the_mean_over_the_grid_and_reports_beta_one(make, binary):
    model, batch = make(), {"x": binary(5)}
    terms = model.terms(batch, SEED, training=False)
    losses = [float(model.at(beta).terms(batch, SEED, training=False)["loss"]) for beta in model.objective.grid]
    assert float(terms["loss"]) == pytest.approx(np.mean(losses), rel=1e-5)  # float32 rounding
    plain = model.at(1).terms(batch, SEED, training=False)
    for name in ("rate", "distortion", "negative_elbo"):
        assert float(terms[name]) == pytest.approx(float(plain[name]), rel=1e-5)
    assert model.monitor == "loss"


# The training.


def one_beta(model, seed=SEED):
    """The beta of a model with one group, and the seed of the group's noise."""
    (beta,) = model.objective.draw(tf.random.fold_in(seed, BETAS))
    return float(beta), tf.random.fold_in(seed, BETAS - 1)


def test_the_gradient_is_that_of_the_elbo_of_the_folded_model(make, binary, gradients_of):
    """By the chain rule: a base weight has the folded one's gradient times its gate, the drift log(beta) times it."""
    model, batch = make(objective=MultiRate(0.1, 8.0, num_betas=1)), {"x": binary(5)}
    beta, seed = one_beta(model)
    plain, log_beta = model.at(beta), np.float32(np.log(beta))
    assert abs(log_beta) > 0.1
    ours = gradients_of(model, lambda: model.terms(batch, SEED, training=True)["loss"])
    theirs = gradients_of(plain, lambda: plain.terms(batch, seed, training=True)["loss"])
    pairs = [
        (model.encoding[0], model.encoder.hidden[0], plain.encoder.hidden[0]),
        (model.encoding[1], model.posterior.parameters, plain.posterior.parameters),
        (model.decoding[0], model.decoder.hidden[0], plain.decoder.hidden[0]),
        (model.decoding[1], model.likelihood.logits.linear, plain.likelihood.logits.linear),
    ]
    close = {"rtol": 1e-4, "atol": 1e-6}  # float32 rounding of sums over the batch
    for response, layer, folded in pairs:
        gate = response.gate(response.slope * log_beta + response.offset)
        kernel, bias = theirs[folded.kernel.path], theirs[folded.bias.path]
        np.testing.assert_allclose(ours[layer.kernel.path], gate * kernel, **close)
        np.testing.assert_allclose(ours[layer.bias.path], gate * bias, **close)
        np.testing.assert_allclose(ours[response.drift.path], log_beta * bias, **close)


def test_the_loss_is_the_elbo_of_the_folded_model_and_the_mean_over_the_groups(make, binary):
    model, x = make(objective=MultiRate(0.1, 8.0, num_betas=3)), binary(8)
    losses = []
    for group, beta in enumerate(model.objective.draw(tf.random.fold_in(SEED, BETAS))):
        seed = tf.random.fold_in(SEED, BETAS - 1 - group)
        losses.append(float(model.at(float(beta)).terms({"x": x[group::3]}, seed, training=True)["loss"]))
    loss = float(model.terms({"x": x}, SEED, training=True)["loss"])
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)  # float32 rounding


def test_every_weight_is_trained(make, binary, weights_without_gradient):
    model, x = make(IMAGE), binary(8, IMAGE)
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, SEED, training=True)["loss"]) == []


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_batch_of_fewer_examples_than_groups_is_trained_on(number, make, binary):
    model = make(objective=MultiRate(num_betas=4))
    graph = tf.function(lambda x: model.terms({"x": x}, SEED, True), input_signature=[tf.TensorSpec([None, 6])])
    assert all(np.isfinite(term) for term in graph(binary(number)).values())


def updated(model, x, num_steps):
    update = tf.function(lambda: model.update({"x": x}))
    return [float(update()["loss"]) for _ in range(num_steps)]


def compiled(model):
    model.compile(keras.optimizers.Adam(0.01))
    return model


def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(make, binary, reload):
    x = binary(8)
    once, twice = compiled(make()), compiled(make())
    twice.set_weights(once.get_weights())
    straight = updated(once, x, 6)
    first = updated(twice, x, 3)
    loaded = reload(twice)
    assert first + updated(loaded, x, 3) == straight
    for one, other in zip(once.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(set(straight)) == 6


def test_every_step_has_its_betas_and_every_seed_others(make):
    def betas(seed, step):
        model = make(seed=seed)
        return tuple(model.objective.draw(tf.random.fold_in(model.noise_seed(0, step), BETAS)).numpy())

    assert betas(0, 3) == betas(0, 3) and len({betas(s, step) for s in (0, 1) for step in (3, 4)}) == 4


def test_a_file_keeps_every_beta(make, binary, reload):
    model, x = (
        make(IMAGE, encoder=networks.ConvEncoder((6,), 8), decoder=networks.ConvDecoder((6,), 8)),
        binary(3, IMAGE),
    )
    loaded = reload(model)
    for beta in READ:
        np.testing.assert_array_equal(loaded.at(beta).reconstruct(x), model.at(beta).reconstruct(x))
        np.testing.assert_array_equal(reload(model.at(beta)).reconstruct(x), model.at(beta).reconstruct(x))


def test_keras_fit_trains_it(make, binary, batches):
    model, data = compiled(make()), batches(binary(10), 3)
    history = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    assert {"loss", "rate", "distortion", "negative_elbo"} <= set(history) and np.all(np.isfinite(history["val_loss"]))


def test_mixed_precision(make, binary):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, x = make(), binary(4)
        assert all(term.dtype == "float32" for term in model.terms({"x": x}, SEED, True).values())
        codes, plain = model.code(x), model.at(1).code(x)
        assert {w.dtype for w in model.encoder.weights} == {"float32"}
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(codes, plain, rtol=0.02, atol=0.02)  # bfloat16 has 8 bits


def test_conditions_go_with_their_examples(make, binary):
    networks_of = [networks.Conditioned(networks.MLP([8]), 3) for _ in range(2)]
    model = make(encoder=networks_of[0], decoder=networks_of[1], objective=MultiRate(num_betas=2))
    x, condition = binary(6), tf.one_hot([0, 1, 2, 0, 1, 2], 3)
    terms = model.terms({"x": x, "condition": condition}, SEED, training=True)
    other = model.terms({"x": x, "condition": condition[::-1]}, SEED, training=True)
    assert float(terms["loss"]) != float(other["loss"])
    np.testing.assert_allclose(
        model.reconstruct(x, condition=condition), model.at(1).reconstruct(x, condition=condition), rtol=1e-5
    )


# What it refuses.


@pytest.mark.parametrize("objective", [ELBO, lambda: ELBO(beta=LinearWarmup(10))])
def test_another_objective_is_refused(objective, make):
    with pytest.raises(ValueError, match=r"go with each other alone. Received: a MultiRateVAE and the objective ELBO"):
        make(objective=objective())


def test_an_ordinary_vae_has_no_answer_to_beta(make_vae):
    with pytest.raises(ValueError, match=r"go with each other alone. Received: a VAE and the objective MultiRate"):
        make_vae(objective=MultiRate())


def test_a_prior_that_is_fitted_to_codes_is_refused(make):
    prior = priors.FittedAfterTraining(priors.MixtureOfNormals(2), before=priors.StandardNormal())
    with pytest.raises(ValueError, match="is fitted to codes of one beta"):
        make(prior=prior)


def test_a_beta_outside_of_the_range_is_refused(make):
    with pytest.raises(ValueError, match=r"`beta` must lie between 0.1 and 8, the range"):
        make().at(8.1)
