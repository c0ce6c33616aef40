"""AutoregressiveFlow: its Jacobian, its inverse, its density, and what `fit` reaches."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.priors import AutoregressiveFlow, maximum_likelihood


def flow(build, latent_size, num_flows=3, noise=0.2):
    """A flow with random weights, shift and scale."""
    prior = build(AutoregressiveFlow(num_flows, (8, 8)), (latent_size,), noise=noise)
    prior.shift.assign(np.linspace(-1, 1, latent_size))
    prior.log_scale.assign(np.linspace(-0.5, 0.3, latent_size))
    return prior


def normal(*shape):
    return tf.random.stateless_normal(shape, (0, 1))


sizes = pytest.mark.parametrize("latent_size", [1, 2, 5])


@sizes
def test_log_prob_holds_the_log_determinant_of_the_jacobian(latent_size, build):
    p, z = flow(build, latent_size)(), normal(4, latent_size)
    with tf.GradientTape() as tape:
        tape.watch(z)
        u = p.bijector.inverse(z)
    log_determinant = np.linalg.slogdet(tape.batch_jacobian(u, z))[1]
    log_prob = -np.sum(u.numpy() ** 2, -1) / 2 - latent_size / 2 * np.log(2 * np.pi) + log_determinant
    np.testing.assert_allclose(p.log_prob(tf.identity(z)), log_prob, rtol=1e-4)  # float32 rounding
    assert np.ptp(log_determinant) > 0.01 or latent_size == 1  # a volume-preserving flow would prove nothing


@sizes
def test_inverse_of_forward_is_the_identity(latent_size, build):
    bijector, u = flow(build, latent_size)().bijector, normal(4, latent_size)
    z = tf.identity(bijector.forward(u))  # TFP would look the answer up
    np.testing.assert_allclose(bijector.inverse(z), u, atol=1e-4)  # float32 rounding
    assert np.all(np.abs(z - u) > 1e-3)


def test_density_integrates_to_one(build):
    axis = np.arange(-20, 20, 0.1).astype("float32")
    grid = np.stack(np.meshgrid(axis, axis), -1)
    density = np.exp(flow(build, 2)().log_prob(grid), dtype="float64")
    assert density.sum() * 0.01 == pytest.approx(1, abs=1e-5)  # float32 rounding


def test_every_latent_depends_on_every_other(build):
    z = normal(4, 5)
    with tf.GradientTape() as tape:
        tape.watch(z)
        u = flow(build, 5, num_flows=2)().bijector.inverse(z)
    assert np.all(tape.batch_jacobian(u, z) != 0)  # the reversal between flows: one flow alone is triangular


@sizes
def test_starts_at_the_standard_normal(latent_size):
    prior = AutoregressiveFlow()
    prior.build((latent_size,))
    z = normal(4, latent_size)
    expected = -np.sum(z.numpy() ** 2, -1) / 2 - latent_size / 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(prior().log_prob(z), expected, rtol=1e-6)  # float32 rounding


def test_new_weights_give_a_new_density_of_the_same_sample(build):
    prior = flow(build, 2)
    z = prior().sample(3, seed=(0, 1))
    before = prior().log_prob(z)
    for weight in prior.trainable_weights:
        weight.assign_add(tf.fill(weight.shape, 0.1))
    after = prior().log_prob(z)
    np.testing.assert_allclose(after, prior().log_prob(tf.identity(z)), rtol=1e-6)
    assert np.all(np.abs(after - before) > 1e-3)


def banana(number, seed):
    """x ~ N(0, 1), y ~ N(x^2, 0.3^2), and log p(x, y)."""
    x, noise = np.random.default_rng(seed).normal(size=(2, number))
    log_prob = -(x**2 + noise**2) / 2 - np.log(2 * np.pi) - np.log(0.3)
    return np.stack([x, x**2 + 0.3 * noise], -1).astype("float32"), log_prob


def test_fit_comes_close_to_the_entropy_of_a_banana():
    prior = AutoregressiveFlow(2, (32, 32))
    prior.build((2,))
    prior.fit(banana(20_000, 0)[0], seed=0)
    z, log_prob = banana(20_000, 1)
    excess = (
        log_prob - prior().log_prob(z).numpy()
    )  # its mean is KL(banana || flow); a normal of the same moments has 0.9
    error = excess.std() / np.sqrt(len(z))
    assert -4 * error < excess.mean() < 0.05


def test_fit_of_one_latent_is_the_normal_of_the_codes():
    codes = np.random.default_rng(0).normal(-30, 5, [5000, 1]).astype("float32")
    prior = AutoregressiveFlow(1, (8,))
    prior.build((1,))
    prior.fit(codes, seed=0)
    z = np.array([[-40.0], [-30.0], [-25.0]], "float32")
    expected = -((z[:, 0] + 30) ** 2) / 50 - np.log(5 * np.sqrt(2 * np.pi))
    # 5,000 codes leave errors of 0.014 and 0.01 stddevs in mean and stddev; four of them, two stddevs away
    np.testing.assert_allclose(prior().log_prob(z), expected, atol=0.15)


def test_fit_to_codes_of_fewer_dimensions_stays_finite():
    line = np.random.default_rng(0).normal(size=[1000, 1]).astype("float32") * [1, 2, 0] + 0.1
    prior = AutoregressiveFlow(2, (8,))
    prior.build((3,))
    prior.fit(line.astype("float32"), seed=-1)
    z = prior().sample(1000, seed=(0, 1)).numpy()
    assert np.all(np.isfinite(prior().log_prob(line.astype("float32"))))
    assert np.corrcoef(z[:, 0], z[:, 1])[0, 1] > 0.99 and np.abs(z[:, 2] - 0.1).max() < 0.1


def test_fit_depends_on_codes_and_seed_alone(monkeypatch):
    monkeypatch.setattr(maximum_likelihood, "MAX_ROUNDS", 2)
    fitted = []
    for seed in (7, 7, 8):
        prior = AutoregressiveFlow(1, (4,))
        prior.build((2,))
        rng = np.random.default_rng(0)
        for weight in prior.trainable_weights:
            weight.assign(0.1 * rng.normal(size=weight.shape))
        prior.fit(normal(50, 2), seed)
        fitted.append(np.concatenate([weight.numpy().ravel() for weight in prior.weights]))
    np.testing.assert_array_equal(fitted[0], fitted[1])
    assert np.any(fitted[0] != fitted[2])


@pytest.mark.parametrize("wrong", [[], [8, 0], 8], ids=repr)
def test_hidden_sizes_must_be_positive_integers(wrong):
    with pytest.raises(ValueError, match="`hidden_sizes` must be a non-empty list of positive integers"):
        AutoregressiveFlow(2, wrong)
