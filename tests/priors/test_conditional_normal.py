"""ConditionalNormal: a normal for each condition."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.priors import ConditionalNormal

tfd = tfp.distributions

CONDITIONS, LATENTS = 3, 2


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


@pytest.fixture(params=[(), (8,)], ids=["linear", "hidden"])
def prior(request, build):
    return build(ConditionalNormal(CONDITIONS, request.param), (LATENTS,))


def test_shapes_for_any_number_of_samples_and_conditions(prior):
    @tf.function(input_signature=[tf.TensorSpec([None, CONDITIONS]), tf.TensorSpec([], "int32")])
    def draw(condition, num_samples):
        p = prior(condition=condition)
        z = p.sample(num_samples, seed=(0, 1))
        return z, p.log_prob(z)

    for s, b in [(1, 1), (4, 3)]:
        z, log_prob = draw(normal(b, CONDITIONS), s)
        assert (z.shape, log_prob.shape) == ((s, b, LATENTS), (s, b))


def test_starts_at_the_standard_normal():
    prior = ConditionalNormal(CONDITIONS, (8,))
    prior.build((LATENTS,))
    p = prior(condition=normal(4, CONDITIONS))
    np.testing.assert_array_equal(p.mean(), np.zeros([4, LATENTS]))
    np.testing.assert_allclose(p.stddev(), np.ones([4, LATENTS]), rtol=2e-6)  # MINIMAL_STDDEV


def test_is_a_linear_function_of_the_condition_without_hidden_layers(build):
    prior, condition = build(ConditionalNormal(CONDITIONS), (LATENTS,)), normal(4, CONDITIONS)
    raw = condition @ prior.parameters.kernel + prior.parameters.bias
    stddev = np.log1p(np.exp(raw[:, LATENTS:]) * (np.e - 1))
    np.testing.assert_allclose(prior(condition=condition).mean(), raw[:, :LATENTS], rtol=1e-5)  # float32 rounding
    np.testing.assert_allclose(prior(condition=condition).stddev(), stddev, rtol=1e-5)


def test_a_row_depends_on_its_own_condition_alone(prior):
    condition = normal(4, CONDITIONS)
    together, alone = prior(condition=condition), prior(condition=condition[2:3])
    np.testing.assert_allclose(together.mean()[2:3], alone.mean(), rtol=1e-5)  # float32 rounding
    assert np.ptp(together.mean(), axis=0).min() > 0.01 and np.ptp(together.stddev(), axis=0).min() > 0.01


def test_kl_to_it_is_closed(prior):
    p, q = prior(condition=normal(4, CONDITIONS)), tfd.MultivariateNormalDiag(normal(4, LATENTS), tf.ones(LATENTS))
    ratio, distance = 1 / p.stddev().numpy(), (q.mean() - p.mean()) / p.stddev()
    expected = np.sum((ratio**2 + distance**2 - 1) / 2 - np.log(ratio), -1)
    np.testing.assert_allclose(kl_divergence(q, p, None), expected, rtol=1e-4)  # float32 rounding


def test_every_weight_has_a_gradient(prior, weights_without_gradient):
    p = lambda: prior(condition=normal(16, CONDITIONS))  # noqa: E731
    assert weights_without_gradient(prior, lambda: tf.reduce_sum(p().log_prob(tf.ones([16, LATENTS])))) == []


def test_condition_stays_float32_under_mixed_precision(build):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        prior = build(ConditionalNormal(CONDITIONS, (8,)), (LATENTS,))
    finally:
        keras.config.set_dtype_policy("float32")
    near = tf.constant([[1.0, 2.0, 3.0], [1.0001, 2.0, 3.0]])  # equal in bfloat16
    mean = prior(condition=near).mean()
    assert mean.dtype == "float32" and np.all(mean[0] != mean[1])


def test_trains_in_a_model_and_survives_a_keras_file(make_vae, binary, reload):
    model, condition = make_vae(prior=ConditionalNormal(CONDITIONS, (8,))), normal(4, CONDITIONS)
    model.compile("adam")
    model.fit(tf.data.Dataset.from_tensors({"x": binary(4), "condition": condition}).repeat(3), verbose=0)
    loaded = reload(model)
    samples = [m.sample(4, (0, 1), condition=condition) for m in (model, loaded)]
    np.testing.assert_array_equal(*samples)
    assert loaded.condition_size == CONDITIONS and np.any(model.prior.parameters.kernel != 0)
    assert np.any(samples[0] != model.sample(4, (0, 1), condition=condition + 1))


def test_missing_condition_is_refused(prior):
    with pytest.raises(ValueError, match="`condition` must be given to a prior that depends on it"):
        prior()


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_sizes_must_be_positive_integers(wrong):
    with pytest.raises(ValueError, match=r"`condition_size` must be a positive integer. Received: condition_size="):
        ConditionalNormal(wrong)
    with pytest.raises(ValueError, match=r"`hidden_sizes` must be a list of positive integers. Received: "):
        ConditionalNormal(3, [8, wrong])
