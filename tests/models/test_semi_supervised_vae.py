"""M2: against conditional and plain VAEs, and on a mixture of linear models whose posterior is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae.data
from tfvae.divergences import kl_divergence
from tfvae.evaluation import log_likelihood, measure
from tfvae.likelihoods import Bernoulli, Normal
from tfvae.models import VAE, SemiSupervisedVAE
from tfvae.networks import MLP, Conditioned, ConvDecoder, ConvEncoder
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal, InverseAutoregressive
from tfvae.posteriors.diagonal_normal import MINIMAL_STDDEV
from tfvae.priors import ConditionalNormal, StandardNormal, VampPrior

tfd = tfp.distributions

# The mixture: y uniform over 3 classes, z ~ N(0, I), x ~ N(W z + b_y, sigma^2 I). The columns of W are orthogonal, so
# that p(z|x, y) is a diagonal normal.
W = np.array([[1, 0.5], [0.3, -1.2], [0.7, -0.2]])
OFFSETS = np.array([[0.1, -0.2, 0.3], [1.0, 0.5, -0.4], [-0.6, 0.8, 0.2]])  # b_y
SIGMA, CLASSES = 0.5, 3
COVARIANCE = W @ W.T + SIGMA**2 * np.eye(3)  # of x given y
X = np.array([[0.4, 0.1, 0.3], [-0.3, 0.2, 0.5]], "float32")
ALPHA = 2.5


@pytest.fixture
def make_model():
    """Makes a small, built model; arguments replace its parts."""

    def make(event_shape=(6,), num_classes=3, label_weight=ALPHA, seed=0, **parts):
        defaults = {
            "encoder": Conditioned(MLP([12]), num_classes),
            "posterior": DiagonalNormal(2),
            "prior": StandardNormal(),
            "decoder": Conditioned(MLP([12]), num_classes),
            "likelihood": Bernoulli(),
            "classifier": MLP([12]),
        }
        model = SemiSupervisedVAE(
            **{**defaults, **parts}, num_classes=num_classes, label_weight=label_weight, seed=seed
        )
        model.build((None, *event_shape))
        return model

    return make


@pytest.fixture
def mixture(make_model):
    """Makes the mixture with its exact q(z|x, y), its standard deviations `widened`, and with q(y|x) `tilted`."""

    def make(widened=1.0, tilted=(0.0, 0.0, 0.0), **arguments):
        model = make_model(
            (3,),
            encoder=Conditioned(keras.layers.Flatten(), CLASSES),
            decoder=Conditioned(keras.layers.Identity(), CLASSES),
            likelihood=Normal(SIGMA),
            classifier=keras.layers.Flatten(),
            **arguments,
        )
        precisions = 1 + np.sum(W**2, axis=0) / SIGMA**2
        mean = np.concatenate([np.eye(3), -OFFSETS]) @ W / SIGMA**2 / precisions  # of features (x, y)
        stddev = np.log(np.expm1(widened / np.sqrt(precisions) - MINIMAL_STDDEV))
        weights = [np.concatenate([mean, np.zeros([6, 2])], 1), np.concatenate([np.zeros(2), stddev])]
        model.posterior.parameters.set_weights(weights)
        model.likelihood.mean.linear.set_weights([np.concatenate([W.T, OFFSETS]), np.zeros(3)])
        scores = np.linalg.solve(COVARIANCE, OFFSETS.T)
        model.logits.set_weights([scores, -np.sum(OFFSETS.T * scores, axis=0) / 2 + tilted])
        return model

    return make


def log_joint(x):
    """log p(x, y) of the mixture, [B, K]."""
    normals = tfd.MultivariateNormalTriL(OFFSETS, np.linalg.cholesky(COVARIANCE))
    return normals.log_prob(np.float64(x)[:, None]).numpy() - np.log(CLASSES)


def log_p(x):
    return tf.reduce_logsumexp(log_joint(x), axis=1).numpy()


def silence(posterior):
    """Takes the noise out of a DiagonalNormal of two latents: a stddev of 1e-6, whatever the features are."""
    posterior.parameters.kernel.assign(posterior.parameters.kernel * [1, 1, 0, 0])
    posterior.parameters.bias.assign([0, 0, -30, -30])


def labelled(x, label):
    return {"x": x, "label": np.broadcast_to(np.int64(label), len(x))}


def log_weights(inference):
    ratios = sum(p.log_prob(z) - q.log_prob(z) for q, p, z in inference.latents)
    return (inference.likelihood.log_prob(inference.x) + ratios).numpy().astype("float64")


# The mixture.


def test_posterior_of_the_mixture_is_exact(mixture):
    weights = log_weights(mixture().infer(X, num_samples=50, seed=(0, 1)))
    np.testing.assert_allclose(weights, np.tile(log_p(X), (50, 1)), atol=2e-5)  # every weight is p(x); float32 rounding


def test_estimated_log_likelihood_of_the_mixture_is_exact(mixture):
    np.testing.assert_allclose(log_likelihood(mixture(), X, 10), log_p(X), atol=2e-5)  # float32 rounding


def test_importance_weights_average_to_the_likelihood(mixture):
    model = mixture(widened=1.3, tilted=(0.7, 0.0, -0.3))
    ratios = np.exp(log_weights(model.infer(X, num_samples=100_000, seed=(0, 1))) - log_p(X))  # their mean is 1
    errors = ratios.std(axis=0) / np.sqrt(100_000)
    assert np.all((errors > 1e-4) & (errors < 0.01) & (abs(ratios.mean(axis=0) - 1) < 4 * errors))


@pytest.mark.parametrize("tilted", [(0.0, 0.0, 0.0), (2.0, 0.0, -1.0)], ids=["exact", "tilted"])
def test_cost_without_label_lies_above_the_likelihood_by_the_divergence_of_the_classes(tilted, mixture):
    model, n = mixture(tilted=tilted), 20_000
    q = model.classify(X[:1]).numpy()[0]
    gap = np.sum(q * (np.log(q) - log_joint(X[:1])[0] + log_p(X[:1])))  # KL(q(y|x) || p(y|x))
    assert gap > 0.3 if any(tilted) else gap < 1e-6
    loss = model.terms(labelled(np.repeat(X[:1], n, 0), -1), (0, 1), training=True)["loss"]
    # -log p(x|y, z) is (x - W z - b_y)^2 / (2 sigma^2) + constant: its standard deviation over z is below 1 nat.
    assert abs(loss + log_p(X[:1])[0] - gap) < 4 / np.sqrt(n)


@pytest.mark.parametrize("label", range(CLASSES))
def test_cost_with_label_is_the_joint_likelihood_and_the_loss_of_the_classifier(label, mixture):
    model, n = mixture(tilted=(0.5, 0.0, 0.0)), 20_000
    loss = model.terms(labelled(np.repeat(X[:1], n, 0), label), (0, 1), training=True)["loss"]
    expected = -log_joint(X[:1])[0, label] - ALPHA * np.log(model.classify(X[:1])[0, label])
    assert abs(loss - expected) < 4 / np.sqrt(n)  # as above


def test_encode_sample_draws_from_the_posterior(mixture):
    model, n = mixture(), 4000
    seeds = tf.stack([tf.zeros(n, "int32"), tf.range(n)], axis=1)
    z, y = np.split(tf.function(model.encode_sample)(np.repeat(X[:1], n, 0), seeds)[0].numpy(), [2], axis=1)
    p = np.exp(log_joint(X[:1])[0] - log_p(X[:1]))
    assert np.all(abs(y.mean(0) - p) < 4 * np.sqrt(p * (1 - p) / n))  # four standard errors, as below
    variances = 1 / (1 + np.sum(W**2, axis=0) / SIGMA**2)
    for k in range(CLASSES):
        of_class = z[y[:, k] == 1]
        mean = (X[0] - OFFSETS[k]) @ W / SIGMA**2 * variances
        assert len(of_class) > 50 and np.all(abs(of_class.mean(0) - mean) < 4 * np.sqrt(variances / len(of_class)))


def test_code_is_the_likeliest_class_and_the_mean_given_it(mixture):
    code = mixture().code(X).numpy()
    classes = np.argmax(log_joint(X), axis=1)
    variances = 1 / (1 + np.sum(W**2, axis=0) / SIGMA**2)
    np.testing.assert_allclose(code[:, :2], (X - OFFSETS[classes]) @ W / SIGMA**2 * variances, atol=1e-6)  # float32
    np.testing.assert_array_equal(code[:, 2:], np.eye(CLASSES)[classes])


@pytest.mark.parametrize("by_rows", [True, False], ids=["prior_sample", "sample"])
def test_samples_of_the_prior_have_its_moments(by_rows, mixture):
    model, n = mixture(), 4000
    seeds = tf.stack([tf.zeros(n, "int32"), tf.range(n)], axis=1)
    means = model.decode(tf.function(model.prior_sample)(seeds)).mean() if by_rows else model.sample(n, (0, 1))
    covariance = W @ W.T + np.cov(OFFSETS.T, bias=True)
    stddevs = np.sqrt(np.diag(covariance))
    assert np.all(abs(np.mean(means, 0) - OFFSETS.mean(0)) < 4 * stddevs / np.sqrt(n))  # four standard errors, as below
    assert np.all(abs(np.cov(np.transpose(means)) - covariance) < 4 * np.sqrt(2 / n) * np.outer(stddevs, stddevs))


@pytest.mark.parametrize("label", range(CLASSES))
def test_classes_of_samples_can_be_chosen(label, mixture):
    model, condition = mixture(), np.eye(CLASSES, dtype="float32")[[label]]
    mean = np.mean(model.sample(4000, (0, 1), condition=condition), axis=0)
    assert np.all(abs(mean - OFFSETS[label]) < 4 * np.sqrt(np.diag(W @ W.T) / 4000))  # four standard errors
    code = model.prior_sample(tf.constant([[0, 1]]), condition=condition)
    np.testing.assert_array_equal(code[:, 2:], condition)


# What the costs are made of.


def test_known_classes_without_classifier_cost_what_a_conditional_vae_costs(make_model, binary):
    model, x, labels = make_model(label_weight=0), binary(4), np.array([0, 2, 1, 2])
    silence(model.posterior)  # the noise of the classes is not that of the VAE
    shared = {"prior": model.prior, "decoder": model.decoder, "likelihood": model.likelihood, "objective": ELBO()}
    vae = VAE(model.encoder, model.posterior, **shared)
    vae.build((None, 6))
    condition = np.eye(3, dtype="float32")[labels]
    expected = vae.terms({"x": x, "condition": condition}, (0, 1), training=True)["negative_elbo"] + np.log(3)
    loss = model.terms({"x": x, "label": labels}, (0, 1), training=True)["loss"]
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)  # noise of 1e-6 and float32 rounding


@pytest.mark.parametrize("label", [0, -1])
def test_with_one_class_it_is_a_vae(label, make_model, binary):
    model, x, ones = make_model(num_classes=1), binary(4), np.ones([4, 1], "float32")
    shared = {"prior": model.prior, "decoder": model.decoder, "likelihood": model.likelihood, "objective": ELBO()}
    vae = VAE(model.encoder, model.posterior, **shared)
    vae.build((None, 6))
    ours = model.terms(labelled(x, label), (0, 1), training=True)
    for name, value in vae.terms({"x": x, "condition": ones}, (0, 1), training=True).items():
        assert float(ours[name]) == pytest.approx(float(value), rel=1e-6)  # float32 rounding
    seeds = tf.constant([[i, 7] for i in range(4)])
    z = vae.encode_sample(x, seeds, condition=ones)  # of one sample: TFP lays out the noise of several differently
    np.testing.assert_allclose(model.encode_sample(x, seeds)[..., :2], z, rtol=1e-6)  # float32 rounding
    np.testing.assert_array_equal(model.prior_sample(seeds)[:, :2], vae.prior_sample(seeds))
    np.testing.assert_array_equal(model.reconstruct(x), vae.reconstruct(x, condition=ones))


def costs_of_classes(model, x):
    """C(x, y) of each class, [K], for one x: what it costs as a labelled example, without constant and classifier."""
    cross_entropy = -np.log(model.classify(x)[0])
    losses = [model.terms(labelled(x, k), (0, 1), training=True)["loss"] for k in range(3)]
    return np.array(losses) - np.log(3) - ALPHA * cross_entropy


def test_unknown_class_costs_the_expected_cost_less_the_entropy(make_model, binary):
    model, x = make_model(), binary(1)
    q = model.classify(x).numpy()[0]
    expected = np.sum(q * (costs_of_classes(model, x) + np.log(q))) + np.log(3)
    loss = model.terms(labelled(x, -1), (0, 1), training=True)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-5)  # float32 rounding


def test_gradient_of_the_classifier_counts_costs_and_entropy(make_model, binary):
    model, x = make_model(), binary(1)
    with tf.GradientTape() as tape:
        loss = model.terms(labelled(x, -1), (0, 1), training=True)["loss"]
    q, values = model.classify(x).numpy()[0], costs_of_classes(model, x)
    values += np.log(q)
    expected = q * (values - np.sum(q * values))  # of sum_y q(y) (C(y) + log q(y)) by the logits
    np.testing.assert_allclose(tape.gradient(loss, model.logits.bias), expected, atol=1e-5)  # float32 rounding
    assert np.max(np.abs(expected)) > 0.01


def test_gradient_of_the_classifier_is_the_finite_difference(make_model, binary):
    model, x = make_model(), binary(4)
    loss = lambda: model.terms({"x": x, "label": np.array([0, -1, 2, -1])}, (0, 1), training=True)["loss"]  # noqa: E731
    with tf.GradientTape() as tape:
        value = loss()
    gradient, bias, h = tape.gradient(value, model.logits.bias), model.logits.bias.numpy(), 0.05
    for k, step in enumerate(h * np.eye(3)):
        above, below = (model.logits.bias.assign(bias + sign * step) is None or float(loss()) for sign in (1, -1))
        assert (above - below) / (2 * h) == pytest.approx(float(gradient[k]), abs=1e-3)  # h^2 / 6 times some nats


def test_a_mixed_batch_costs_the_mean_of_its_examples(make_model, binary):
    model, x, labels = make_model(), binary(4), np.array([0, -1, 2, -1])
    silence(model.posterior)
    alone = [model.terms(labelled(x[i : i + 1], labels[i]), (0, 1), training=True)["loss"] for i in range(4)]
    loss = model.terms({"x": x, "label": labels}, (0, 1), training=True)["loss"]
    assert float(loss) == pytest.approx(np.mean(alone), rel=1e-5)  # noise of 1e-6 and float32 rounding


@pytest.mark.parametrize("labels", [[0, 1, 2, 0], [-1, 1, -1, 2], None], ids=["all", "some", "no label at all"])
def test_reported_bound_does_not_depend_on_the_labels(labels, make_model, binary):
    model, x = make_model(), binary(4)
    unlabelled = model.terms(labelled(x, -1), (0, 1), training=True)
    terms = model.terms({"x": x} if labels is None else {"x": x, "label": np.array(labels)}, (0, 1), training=True)
    for name in ("distortion", "rate", "negative_elbo"):
        assert float(terms[name]) == float(unlabelled[name])
    assert float(unlabelled["loss"]) == pytest.approx(float(terms["negative_elbo"]), rel=1e-6)  # float32 rounding


def test_weight_decay_of_a_layer_is_part_of_the_loss_alone(make_model, binary):
    classifier = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1))
    model = make_model(classifier=classifier)
    terms = model.terms(labelled(binary(4), -1), (0, 1), training=True)
    penalty = 0.1 * float(tf.reduce_sum(classifier.kernel**2))
    assert float(terms["loss"] - terms["negative_elbo"]) == pytest.approx(penalty, rel=1e-4)  # float32 rounding


def test_accuracy_is_over_the_examples_with_label(make_model, binary):
    model, x = make_model(), binary(9)
    right = np.argmax(model.classify(x), axis=1)
    labels = np.where(np.arange(9) < 6, right, -1)
    labels[0] = (right[0] + 1) % 3  # 5 of 6 are right
    data = tf.data.Dataset.from_tensor_slices({"x": x, "label": labels}).batch(4)
    model.compile()
    assert model.evaluate(data, verbose=0, return_dict=True)["accuracy"] == pytest.approx(5 / 6)


def test_without_any_label_the_accuracy_is_zero(make_model, binary, batches):
    model = make_model()
    model.compile()
    assert model.evaluate(batches(binary(4)), verbose=0, return_dict=True)["accuracy"] == 0


# Conformance.


def test_infer_has_samples_and_batch_in_front_for_unknown_sizes(make_model):
    model = make_model()

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([], "int32")])
    def infer(x, num_samples):
        inference = model.infer(x, num_samples, seed=(0, 1))
        return *(latent.sample for latent in inference.latents), inference.likelihood.log_prob(x)

    for s, b in [(1, 1), (4, 3)]:
        assert [t.shape for t in infer(tf.ones([b, 6]), s)] == [(s, b, 2), (s, b, 3), (s, b)]


@pytest.mark.parametrize("label", [1, -1])
def test_every_weight_has_a_gradient(label, make_model, binary, weights_without_gradient):
    model, batch = make_model(), labelled(binary(8), label)
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


def test_eager_equals_graph(make_model, binary):
    model, x = make_model(), binary(3)
    evaluate = lambda x: model.terms({"x": x, "label": tf.constant([1, -1, 0])}, (0, 1), training=False)  # noqa: E731
    eager, graph = evaluate(x), tf.function(evaluate)(x)
    for name, value in eager.items():
        assert float(graph[name]) == pytest.approx(float(value), rel=1e-5)  # float32 rounding


def test_keras_file_keeps_weights_outputs_and_optimizer(make_model, binary, reload):
    model, x = make_model(seed=7), binary(5)
    model.compile("adam")
    model.fit(tf.data.Dataset.from_tensor_slices(labelled(x, 1)).batch(4), verbose=0)
    loaded = reload(model)
    assert (loaded.seed, loaded.label_weight, loaded.num_classes, int(loaded.step)) == (7, ALPHA, 3, 2)
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ask in (lambda m: m.reconstruct(x), lambda m: m.classify(x), lambda m: m.sample(3, (0, 1))):
        np.testing.assert_array_equal(ask(model), ask(loaded))


def test_rows_do_not_depend_on_their_batch(make_model, binary):
    model, x, seeds = make_model(), binary(5), tf.constant([[i, 7] for i in range(5)])

    @tf.function(input_signature=[tf.TensorSpec([None, 6]), tf.TensorSpec([None, 2], "int32")])
    def answers(x, seeds):
        code = model.encode_sample(x, seeds, 3)
        inference = model.inference(x, code)
        rate = sum(kl_divergence(*latent) for latent in inference.latents)
        by_samples = [tf.transpose(t) for t in (rate, inference.likelihood.log_prob(x))]
        by_rows = [model.code(x), model.reconstruct(x), model.classify(x), model.prior_sample(seeds)]
        return [tf.transpose(code, [1, 0, 2]), *by_samples, *by_rows]

    order = [3, 1]
    for all_rows, rows in zip(answers(x, seeds), answers(x[order], tf.gather(seeds, order)), strict=True):
        np.testing.assert_allclose(tf.gather(all_rows, order), rows, rtol=1e-4, atol=1e-5)  # float32 rounding


@pytest.mark.parametrize("make_posterior", [DiagonalNormal, InverseAutoregressive])
def test_inference_at_the_samples_is_the_inference_that_drew_them(make_posterior, make_model, binary):
    model, x = make_model(posterior=make_posterior(2)), binary(4)
    drawn = model.infer(x, num_samples=3, seed=(0, 1))
    code = tf.concat([latent.sample for latent in drawn.latents], axis=-1)
    np.testing.assert_allclose(log_weights(model.inference(x, code)), log_weights(drawn), rtol=1e-5)  # float32 rounding


def test_evaluation_measures_it(make_model, binary):
    data = tf.data.Dataset.from_tensor_slices({"x": binary(4), "index": np.arange(4)}).batch(4)
    metrics = measure(make_model(), data, num_samples=20)["metrics"]
    assert len(metrics["rate_per_dimension"]["value"]) == 3  # two latents, and the class
    assert metrics["negative_log_likelihood"]["value"] > 0


def test_mixed_precision_leaves_the_terms_in_float32(make_model, binary):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_model()
    finally:
        keras.config.set_dtype_policy("float32")
    terms = model.terms({"x": binary(4), "label": np.array([0, -1, 2, -1])}, (0, 1), training=True)
    assert all(term.dtype == "float32" and np.isfinite(term) for term in terms.values())


def test_images_and_convolutions_work(make_model, binary, weights_without_gradient):
    networks = {
        "encoder": Conditioned(ConvEncoder((4,), 8), 3),
        "decoder": Conditioned(ConvDecoder((4,), 8), 3),
        "classifier": ConvEncoder((4,), 8),
    }
    model, x = make_model((9, 7, 1), **networks), binary(8, (9, 7, 1))
    batch = {"x": x, "label": np.array([0, 1, 2, -1] * 2)}
    assert model.reconstruct(x).shape == x.shape
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


@pytest.mark.slow
def test_hundred_labels_and_all_images_beat_the_hundred_labels_alone():
    splits = tfvae.data.load("digits", batch_size=128, binarize="static", num_labels=100)
    test = {name: np.concatenate([batch[name] for batch in splits.test]) for name in ("x", "label")}
    examples = [(x, y) for batch in splits.train for x, y in zip(batch["x"], batch["label"], strict=True) if y >= 0]
    x, y = (np.array(column) for column in zip(*examples, strict=True))
    alone = keras.Sequential([MLP([128]), keras.layers.Dense(10)])
    alone.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    alone.fit(x, y, epochs=200, batch_size=100, verbose=0)
    networks = {"encoder": Conditioned(MLP([128]), 10), "decoder": Conditioned(MLP([128]), 10)}
    parts = {"posterior": DiagonalNormal(8), "prior": StandardNormal(), "likelihood": Bernoulli(), **networks}
    model = SemiSupervisedVAE(classifier=MLP([128]), num_classes=10, label_weight=10.0, **parts)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(splits.train, epochs=40, verbose=0)
    accuracy = np.mean(np.argmax(model.classify(test["x"]), axis=1) == test["label"])
    # 0.67 and 0.84 on 360 examples: a standard error of 0.025 and 0.02, and both are tested on the same examples.
    assert accuracy > alone.evaluate(test["x"], test["label"], verbose=0)[1] + 0.08


# Faults.


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_num_classes_must_be_a_positive_integer(wrong, make_model):
    with pytest.raises(ValueError, match=r"`num_classes` must be a positive integer. Received: num_classes="):
        SemiSupervisedVAE(MLP([8]), DiagonalNormal(2), StandardNormal(), MLP([8]), Bernoulli(), MLP([8]), wrong)


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), None, True], ids=repr)
def test_label_weight_must_be_a_number_from_zero_up(wrong, make_model):
    with pytest.raises(ValueError, match=r"`label_weight` must be a number from 0 up. Received: label_weight="):
        make_model(label_weight=wrong)


@pytest.mark.parametrize("make_prior", [lambda: ConditionalNormal(3), lambda: VampPrior(2)], ids=["class", "examples"])
def test_prior_must_not_depend_on_class_or_examples(make_prior, make_model):
    with pytest.raises(ValueError, match=r"`prior` must be a p\(z\) that depends on neither class nor examples"):
        make_model(prior=make_prior())


def test_there_must_be_a_prior(make_model):
    with pytest.raises(ValueError, match="`SemiSupervisedVAE` needs a prior, and there is none"):
        make_model(prior=None)


def test_decoder_must_ask_for_the_class(make_model):
    with pytest.raises(ValueError, match="`decoder` must ask for the class"):
        make_model(decoder=MLP([8]))


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_condition_must_have_the_size_of_the_classes(role, make_model):
    with pytest.raises(ValueError, match=r"size of the networks' condition, 4. Received: num_classes=3"):
        make_model(**{role: Conditioned(MLP([8]), 4)})


def test_label_that_is_no_class_stops_the_training(make_model, binary):
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside the valid range"):
        make_model().terms(labelled(binary(4), 3), (0, 1), training=True)
