"""The context of a batch: a condition reaches every part that asks for it, each row its own; so do index and seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import MLP, Conditioned, Corrupted, Masking
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal, Product
from tfvae.priors import ConditionalNormal, ExemplarPrior, StandardNormal
from tfvae.priors import Product as ProductOfPriors

K = 3
A, B = tf.one_hot([0, 1, 2, 0], K), tf.one_hot([1, 2, 0, 1], K)
SEEDS = tf.constant([[0, 1], [0, 2], [5, 1], [7, 7]])
CONDITIONAL = {  # role: the one part that depends on the condition
    "encoder": lambda: Conditioned(MLP([8]), K),
    "decoder": lambda: Conditioned(MLP([8]), K),
    "prior": lambda: ConditionalNormal(K, [8]),
}
roles = pytest.mark.parametrize("role", CONDITIONAL)


def at_random(prior):
    """Gives a ConditionalNormal, which starts as N(0, I), weights by which it depends on the condition."""
    shape = prior.parameters.kernel.shape
    prior.parameters.kernel.assign(np.random.default_rng(0).normal(size=shape))
    return prior


@pytest.fixture
def conditional(make_vae):
    """A VAE of which encoder, decoder and prior depend on the condition."""
    model = make_vae(**{role: make() for role, make in CONDITIONAL.items()})
    at_random(model.prior)
    return model


@pytest.fixture
def x(binary):
    return tf.constant(binary(4))


@roles
def test_condition_size_of_a_model_is_that_of_any_part(role, make_vae):
    assert make_vae().condition_size is None
    assert make_vae(**{role: CONDITIONAL[role]()}).condition_size == K


@roles
def test_another_condition_changes_the_terms_that_the_part_is_in(role, make_vae, x):
    model = make_vae(**{role: CONDITIONAL[role]()})
    if role == "prior":
        at_random(model.prior)
    one, other = (model.terms({"x": x, "condition": c}, (0, 1), training=True) for c in (A, B))
    changes = {"encoder": {"distortion", "rate"}, "decoder": {"distortion"}, "prior": {"rate"}}[role]
    assert {name for name in ("distortion", "rate") if float(one[name]) != float(other[name])} == changes


def test_every_distribution_depends_on_its_own_condition(conditional, x):
    z = tf.random.stateless_normal([4, 2], (0, 1))
    swapped = tf.stack([A[0], A[1], A[2], B[3]])
    for distribution in (
        lambda c: conditional.encode(x, condition=c),
        lambda c: conditional.decode(z, condition=c),
        lambda c: conditional.p_z(condition=c),
    ):
        one, other = distribution(A).mean().numpy(), distribution(swapped).mean().numpy()
        np.testing.assert_allclose(one[:3], other[:3], rtol=1e-6)  # float32 rounding
        assert np.all(one[3] != other[3])


def test_samples_of_a_row_have_the_condition_of_the_row(conditional, x):
    inference = conditional.infer(x, 3, seed=(0, 1), condition=A)
    (q, p, z), log_prob = inference.latents[0], inference.likelihood.log_prob(x)
    assert log_prob.shape == (3, 4)
    for b in range(4):
        row = slice(b, b + 1)
        alone = conditional.inference(x[row], z[:, row], condition=A[row])
        # float32 rounding of products of another shape.
        np.testing.assert_allclose(alone.likelihood.log_prob(x[row])[:, 0], log_prob[:, b], rtol=1e-5)
        np.testing.assert_allclose(alone.latents[0].posterior.mean()[0], q.mean()[b], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(alone.latents[0].prior.mean()[0], p.mean()[b], rtol=1e-5, atol=1e-6)


def test_a_model_given_a_batch_is_the_model_with_its_condition_passed(conditional, x):
    given, z = conditional.given({"x": x, "condition": A, "label": tf.zeros(4)}), tf.zeros([4, 2])
    pairs = [
        (given.encode(x).mean(), conditional.encode(x, condition=A).mean()),
        (given.code(x), conditional.code(x, condition=A)),
        (given.variational_parameters(x), conditional.variational_parameters(x, condition=A)),
        (given.decode(z).mean(), conditional.decode(z, condition=A).mean()),
        (given.decode_sample(z, SEEDS), conditional.decode_sample(z, SEEDS, condition=A)),
        (given.reconstruct(x), conditional.reconstruct(x, condition=A)),
        (given.sample(4, (0, 1)), conditional.sample(4, (0, 1), condition=A)),
        (given.encode_sample(x, SEEDS), conditional.encode_sample(x, SEEDS, condition=A)),
        (given.prior_sample(SEEDS), conditional.prior_sample(SEEDS, condition=A)),
        (given.infer(x, seed=(0, 1)).latents[0].sample, conditional.infer(x, seed=(0, 1), condition=A)[1][0].sample),
    ]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, theirs)
    assert given.latent_size == conditional.latent_size


def test_a_model_given_a_batch_without_condition_is_itself(make_vae, x):
    model = make_vae()
    assert model.given({"x": x, "label": tf.zeros(4)}) is model


def test_call_takes_the_condition_from_the_batch(conditional, x):
    np.testing.assert_array_equal(conditional({"x": x, "condition": A}), conditional.reconstruct(x, condition=A))


def test_samples_go_through_the_conditions_in_turn(conditional):
    images = conditional.sample(6, (0, 1), condition=A[:3])
    z = tf.reshape(conditional.p_z(condition=A[:3]).sample(2, seed=(0, 1)), [6, 2])
    for i in range(6):
        condition = A[i % 3 : i % 3 + 1]
        expected = conditional.decode(z[i : i + 1], condition=condition).mean()[0]
        np.testing.assert_allclose(images[i], expected, rtol=1e-5)  # float32 rounding


def test_samples_of_a_prior_without_condition_are_decoded_at_the_conditions_in_turn(make_vae):
    model = make_vae(decoder=CONDITIONAL["decoder"]())
    images, z = model.sample(6, (0, 1), condition=A[:3]), model.p_z().sample(6, seed=(0, 1))
    expected = model.decode(z, condition=tf.concat([A[:3], A[:3]], 0)).mean()
    np.testing.assert_allclose(images, expected, rtol=1e-5)


def test_one_seed_at_two_conditions_is_one_draw_moved_to_two_priors(conditional):
    seeds, p = tf.tile(SEEDS[:1], [3, 1]), conditional.p_z(condition=A[:3])
    noise = (conditional.prior_sample(seeds, condition=A[:3]) - p.mean()) / p.stddev()
    np.testing.assert_allclose(noise, tf.tile(noise[:1], [3, 1]), atol=1e-5)  # float32 rounding
    assert len(np.unique(p.mean().numpy(), axis=0)) == 3


@pytest.mark.parametrize("method", ["prior_sample", "encode_sample", "decode_sample"])
def test_draws_of_a_row_do_not_depend_on_the_batch(method, conditional, x):
    z = tf.random.stateless_normal([4, 2], (0, 1))
    draw = {
        "prior_sample": lambda rows: conditional.prior_sample(SEEDS[rows], condition=A[rows]),
        "encode_sample": lambda rows: conditional.encode_sample(x[rows], SEEDS[rows], condition=A[rows])[0],
        "decode_sample": lambda rows: conditional.decode_sample(z[rows], SEEDS[rows], condition=A[rows]),
    }[method]
    together = draw(slice(0, 4))
    for b in range(4):
        np.testing.assert_allclose(draw(slice(b, b + 1))[0], together[b], rtol=1e-5, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("method", ["prior_sample", "encode_sample", "decode_sample"])
def test_draws_at_conditions_work_for_unknown_batches_in_a_graph(method, conditional, x):
    arguments = {
        "prior_sample": (SEEDS, A),
        "encode_sample": (x, SEEDS, A),
        "decode_sample": (tf.zeros([4, 2]), SEEDS, A),
    }[method]
    specs = [tf.TensorSpec([None, *value.shape[1:]], value.dtype) for value in arguments]
    draw = lambda *args: getattr(conditional, method)(*args[:-1], condition=args[-1])  # noqa: E731
    np.testing.assert_allclose(tf.function(draw, input_signature=specs)(*arguments), draw(*arguments), rtol=1e-5)


@roles
def test_a_batch_without_condition_is_refused_with_what_it_must_have(role, make_vae, x):
    model = make_vae(**{role: CONDITIONAL[role]()})
    message = (
        "`condition` must be given to a prior" if role == "prior" else r"conditional: pass `condition`, float32 \[B"
    )
    with pytest.raises(ValueError, match=message):
        model.terms({"x": x}, (0, 1), training=True)


def test_a_condition_of_another_size_is_refused(conditional, x):
    with pytest.raises(
        ValueError, match=r"pass `condition`, float32 \[B, 3\]. Received: a condition of shape \(4, 2\)"
    ):
        conditional.encode(x, condition=tf.zeros([4, 2]))


def test_priors_of_a_product_receive_the_condition(make_vae, x):
    posterior = Product([DiagonalNormal(2), DiagonalNormal(1)])
    prior = ProductOfPriors([ConditionalNormal(K), ConditionalNormal(K)])
    model = make_vae(posterior=posterior, prior=prior)
    at_random(prior.priors[1])
    one, other = (model.infer(x, seed=(0, 1), condition=c).latents for c in (A, B))
    np.testing.assert_array_equal(one[0].prior.mean(), other[0].prior.mean())  # still N(0, I) whatever the condition
    assert np.all(one[1].prior.mean() != other[1].prior.mean())
    np.testing.assert_allclose(
        tf.concat([model.prior_sample(SEEDS[b : b + 1], condition=A[b : b + 1]) for b in range(4)], 0),
        model.prior_sample(SEEDS, condition=A),
        rtol=1e-5,
    )


def test_conditional_model_trains_by_fit_and_survives_a_file(conditional, x, reload):
    data = tf.data.Dataset.from_tensor_slices({"x": x, "condition": A}).repeat(8).batch(8)
    conditional.compile(keras.optimizers.Adam(1e-2))
    losses = conditional.fit(data, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    np.testing.assert_array_equal(
        reload(conditional).sample(4, (0, 1), condition=A), conditional.sample(4, (0, 1), condition=A)
    )


# Index and seed, which only training has.


def test_an_exemplar_is_left_out_of_its_own_prior_in_training_alone(make_vae, x):
    model = make_vae(prior=ExemplarPrior(3))
    model.start(x[:3], tf.constant([10, 11, 12], "int64"))
    index = tf.constant([10, 11, 12, 13], "int64")
    trained, tested = (model.infer(x, seed=(0, 1), training=t, index=index).latents[0].prior for t in (True, False))
    z = tf.random.stateless_normal([4, 2], (0, 1))
    components = tested.components_distribution.log_prob(z[:, tf.newaxis])
    kept = index[:, tf.newaxis] != tf.constant([[10, 11, 12]], "int64")
    expected = [np.log(np.mean(np.exp(row[keep]))) for row, keep in zip(components.numpy(), kept.numpy(), strict=True)]
    np.testing.assert_allclose(trained.log_prob(z), expected, rtol=1e-4)  # float32 rounding
    np.testing.assert_allclose(tested.log_prob(z), tf.reduce_logsumexp(components, -1) - np.log(3), rtol=1e-5)


def test_fit_starts_a_prior_of_examples_from_the_first_ones_and_no_second_time(make_vae, x):
    model = make_vae(prior=ExemplarPrior(2))
    model.compile(keras.optimizers.SGD(0.0))
    data = tf.data.Dataset.from_tensor_slices({"x": x, "index": tf.range(10, 14, dtype="int64")}).batch(4)
    model.fit(data, verbose=0)
    np.testing.assert_array_equal(model.prior.exemplars, x[:2])
    np.testing.assert_array_equal(model.prior.places, [10, 11])
    model.fit(data.map(lambda batch: {**batch, "x": 1 - batch["x"]}), verbose=0)
    np.testing.assert_array_equal(model.prior.exemplars, x[:2])


def test_corruption_is_there_in_training_alone_keyed_by_the_seed_and_never_in_the_likelihood(make_vae, x):
    model = make_vae(encoder=Corrupted(MLP([16]), Masking(0.5)), prior=StandardNormal(), objective=ELBO())
    means = lambda training, seed: model.infer(x, seed=seed, training=training)[1][0].posterior.mean()  # noqa: E731
    clean = model.encode(x).mean()
    np.testing.assert_array_equal(means(False, (0, 1)), clean)
    np.testing.assert_array_equal(means(True, (0, 1)), means(True, (0, 1)))
    assert np.any(means(True, (0, 1)) != clean) and np.any(means(True, (0, 1)) != means(True, (0, 2)))
    assert model.infer(x, seed=(0, 1), training=True).x is x
