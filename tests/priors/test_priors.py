"""Conformance of the priors: of those in the real space by their densities, of all by their shapes and files."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_divergence
from tfvae.offers import accepted
from tfvae.priors import (
    AutoregressiveFlow,
    ExemplarPrior,
    MixtureOfNormals,
    StandardNormal,
    UniformCategorical,
    UniformOnSphere,
    UniformRelaxedCategorical,
    VampPrior,
)

tfd = tfp.distributions

PRIORS = {
    "StandardNormal": StandardNormal,
    "MixtureOfNormals": functools.partial(MixtureOfNormals, 3),
    "VampPrior": functools.partial(VampPrior, 3),
    "ExemplarPrior": functools.partial(ExemplarPrior, 4),
    "AutoregressiveFlow": functools.partial(AutoregressiveFlow, 2, (8, 8)),
}
ELSEWHERE = {
    "UniformOnSphere": UniformOnSphere,
    "UniformCategorical": UniformCategorical,
    "UniformRelaxedCategorical": functools.partial(UniformRelaxedCategorical, 0.7),
}
LATENTS = 2

priors = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
all_priors = pytest.mark.parametrize("make", {**PRIORS, **ELSEWHERE}.values(), ids={**PRIORS, **ELSEWHERE})


def grid():
    axis = np.arange(-10, 10, 0.1).astype("float32")
    return np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)


def density_of(model):
    """p(z) at the points of `grid()`, times the area that each stands for."""
    return np.exp(model.p_z().log_prob(grid()), dtype="float64") * 0.01


def of(prior, encode):
    """p(z) of a prior that is offered what a model offers."""
    return prior(**accepted(prior.call, encode=encode, code=lambda x: encode(x).mean()))


@pytest.mark.parametrize(
    ("make", "latent_size"),
    [
        *itertools.product(PRIORS.values(), [1, 2, 3]),
        *itertools.product(ELSEWHERE.values(), [2, 3]),  # a sphere or a simplex has two dimensions at least
    ],
)
def test_shapes_for_any_number_of_samples(make, latent_size):
    prior = make()
    encode = lambda x: tfd.MultivariateNormalDiag(tf.zeros([x.shape[0], latent_size]))  # noqa: E731
    prior.build((latent_size,), *[(6,)] * (prior.support is None or prior.num_examples > 0))

    @tf.function(input_signature=[tf.TensorSpec([], "int32")])
    def draw(num_samples):
        p = of(prior, encode)
        assert (p.batch_shape, p.event_shape) == ([], [latent_size])
        z = p.sample(num_samples, seed=(0, 1))
        return z, p.log_prob(z)

    for s in (0, 1, 5):
        z, log_prob = draw(s)
        assert (z.shape, log_prob.shape) == ((s, latent_size), (s,))


@priors
def test_log_prob_broadcasts_over_samples_and_batch(make, build_in_vae):
    p = build_in_vae(make()).p_z()
    z = tf.random.stateless_normal([3, 4, LATENTS], (0, 1))
    np.testing.assert_allclose(p.log_prob(z)[2, 1], p.log_prob(z[2, 1]), rtol=1e-5)  # float32 rounding


@priors
def test_density_integrates_to_one(make, build_in_vae):
    assert np.sum(density_of(build_in_vae(make()))) == pytest.approx(1, abs=1e-5)  # float32 rounding


@priors
def test_sampler_has_the_moments_of_the_density(make, build_in_vae):
    model = build_in_vae(make())
    weight, points = density_of(model), grid()
    second = np.einsum("n,ni,nj->ij", weight, points, points)
    z = model.p_z().sample(100_000, seed=(0, 1)).numpy()
    products = z[:, :, None] * z[:, None]
    error = products.std(0) / np.sqrt(len(z))
    assert np.all(np.abs(products.mean(0) - second) < 4 * error)  # four standard errors
    assert np.all(np.abs(z.mean(0) - weight @ points) < 4 * z.std(0) / np.sqrt(len(z)))


@priors
def test_every_weight_of_a_model_has_a_gradient(make, build_in_vae, binary, weights_without_gradient):
    model, x = build_in_vae(make()), binary(16)
    batch = {"x": x, "index": tf.range(16, dtype="int64")}
    assert weights_without_gradient(model, lambda: model.terms(batch, (0, 1), training=True)["loss"]) == []


@priors
@pytest.mark.parametrize("jit_compile", [False, True])
def test_graph_of_unknown_lengths_equals_eager_mode(make, jit_compile, build_in_vae):
    model, z = build_in_vae(make()), tf.random.stateless_normal([3, 4, LATENTS], (0, 1))

    def evaluate(z):
        return model.p_z().log_prob(z), model.p_z().sample(5, seed=(0, 1))

    signature = [tf.TensorSpec([None, None, None])]  # TFP forgets the length of an axis that is 1
    log_prob, sample = tf.function(evaluate, input_signature=signature, jit_compile=jit_compile)(z)
    np.testing.assert_allclose(log_prob, evaluate(z)[0], rtol=1e-4, atol=1e-5)  # float32 rounding
    if jit_compile:  # the same seed gives other numbers under XLA
        assert np.all(np.isfinite(sample)) and sample.shape == (5, LATENTS)
    else:
        np.testing.assert_allclose(sample, evaluate(z)[1], rtol=1e-4, atol=1e-5)  # float32 rounding


@all_priors
def test_is_float32_under_mixed_precision(make, build):
    encode = lambda x: tfd.MultivariateNormalDiag(x[:, :LATENTS])  # noqa: E731
    results = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        try:
            prior = make()
        finally:
            keras.config.set_dtype_policy("float32")
        build(prior, (LATENTS,), *[(6,)] * (prior.support is None or prior.num_examples > 0))
        z = of(prior, encode).sample(5, seed=(0, 1))
        results.append(of(prior, encode).log_prob(z))
    assert z.dtype == "float32"
    np.testing.assert_array_equal(*results)


@priors
def test_survives_a_keras_file(make, build_in_vae, reload):
    model = build_in_vae(make())
    np.testing.assert_array_equal(reload(model).sample(5, (0, 1)), model.sample(5, (0, 1)))


@pytest.mark.parametrize("make", ELSEWHERE.values(), ids=ELSEWHERE)
def test_constructor_survives_its_config(make):
    prior = make()
    assert type(prior).from_config(prior.get_config()).get_config() == prior.get_config()


@all_priors
def test_a_product_of_posteriors_is_refused(make):
    prior = make()
    with pytest.raises(
        ValueError, match=rf"`{type(prior).__name__}` is a prior of one group of latents: take `Product`"
    ):
        prior.build(((2,), (3,)), *[(6,)] * (prior.support is None or prior.num_examples > 0))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (MixtureOfNormals, "num_components"),
        (VampPrior, "num_components"),
        (AutoregressiveFlow, "num_flows"),
    ],
)
@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None], ids=repr)
def test_counts_must_be_positive_integers(make, name, wrong):
    with pytest.raises(ValueError, match=rf"`{name}` must be a positive integer. Received: {name}="):
        make(wrong)


def test_standard_normal_is_its_formula():
    prior = StandardNormal()
    prior.build((3,))
    log_prob = float(prior().log_prob([1.0, -2.0, 0.5]))
    assert log_prob == pytest.approx(-(1 + 4 + 0.25) / 2 - 1.5 * np.log(2 * np.pi), rel=1e-6)  # float32 rounding


def test_kl_of_standard_normal_to_itself_is_zero():
    prior = StandardNormal()
    prior.build((3,))
    kl = kl_divergence(tfd.MultivariateNormalDiag(tf.zeros([1, 3])), prior(), None)
    np.testing.assert_allclose(kl, [0], atol=1e-6)  # float32 rounding
