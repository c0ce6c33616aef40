"""ExemplarPrior: its components, and how examples are left out of their own prior."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.priors import ExemplarPrior

tfd = tfp.distributions

PLACES = [3, 0, 7, 5]


@pytest.fixture
def model(make_vae, binary):
    model = make_vae(prior=ExemplarPrior(4))
    model.start(tf.constant(binary(4)), tf.constant(PLACES, "int64"))
    return model


def log_densities(model, x, z):
    """log N(z; mean of q(z|x_m), 1) for z [N, 2] and each exemplar: [N, M]. The stddev starts at 1."""
    return tfd.MultivariateNormalDiag(model.encode(x).mean(), tf.ones(2)).log_prob(z[:, tf.newaxis]).numpy()


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


def test_log_prob_is_that_of_the_mean_component(model, binary):
    z = normal(5, 2)
    expected = np.log(np.exp(log_densities(model, binary(4), z)).mean(1))
    np.testing.assert_allclose(model.p_z().log_prob(z), expected, rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize("graph", [False, True])
def test_an_exemplar_is_left_out_of_its_own_prior(graph, model, binary):
    z, index = normal(5, 2), tf.constant([3, 0, 7, 5, 9], "int64")

    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None], "int64")])
    def evaluate(z, index):
        p = model.p_z(index=index)
        return p.log_prob(z), p.sample(seed=(0, 1)), p.batch_shape_tensor()

    log_prob, sample, batch_shape = (evaluate if graph else evaluate.python_function)(z, index)
    densities = np.exp(log_densities(model, binary(4), z))
    kept = 1 - np.eye(5, 4)  # the fifth example is no exemplar
    np.testing.assert_allclose(log_prob, np.log((densities * kept).sum(1) / kept.sum(1)), rtol=1e-5)  # rounding
    assert sample.shape == (5, 2) and list(batch_shape) == [5]


def test_samples_of_one_example_come_from_the_others(model):
    model.prior.raw_stddev.assign(-20.0)  # so that a sample is a mean
    means = model.encode(model.prior.exemplars.value).mean().numpy()
    z = model.p_z(index=tf.constant([7], "int64")).sample(200, seed=(0, 1))[:, 0].numpy()
    chosen = np.argmin(np.abs(z[:, None] - means).sum(-1), axis=1)
    assert set(chosen) == {0, 1, 3}


def test_loss_leaves_out_in_training_only(model, binary):
    x = binary(4)
    batch = {"x": x, "index": tf.constant(PLACES, "int64")}
    with_index = {training: model.terms(batch, (0, 1), training)["rate"] for training in (False, True)}
    without = {training: model.terms({"x": x}, (0, 1), training)["rate"] for training in (False, True)}
    assert with_index[False] == without[False] == without[True] < with_index[True]


def test_gradient_flows_into_the_encoder_through_the_means(model, gradients_of):
    gradients = gradients_of(model.encoder, lambda: tf.reduce_sum(model.p_z().log_prob(normal(5, 2))))
    assert all(np.any(gradient != 0) for gradient in gradients.values())


def test_leaving_out_gives_finite_gradients(model, gradients_of):
    p = lambda: model.p_z(index=tf.constant(PLACES, "int64"))  # noqa: E731
    gradients = gradients_of(model, lambda: tf.reduce_sum(p().log_prob(normal(4, 2))))
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients.values() if gradient is not None)
    assert gradients[model.prior.raw_stddev.path] != 0


def test_fit_starts_the_exemplars_from_training_examples(make_vae, binary):
    model, x = make_vae(prior=ExemplarPrior(3)), binary(8)
    index = np.arange(8)[::-1].astype("int64")
    model.compile("adam")
    model.fit(tf.data.Dataset.from_tensor_slices({"x": x, "index": index}).batch(4), verbose=0)
    np.testing.assert_array_equal(model.prior.exemplars, x[:3])
    np.testing.assert_array_equal(model.prior.places, index[:3])


def test_too_few_examples_are_refused(make_vae, binary):
    with pytest.raises(ValueError, match="`num_exemplars` must be at most the number of training examples"):
        make_vae(prior=ExemplarPrior(5)).start(tf.constant(binary(4)), tf.range(4, dtype="int64"))


@pytest.mark.parametrize("wrong", [0, 1, 2.0, None], ids=repr)
def test_one_exemplar_is_refused_since_it_could_be_left_out(wrong):
    with pytest.raises(ValueError, match=r"`num_exemplars` must be an integer of at least 2. Received: num_exemplars="):
        ExemplarPrior(wrong)
