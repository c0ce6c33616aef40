"""The VQ-VAE: its codebook against formulas in NumPy, its gradients, its bounds. All figures are of a CPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.likelihoods import Bernoulli, Normal
from tfvae.models import VQVAE
from tfvae.models.codebook import Codebook, straight_through
from tfvae.networks import MLP, Conditioned, ConvDecoder, ConvEncoder
from tfvae.priors import AutoregressiveCategorical, FittedAfterTraining, MixtureOfNormals, StandardNormal

K, D, N = 8, 3, 4
IMAGE = (9, 7, 3)


@pytest.fixture
def make_vq_vae():
    """Makes a small, built VQ-VAE; arguments replace its defaults."""

    def make(event_shape=(6,), **arguments):
        defaults = {"encoder": MLP([16]), "decoder": MLP([16]), "likelihood": Bernoulli(), "num_codes": N}
        sizes = {"codebook_size": K, "code_size": D}
        model = VQVAE(**{**defaults, **sizes, **arguments})
        model.build((None, *event_shape))
        return model

    return make


@pytest.fixture
def make_codebook():
    """Makes a codebook with embeddings drawn from N(0, 1) and the given counts."""

    def make(size=K, counts=1.0, **arguments):
        codebook = Codebook(size, D, **arguments)
        codebook.build()
        counts = np.broadcast_to(np.float32(counts), [size])
        codebook.counts.assign(counts)
        codebook.sums.assign(np.random.default_rng(1).normal(size=(size, D)) * counts[:, None])
        return codebook

    return make


@pytest.fixture
def vectors():
    return np.random.default_rng(2).normal(size=(500, D)).astype("float32")


@pytest.fixture(scope="module")
def fitted():
    """A model with a fitted prior, its data of six different examples, and what `evaluate` gave before and after."""
    keras.utils.set_random_seed(0)
    prior = FittedAfterTraining(AutoregressiveCategorical(K, hidden_sizes=(32,)))
    sizes = {"num_codes": N, "codebook_size": K, "code_size": D}
    model = VQVAE(MLP([16]), decoder=MLP([16]), likelihood=Bernoulli(), prior=prior, **sizes)
    x = np.repeat(np.eye(6, dtype="float32"), 50, axis=0)
    data = tf.data.Dataset.from_tensor_slices({"x": x, "label": np.zeros(300)}).batch(100)
    model(x)
    model.compile()
    model.optimizer.build(model.trainable_variables)
    before = model.evaluate(data, verbose=0, return_dict=True)
    model.fit_prior(data)
    return model, x, before, model.evaluate(data, verbose=0, return_dict=True)


def fit(model, data, epochs=1, **kwargs):
    model.compile(keras.optimizers.Adam(1e-2))
    return model.fit(data, epochs=epochs, verbose=0, **kwargs).history


def state_of(model):
    return [model.codebook.sums.numpy(), model.codebook.counts.numpy()]


# The codebook.


def test_nearest_is_that_of_brute_force_whatever_is_in_front(make_codebook, vectors):
    codebook = make_codebook(64)
    distances = np.linalg.norm(vectors[:, None].astype("float64") - codebook.embeddings.numpy(), axis=-1)
    indices = codebook.nearest(vectors.reshape(5, 100, D)).numpy()
    assert indices.dtype == np.int32 and len(np.unique(indices)) > 50
    np.testing.assert_array_equal(indices.reshape(-1), distances.argmin(axis=1))


def test_nearest_tells_close_embeddings_apart_far_from_zero(make_codebook):
    codebook = make_codebook(2)
    codebook.sums.assign([[1000, 0, 0], [1000.01, 0, 0]])  # |e|^2 = 1e6: in float32 its rounding is 0.06
    np.testing.assert_array_equal(codebook.nearest([[1000.004, 0, 0], [1000.006, 0, 0]]), [0, 1])


def test_an_embedding_is_nearest_to_itself_and_the_first_of_equal_ones_is_taken(make_codebook):
    codebook = make_codebook()
    codebook.sums.assign(tf.concat([codebook.sums[:7], codebook.sums[2:3]], 0))
    np.testing.assert_array_equal(codebook.nearest(codebook.embeddings), [0, 1, 2, 3, 4, 5, 6, 2])


def test_update_is_the_moving_average_of_the_paper(make_codebook, vectors):
    codebook = make_codebook(counts=np.linspace(20, 90, K), decay=0.9)
    counts, sums = codebook.counts.numpy().astype("float64"), codebook.sums.numpy().astype("float64")
    indices = codebook.nearest(vectors).numpy()
    codebook.update(vectors, indices, (0, 1))
    for k in range(K):  # appendix A.1, eq. 6 to 8
        chosen = vectors[indices == k].astype("float64")
        counts[k] = 0.9 * counts[k] + 0.1 * len(chosen)
        sums[k] = 0.9 * sums[k] + 0.1 * chosen.sum(axis=0)
    assert np.all(counts > 0.03 * counts.mean())  # none is dead
    np.testing.assert_allclose(codebook.counts, counts, rtol=1e-6)  # float32 rounding, here and below
    np.testing.assert_allclose(codebook.embeddings, sums / counts[:, None], rtol=1e-5, atol=1e-6)


def test_embeddings_converge_to_the_means_of_their_vectors(make_codebook, vectors):
    codebook = make_codebook(decay=0.5)
    indices = np.arange(500) % K
    for _ in range(40):
        codebook.update(vectors, indices, (0, 1))
    means = [vectors[indices == k].mean(axis=0) for k in range(K)]
    np.testing.assert_allclose(codebook.embeddings, means, rtol=1e-4, atol=1e-6)  # float32 rounding; 0.5^40 is 1e-12


@pytest.mark.parametrize(("threshold", "dead"), [(0.13, [6, 7]), (0.1, [7]), (0.05, [])])
def test_dead_embeddings_start_again_at_vectors_of_the_batch(threshold, dead, make_codebook, vectors):
    codebook = make_codebook(counts=[1.25] * 6 + [0.3, 0.2], restart_threshold=threshold, decay=0.5)
    before, batch = codebook.embeddings.numpy(), vectors[:12]
    codebook.update(batch, np.arange(12) % 6, (0, 1))  # now six times 1.625, 0.15 and 0.1: the average is 1.25
    after = codebook.embeddings.numpy()
    is_vector = [np.any(np.all(np.isclose(batch, e, rtol=1e-6), axis=1)) for e in after]  # float32 rounding
    assert np.flatnonzero(is_vector).tolist() == dead
    alive = [k for k in (6, 7) if k not in dead]
    np.testing.assert_allclose(after[alive], before[alive], rtol=1e-6)
    np.testing.assert_allclose(codebook.counts.numpy()[dead], np.full(len(dead), 1.25), rtol=1e-6)


def test_restarts_are_keyed_by_their_seed(make_codebook, vectors):
    states = []
    for seed in [(0, 1), (0, 1), (0, 2)]:
        codebook = make_codebook(counts=[100.0] + [0.01] * (K - 1))
        codebook.update(vectors, np.zeros(500, "int32"), seed)
        states.append(codebook.embeddings.numpy()[1:])
    assert np.array_equal(states[0], states[1]) and np.all(states[0] != states[2])


def test_perplexity_is_the_number_of_embeddings_used_alike(make_codebook):
    codebook = make_codebook()
    used = {1: [3] * 10, 2: [1, 5] * 3, K: list(range(K)) * 4}
    for perplexity, indices in used.items():
        assert float(codebook.perplexity(tf.constant([indices]))) == pytest.approx(perplexity, rel=1e-6)
    uneven = float(codebook.perplexity([0, 0, 0, 1]))
    assert uneven == pytest.approx(np.exp(0.75 * np.log(4 / 3) + 0.25 * np.log(4)), rel=1e-6)  # float32 rounding


def test_straight_through_gives_the_embeddings_exactly_and_their_gradient_to_the_vectors():
    vectors, embeddings = tf.constant([[1000.0, -3.0]]), tf.constant([[1e-3, 7e-4]])
    with tf.GradientTape() as tape:
        tape.watch([vectors, embeddings])
        result = straight_through(vectors, embeddings)
        loss = tf.reduce_sum(result * [[2.0, 5.0]])
    np.testing.assert_array_equal(result, embeddings)
    of_vectors, of_embeddings = tape.gradient(loss, [vectors, embeddings])
    assert of_vectors.numpy().tolist() == [[2, 5]] and of_embeddings is None


# The model.


def test_gradient_is_that_of_the_decoder_at_the_embedding_and_of_the_commitment(make_vq_vae, binary):
    model, x = make_vq_vae(commitment=0.4), binary(1)
    with tf.GradientTape() as tape:
        loss = model.terms({"x": x}, (0, 1), training=False)["loss"]
    gradient = tape.gradient(loss, model.to_vectors.bias)  # of one example: the gradient of its vectors
    vectors, z = tf.reshape(model.to_vectors(model.encoder(x)), [1, -1]), model.code(x)
    with tf.GradientTape() as tape:
        tape.watch(z)
        distortion = -model.likelihood(model.decoder(z)).log_prob(x)
    expected = tape.gradient(distortion, z) + 0.4 * 2 * (vectors - z)
    assert np.all(np.abs(vectors - z) > 1e-4) and np.all(gradient != 0)
    np.testing.assert_allclose(gradient, expected[0], rtol=1e-4, atol=1e-6)  # float32 rounding


@pytest.mark.parametrize("commitment", [0.0, 0.25])
def test_every_trainable_weight_has_a_gradient_and_the_codebook_is_none_of_them(
    commitment, make_vq_vae, binary, weights_without_gradient
):
    model = make_vq_vae(commitment=commitment)
    x = binary(16)
    assert weights_without_gradient(model, lambda: model.terms({"x": x}, (0, 1), training=True)["loss"]) == []
    assert not model.codebook.trainable_weights and len(model.codebook.weights) == 2
    with tf.GradientTape() as tape:
        tape.watch([model.codebook.sums.value, model.codebook.counts.value])
        loss = model.terms({"x": x}, (0, 1), training=False)["loss"]
    assert tape.gradient(loss, [model.codebook.sums.value, model.codebook.counts.value]) == [None, None]


def test_terms_are_sums_over_codes_and_means_over_examples(make_vq_vae, binary):
    model, x = make_vq_vae(likelihood=Normal(0.5), commitment=0.4), binary(5)
    terms = {name: float(term) for name, term in model.terms({"x": x}, (0, 1), training=False).items()}
    vectors = tf.reshape(model.to_vectors(model.encoder(x)), [5, N * D])
    distortion = 3 * np.log(2 * np.pi * 0.25) + 2 * np.mean(np.sum((x - model.reconstruct(x)) ** 2, axis=1))
    commitment = np.mean(np.sum((vectors - model.code(x)) ** 2, axis=1))
    assert terms["distortion"] == pytest.approx(distortion, rel=1e-5)  # float32 rounding, here and below
    assert terms["commitment"] == pytest.approx(commitment, rel=1e-5)
    assert terms["loss"] == pytest.approx(distortion + 0.4 * commitment, rel=1e-5)
    assert terms["rate"] == pytest.approx(N * np.log(K), rel=1e-6)
    assert terms["negative_elbo"] == pytest.approx(distortion + N * np.log(K), rel=1e-6)


def test_repeating_the_batch_changes_no_term(make_vq_vae, binary):
    model, x = make_vq_vae(), binary(5)
    once = model.terms({"x": x}, (0, 1), training=False)
    twice = model.terms({"x": np.concatenate([x, x])}, (0, 1), training=False)
    np.testing.assert_allclose([*twice.values()], [*once.values()], rtol=1e-5)  # float32 rounding


def test_bound_holds_for_the_sum_over_all_codes(make_vq_vae, binary):
    model, x = make_vq_vae(num_codes=2), binary(20)
    grid = tf.stack(tf.meshgrid(tf.range(K), tf.range(K)), axis=-1)  # all K^2 pairs of indices
    z = tf.reshape(model.codebook.embed(grid), [K * K, 1, 2 * D])
    log_evidence = tf.reduce_logsumexp(model.decode(z).log_prob(x), axis=0) - 2 * np.log(K)
    bound = model.terms({"x": x}, (0, 1), training=False)["negative_elbo"]
    assert bound > -tf.reduce_mean(log_evidence)


def test_rate_of_an_inference_is_that_of_the_terms(make_vq_vae, fitted, binary):
    for model in (make_vq_vae(), fitted[0]):
        x = binary(5)
        inference = model.inference(x, model.encode_sample(x, None, 3))
        (latent,) = inference.latents
        rate = kl_divergence(*latent)
        assert (rate.shape, latent.sample.shape) == ([5], [3, 5, N * D])
        terms = model.terms({"x": x}, (0, 1), training=False)
        assert float(tf.reduce_mean(rate)) == pytest.approx(float(terms["rate"]), rel=1e-6)  # float32 rounding
        assert float(-tf.reduce_mean(inference.likelihood.log_prob(x))) == pytest.approx(
            float(terms["distortion"]), rel=1e-5
        )
        np.testing.assert_array_equal(latent.posterior.log_prob(model.encode(x).value), np.zeros(5))


def test_training_moves_the_codebook_and_validation_does_not(make_vq_vae, binary, batches):
    model = make_vq_vae()
    before = state_of(model)
    model.compile(keras.optimizers.SGD(0.0))
    model.evaluate(batches(binary(8)), verbose=0)
    model.predict(batches(binary(8)), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, state_of(model), strict=True))
    model.fit(batches(binary(8), 8), verbose=0)
    codebook = make_vq_vae(encoder=model.encoder, decoder=model.decoder).codebook
    codebook.sums.assign(before[0])
    vectors = model.to_vectors(model.encoder(binary(8)))  # with a learning rate of 0 the same as in the step
    vectors = tf.reshape(vectors, [8, N, D])
    codebook.update(vectors, codebook.nearest(vectors), (0, 1))
    np.testing.assert_allclose(model.codebook.counts, codebook.counts, rtol=1e-6)  # float32 rounding, as below
    np.testing.assert_allclose(model.codebook.sums, codebook.sums, rtol=1e-5, atol=1e-7)


def test_dead_embeddings_are_used_after_their_restart(make_vq_vae, binary):
    model, x = make_vq_vae(codebook_size=16), binary(64)
    model.compile(keras.optimizers.SGD(0.0))
    model.codebook.sums.assign(tf.concat([model.codebook.sums[:1], tf.fill([15, D], 50.0)], 0))  # one in reach
    used = [float(model.update({"x": x})["perplexity"]) for _ in range(2)]
    model.codebook.counts.assign(tf.concat([[100.0], tf.fill([15], 0.1)], 0))
    model.codebook.sums.assign(tf.concat([model.codebook.sums[:1], tf.fill([15, D], 5.0)], 0))
    model.update({"x": x})
    after = model.terms({"x": x}, (0, 1), training=False)["perplexity"]
    assert used == pytest.approx([1, 1]) and after > 6


def test_fit_lowers_distortion_and_reports_every_term(make_vq_vae, binary, batches):
    x = np.repeat(binary(4), 16, axis=0)
    history = fit(make_vq_vae(), batches(x, 16), epochs=40, validation_data=batches(x))
    names = {"loss", "distortion", "rate", "negative_elbo", "commitment", "perplexity"}
    assert set(history) == names | {f"val_{name}" for name in names}
    assert history["distortion"][-1] < 0.3 * history["distortion"][0]


def test_continued_training_is_the_uninterrupted_one(make_vq_vae, binary, batches, reload):
    data, models = batches(binary(9), 3), []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        models.append(make_vq_vae(decay=0.5, restart_threshold=0.5))  # embeddings die in every step
    fit(models[0], data, epochs=4)
    fit(models[1], data, epochs=2)
    continued = reload(models[1])
    continued.fit(data, epochs=2, verbose=0)
    for ours, theirs in zip(models[0].variables, continued.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", [1, 2])
def test_keras_file_keeps_everything(seed, make_vq_vae, binary, reload):
    arguments = {"commitment": 0.5, "decay": 0.8, "restart_threshold": 0.1, "seed": seed}
    model, x = make_vq_vae(**arguments), binary(3)
    model.compile()
    model.update({"x": x})
    loaded = reload(model)
    assert (loaded.seed, loaded.num_codes, loaded.commitment) == (seed, N, 0.5)
    assert (loaded.codebook.decay, loaded.codebook.restart_threshold) == (0.8, 0.1)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.reconstruct(x), loaded.reconstruct(x))


@pytest.mark.parametrize("training", [False, True])
def test_eager_equals_graph(training, make_vq_vae, binary):
    model, x = make_vq_vae(), binary(5)
    state = state_of(model)
    evaluate = lambda x: model.terms({"x": x}, (0, 1), training=training)  # noqa: E731
    results = []
    for function in (evaluate, tf.function(evaluate)):
        model.codebook.sums.assign(state[0])
        model.codebook.counts.assign(state[1])
        results.append([*function(x).values(), *map(np.sum, state_of(model))])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)  # float32 rounding


def test_training_with_xla_gives_the_same_loss(make_vq_vae, binary, batches):
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = make_vq_vae()
        model.compile("sgd", jit_compile=jit_compile)
        losses.append(model.fit(batches(binary(8)), epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)  # float32 rounding


def test_codes_decode_to_reconstructions_and_anything_else_to_its_nearest_codes(make_vq_vae, binary):
    model, x = make_vq_vae(), binary(5)
    z = model.code(x)
    assert z.shape == (5, model.latent_size) == (5, N * D)
    np.testing.assert_allclose(model.decode(z).mean(), model.reconstruct(x), rtol=1e-5)  # float32 rounding, as below
    np.testing.assert_allclose(model.decode(z + 1e-4)[tf.newaxis].mean()[0], model.reconstruct(x), rtol=1e-5)
    anything = tf.random.stateless_normal([3, 5, N * D], (0, 1))
    quantised = model.codebook.embed(model.codebook.nearest(tf.reshape(anything, [3, 5, N, D])))
    expected = model.likelihood(model.decoder(tf.reshape(quantised, [15, N * D]))).mean()
    np.testing.assert_allclose(model.decode(anything).mean(), tf.reshape(expected, [3, 5, 6]), rtol=1e-5)


def test_served_functions_work_for_unknown_batches_and_keep_rows_apart(make_vq_vae, binary):
    model, x, seeds = make_vq_vae(), binary(7), tf.constant([[i, 7] for i in range(7)])

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([None, 2], "int32")])
    def serve(x, seeds):
        z = model.encode_sample(x, seeds, num_samples=2)
        inference = model.inference(x, z)
        p = model.prior_sample(seeds)
        rate = kl_divergence(*inference.latents[0])
        return (
            z[1],
            p,
            model.code(x),
            model.reconstruct(x),
            model.decode(p).mean(),
            rate,
            inference.likelihood.mean()[0],
        )

    everything = serve(x, seeds)
    assert everything[0].shape == everything[1].shape == (7, N * D) and len(np.unique(everything[1], axis=0)) > 5
    for all_rows, one, none in zip(everything, serve(x[3:4], seeds[3:4]), serve(x[:0], seeds[:0]), strict=True):
        np.testing.assert_allclose(all_rows[3:4], one, rtol=1e-5)  # float32 rounding
        assert none.shape[0] == 0


def test_samples_are_of_uniform_indices_until_the_prior_is_fitted(make_vq_vae):
    model = make_vq_vae()
    z = model.prior_sample(tf.constant([[0, i] for i in range(500)]))
    indices = model.codebook.nearest(tf.reshape(z, [-1, D])).numpy()
    error = np.sqrt(2000 * (1 / K) * (1 - 1 / K))
    assert np.all(np.abs(np.bincount(indices, minlength=K) - 2000 / K) < 4 * error)  # four standard errors
    assert model.can_sample and model.has_rate and not model.has_density
    assert model.sample(3, (0, 1)).shape == (3, 6)
    np.testing.assert_array_equal(model.sample(3, (0, 1)), model.sample(3, (0, 1)))


def test_fitted_prior_lowers_the_bound_and_the_graph_of_evaluate_follows(fitted):
    model, x, before, after = fitted
    num_distinct = len(np.unique(model.encode(x).value, axis=0))
    assert before["rate"] == pytest.approx(N * np.log(K), rel=1e-6)  # float32 rounding, here and below
    assert 0 < after["rate"] < np.log(num_distinct) + 0.1 < 2  # the entropy of the indices is the least there is
    assert after["negative_elbo"] - before["negative_elbo"] == pytest.approx(after["rate"] - before["rate"], rel=1e-4)


def test_optimizer_leaves_the_prior_alone_also_after_a_reload(fitted, reload):
    for model in (fitted[0], reload(fitted[0])):
        of_prior = {id(weight) for weight in model.prior.weights}
        assert of_prior and not of_prior & {id(weight) for weight in model.trainable_weights}


def test_fitted_prior_samples_what_it_was_fitted_to_after_a_reload(fitted, reload):
    model, x, *_ = fitted
    known = {tuple(row) for row in model.encode(x).value.numpy()}
    seeds = tf.constant([[0, i] for i in range(100)])
    loaded = reload(model)
    z = tf.function(loaded.prior_sample)(seeds)
    drawn = [tuple(row) for row in loaded.codebook.nearest(tf.reshape(z, [100, N, D])).numpy()]
    np.testing.assert_array_equal(tf.function(model.prior_sample)(seeds), z)
    assert len(known) < 7 and len(set(drawn)) > 1
    assert np.mean([row in known for row in drawn]) > 0.8  # by chance it would be 6 / 8^4


def grid_encoder(filters=5):
    return keras.Sequential([keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")])


def grid_decoder():
    layers = [keras.layers.Reshape((5, 4, D)), keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same")]
    return keras.Sequential([*layers, keras.layers.Cropping2D(((0, 1), (0, 1)))])


def test_codes_of_a_grid_stand_row_by_row(make_vq_vae, binary):
    model = make_vq_vae(IMAGE, encoder=grid_encoder(), decoder=grid_decoder(), num_codes=None)
    x = binary(2, IMAGE)
    assert (model.num_codes, model.latent_size) == (20, 20 * D)
    grid = model.to_vectors(model.encoder(x))
    np.testing.assert_array_equal(
        model.encode(x).value, tf.reshape(model.codebook.nearest(grid), [2, 20])
    )  # places in rows, as `Reshape((5, 4, D))` wants them
    assert model.reconstruct(x).shape == (2, *IMAGE)


@pytest.mark.parametrize(
    "make_networks",
    [
        pytest.param(lambda: (ConvEncoder((8, 8), 16), ConvDecoder((8, 8), 16), N), id="convolutional"),
        pytest.param(lambda: (grid_encoder(), grid_decoder(), 20), id="grid"),
    ],
)
def test_image_networks_train_and_survive_a_file(make_networks, make_vq_vae, binary, batches, reload):
    encoder, decoder, num_codes = make_networks()
    model, x = make_vq_vae(IMAGE, encoder=encoder, decoder=decoder, num_codes=num_codes), binary(6, IMAGE)
    fit(model, batches(x, 3))
    np.testing.assert_array_equal(model.reconstruct(x), reload(model).reconstruct(x))


def test_condition_reaches_encoder_and_decoder(make_vq_vae, binary):
    model = make_vq_vae(encoder=Conditioned(MLP([16]), 2), decoder=Conditioned(MLP([16]), 2))
    x, condition = binary(4), tf.one_hot([0, 1, 1, 0], 2)
    given = model.given({"condition": condition})
    z, other = given.code(x), model.code(x, condition=1 - condition)
    assert model.condition_size == 2 and np.any(z != other)
    by_rows = [model.decode(z[i : i + 1], condition=condition[i : i + 1]).mean()[0] for i in range(4)]
    np.testing.assert_allclose(given.decode(tf.stack([z, z])).mean()[1], by_rows, rtol=1e-5)  # float32 rounding
    assert np.all(np.any(model.decode(z, condition=1 - condition).mean() != by_rows, axis=1))
    assert given.sample(4, (0, 1)).shape == (4, 6)
    assert np.isfinite(model.terms({"x": x, "condition": condition}, (0, 1), training=True)["loss"])


def test_codebook_and_vectors_are_float32_under_mixed_precision(make_vq_vae, binary):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, x = make_vq_vae(), binary(4)
        terms = model.terms({"x": x}, (0, 1), training=True)
        assert {w.dtype for w in model.codebook.weights} == {"float32"} and model.code(x).dtype == tf.float32
        assert {term.dtype for term in terms.values()} == {tf.float32}
    finally:
        keras.config.set_dtype_policy("float32")


def test_weight_decay_of_a_layer_is_part_of_the_loss_alone(make_vq_vae, binary):
    layer = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1))
    terms = make_vq_vae(encoder=keras.Sequential([layer])).terms({"x": binary(4)}, (0, 1), training=False)
    penalty = 0.1 * float(tf.reduce_sum(layer.kernel**2))
    rest = float(terms["loss"] - terms["distortion"] - 0.25 * terms["commitment"])
    assert rest == pytest.approx(penalty, rel=1e-4)  # float32 rounding


WRONG = {
    "codebook_size": (0, r"`codebook_size` must be a positive integer. Received: codebook_size=0"),
    "code_size": (1.5, r"`code_size` must be a positive integer"),
    "num_codes": (-1, r"`num_codes` must be a positive integer"),
    "commitment": (-0.1, r"`commitment` must be a number from 0 up. Received: commitment=-0.1"),
    "decay": (1.0, r"`decay` must be at least 0 and below 1. Received: decay=1.0"),
    "restart_threshold": (0, r"`restart_threshold` must be between 0 and 1. Received: restart_threshold=0"),
}


@pytest.mark.parametrize(("argument", "value", "message"), [(a, v, m) for a, (v, m) in WRONG.items()], ids=WRONG)
def test_wrong_argument_is_named(argument, value, message, make_vq_vae):
    with pytest.raises(ValueError, match=message):
        make_vq_vae(**{argument: value})


@pytest.mark.parametrize(
    "make_prior",
    [StandardNormal, lambda: FittedAfterTraining(MixtureOfNormals(2)), lambda: AutoregressiveCategorical(K)],
)
def test_prior_must_be_of_discrete_codes_and_fitted_after_training(make_prior, make_vq_vae):
    with pytest.raises(ValueError, match=r"`prior` must be `FittedAfterTraining` of a prior over discrete codes."):
        make_vq_vae(prior=make_prior())


def test_prior_must_have_as_many_classes_as_the_codebook_has_embeddings(make_vq_vae):
    with pytest.raises(ValueError, match="Received: num_classes=9, codebook_size=8"):
        make_vq_vae(prior=FittedAfterTraining(AutoregressiveCategorical(9)))


def test_number_of_codes_must_be_given_for_a_vector_and_fit_a_grid(make_vq_vae):
    with pytest.raises(ValueError, match=r"`num_codes` must be given where the encoder ends in a vector."):
        make_vq_vae(num_codes=None)
    with pytest.raises(ValueError, match=r"for an encoder that ends in a grid of 5x4. Received: num_codes=4"):
        make_vq_vae(IMAGE, encoder=grid_encoder())
