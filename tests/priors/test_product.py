"""Product: independent factors in one vector."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.posteriors import DiagonalNormal, VonMisesFisher
from tfvae.posteriors import Product as PosteriorProduct
from tfvae.priors import (
    ConditionalNormal,
    ExemplarPrior,
    FittedAfterTraining,
    MixtureOfNormals,
    Product,
    StandardNormal,
    UniformCategorical,
    UniformOnSphere,
    VampPrior,
)

tfd = tfp.distributions

SHAPES = ((1,), (3,), (2,))


@pytest.fixture
def prior():
    prior = Product([StandardNormal(), UniformOnSphere(), MixtureOfNormals(2)])
    prior.build(SHAPES)
    return prior


def test_shapes_for_any_number_of_samples(prior):
    @tf.function(input_signature=[tf.TensorSpec([], "int32")])
    def draw(num_samples):
        p = prior()
        assert (p.batch_shape, p.event_shape) == ([], [6])
        z = p.sample(num_samples, seed=(0, 1))
        return z, p.log_prob(z)

    for s in (0, 1, 5):
        z, log_prob = draw(s)
        assert (z.shape, log_prob.shape) == ((s, 6), (s,))


def test_factors_keep_their_sizes_and_their_order(prior):
    assert [p.event_shape for p in prior().distributions] == [[1], [3], [2]]
    names = [type(p).__name__ for p in prior().distributions]
    assert names == ["MultivariateNormalDiag", "SphericalUniform", "MixtureSameFamily"]


def test_log_prob_is_the_sum_over_the_factors(prior):
    z = prior().sample(5, seed=(0, 1))
    parts = zip(prior().distributions, tf.split(z, [1, 3, 2], axis=-1), strict=True)
    np.testing.assert_allclose(prior().log_prob(z), sum(p.log_prob(part) for p, part in parts), rtol=1e-5)  # rounding


def test_factors_are_independent():
    prior = Product([StandardNormal(), StandardNormal()])
    prior.build(((1,), (1,)))
    z = prior().sample(10_000, seed=(0, 1)).numpy()
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.04  # four standard errors


def test_condition_reaches_every_factor(build):
    prior = build(Product([ConditionalNormal(3), ConditionalNormal(3)]), ((1,), (2,)))
    condition = tf.random.stateless_normal([4, 3], (0, 1))
    p = prior(condition=condition)
    z = p.sample(5, seed=(0, 1))
    assert (prior.condition_size, z.shape, p.log_prob(z).shape) == (3, (5, 4, 3), (5, 4))
    expected = np.concatenate([factor(condition=condition).mean() for factor in prior.priors], -1)
    np.testing.assert_array_equal(np.concatenate([q.mean() for q in p.distributions], -1), expected)


def test_has_a_density_if_all_factors_have(prior):
    assert prior.has_density and prior.support == ("the real space", "the sphere", "the real space")
    discrete = Product([StandardNormal(), UniformCategorical()])
    assert not discrete.has_density and discrete.support == ("the real space", "the simplex")


def test_survives_its_config(prior):
    loaded = Product.from_config(prior.get_config())
    loaded.build(SHAPES)
    loaded.set_weights(prior.get_weights())
    assert len(loaded.trainable_weights) == 3
    np.testing.assert_array_equal(loaded().sample(5, seed=(0, 1)), prior().sample(5, seed=(0, 1)))


@pytest.mark.parametrize("shape", [((1,), (3,)), (6,), ((1,), (3,), (2,), (2,))], ids=str)
def test_another_number_of_factors_is_refused(shape):
    with pytest.raises(ValueError, match="`priors` must hold one prior for each factor of a `Product` posterior"):
        Product([StandardNormal(), UniformOnSphere(), StandardNormal()]).build(shape)


@pytest.mark.parametrize(
    "wrong", [VampPrior(2), ExemplarPrior(2), FittedAfterTraining(MixtureOfNormals(2))], ids=lambda p: type(p).__name__
)
def test_priors_of_the_whole_posterior_are_refused(wrong):
    with pytest.raises(ValueError, match=f"`{type(wrong).__name__}` cannot be a factor"):
        Product([StandardNormal(), wrong])


def test_a_condition_for_some_factors_is_refused():
    with pytest.raises(ValueError, match="`priors` must all depend on the same condition, or none"):
        Product([StandardNormal(), ConditionalNormal(3)])


@pytest.mark.parametrize("wrong", [[], ["StandardNormal"], "StandardNormal", StandardNormal()], ids=str)
def test_what_is_no_list_of_priors_is_refused(wrong):
    with pytest.raises(ValueError, match=r"`priors` must be a non-empty list of priors. Received: priors="):
        Product(wrong)


def test_trains_in_a_model_with_a_group_for_each_factor(make_vae, binary, batches, reload):
    posterior = PosteriorProduct([DiagonalNormal(1), VonMisesFisher(3)])
    model = make_vae(posterior=posterior, prior=Product([MixtureOfNormals(2), UniformOnSphere()]))
    model.compile("adam")
    assert np.isfinite(model.fit(batches(binary(8)), verbose=0).history["rate"][0])
    inference = model.infer(binary(4), seed=(0, 1))
    assert [type(latent.prior).__name__ for latent in inference.latents] == ["MixtureSameFamily", "SphericalUniform"]
    np.testing.assert_array_equal(reload(model).sample(5, (0, 1)), model.sample(5, (0, 1)))
