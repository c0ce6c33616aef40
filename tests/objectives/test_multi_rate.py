"""The objective of many betas: what it draws, what its terms are at rest, and what it refuses."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from tfvae.inference import Inference, Latent
from tfvae.objectives import ELBO, CapacityELBO, MultiRate

tfd = tfp.distributions
STEP = tf.constant(5, "int64")
LEVEL = 0.001  # of the tests of uniformity: they fail by chance for one seed in a thousand, and the seeds are fixed


@pytest.fixture
def inference():
    mean, x = tf.constant([[0.8], [-0.4]]), tf.constant([[1.0, 0, 1], [0, 1, 0]])
    posterior = tfd.MultivariateNormalDiag(mean, 0.6 * tf.ones([2, 1]))
    z = mean + 0.6 * tf.random.stateless_normal([5, 2, 1], (0, 1))
    likelihood = tfd.Independent(tfd.Bernoulli(logits=z * [2.0, -1.5, 0.5], dtype="float32"), 1)
    return Inference(x, (Latent(posterior, tfd.MultivariateNormalDiag(tf.zeros(1), tf.ones(1)), z),), likelihood)


def built(**arguments):
    objective = MultiRate(**arguments)
    objective.build((None, 3))
    return objective


def places(objective, number):
    """Where in the range of log(beta), from 0 to 1, the betas of some steps lie: [number, num_betas]."""
    betas = tf.map_fn(
        objective.draw, tf.constant([[7, i] for i in range(number)]), fn_output_signature="float32"
    ).numpy()
    return np.log(betas / objective.lowest) / math.log(objective.highest / objective.lowest)


def test_log_beta_is_uniform_over_the_range():
    drawn = places(MultiRate(0.05, 20.0, num_betas=1), 4000).ravel()
    assert stats.kstest(drawn, "uniform").pvalue > LEVEL
    betas = (0.05 * 400.0**drawn - 0.05) / 19.95  # the test can tell: beta itself is by no means uniform
    assert stats.kstest(betas, "uniform").pvalue < 1e-9


def test_each_group_is_uniform_over_its_part_of_the_range_and_all_together_over_the_whole():
    drawn = places(MultiRate(0.1, 8.0, num_betas=4), 2000)
    parts = drawn * 4 - np.arange(4)
    assert parts.min() > -1e-5 and parts.max() < 1 + 1e-5  # float32 rounding of the logarithm
    assert all(stats.kstest(part, "uniform").pvalue > LEVEL for part in parts.T)
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > LEVEL
    correlations = np.corrcoef(parts.T)[np.triu_indices(4, 1)]
    assert np.all(np.abs(correlations) < 4 / np.sqrt(2000))  # groups are independent: four standard errors


def test_a_seed_has_its_betas_and_another_seed_others():
    objective = MultiRate()
    np.testing.assert_array_equal(objective.draw([3, 4]), objective.draw([3, 4]))
    np.testing.assert_array_equal(tf.function(objective.draw)([3, 4]), objective.draw([3, 4]))
    assert np.all(np.not_equal(objective.draw([3, 4]), objective.draw([3, 5])))


def test_the_grid_is_the_middle_of_five_equal_parts():
    expected = np.exp(np.linspace(math.log(0.1), math.log(10), 11)[1::2])
    np.testing.assert_allclose(MultiRate(0.1, 10.0).grid, expected, rtol=1e-12)
    assert MultiRate(0.1, 10.0).grid[2] == pytest.approx(1)


def test_at_rest_its_loss_is_the_negative_elbo(inference):
    terms, elbo = (objective.terms(inference, STEP, False) for objective in (built(), ELBO()))
    assert {name: float(term) for name, term in terms.items()} == {name: float(term) for name, term in elbo.items()}


@pytest.mark.parametrize("beta", [0.1, 1.0, 7.5])
def test_at_a_beta_it_is_the_elbo_with_that_beta(beta, inference):
    objective = built(num_samples=3)
    objective.beta.assign(beta)
    terms, alone = (o.terms(inference, STEP, True) for o in (objective, objective.at(beta)))
    assert float(terms["loss"]) == pytest.approx(float(alone["loss"]), rel=1e-6)  # float32 rounding
    assert float(terms["negative_elbo"]) == float(terms["distortion"] + terms["rate"])
    assert (objective.at(beta).beta, objective.at(beta).num_samples) == (beta, 3)


def test_what_it_is_of_a_fixed_beta_is_the_loss_of_the_sweep(inference):
    """`CapacityELBO` without capacity, which the studies sweep with, and this objective weigh the rate alike."""
    swept = CapacityELBO(gamma=4.0, capacity=0.0).terms(inference, STEP, True)
    assert float(swept["loss"]) == pytest.approx(float(MultiRate().at(4.0).terms(inference, STEP, True)["loss"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lowest": 0.0}, "with 1 between them"),
        ({"lowest": 2.0, "highest": 8.0}, "with 1 between them"),
        ({"lowest": 0.1, "highest": 0.5}, "with 1 between them"),
        ({"lowest": 1.0, "highest": 1.0}, "with 1 between them"),
        ({"highest": math.inf}, "with 1 between them"),
        ({"lowest": "0.1"}, "with 1 between them"),
        ({"num_betas": 0}, "`num_betas` must be a positive integer"),
        ({"num_samples": 1.5}, "`num_samples` must be a positive integer"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiRate(**arguments)


@pytest.mark.parametrize("beta", [0.09, 10.1, math.nan])
def test_a_beta_outside_of_the_range_was_not_learnt(beta):
    with pytest.raises(ValueError, match=r"`beta` must lie between 0.1 and 10, the range of the training. Received"):
        MultiRate().at(beta)
