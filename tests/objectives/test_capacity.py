"""CapacityELBO: the rate is held at its capacity, for all groups together or each on its own."""

import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.objectives import CapacityELBO
from tfvae.schedules import LinearWarmup

tfd = tfp.distributions


def group(mean):
    """One latent with a rate of mean^2 / 2."""
    posterior, prior = (tfd.MultivariateNormalDiag(tf.fill([3, 1], m), tf.ones([3, 1])) for m in (mean, 0.0))
    return Latent(posterior, prior, tf.zeros([1, 3, 1]))


def terms(objective, step=0, means=(2.0, 4.0)):
    """Groups of rates 2 and 8, and a distortion of log 2."""
    likelihood = tfd.Independent(tfd.Bernoulli(logits=tf.zeros([1, 3, 1]), dtype="float32"), 1)
    inference = Inference(tf.ones([3, 1]), tuple(group(mean) for mean in means), likelihood)
    return objective.terms(inference, tf.constant(step, "int64"), training=True)


def penalty(*arguments, step=0, **keywords):
    found = terms(*arguments, step=step, **keywords)
    return float(found["loss"] - found["distortion"])


@pytest.mark.parametrize(("capacity", "expected"), [(0, 30.0), (4.0, 18.0), (10, 0.0), (12, 6.0)])
def test_loss_holds_the_whole_rate_from_both_sides(capacity, expected):
    assert penalty(CapacityELBO(3.0, capacity)) == pytest.approx(expected, abs=1e-5)  # float32 rounding


def test_each_group_has_its_own_capacity_and_weight():
    assert penalty(CapacityELBO([3.0, 5.0], [1.0, 10.0])) == pytest.approx(3 * 1 + 5 * 2)
    assert penalty(CapacityELBO([1, 1], [5, 5])) == pytest.approx(6) and penalty(CapacityELBO(1, 10)) < 1e-5


def test_equal_examples_have_the_rate_of_one_and_reports_know_no_capacity():
    found = terms(CapacityELBO(3.0, 4.0))
    assert float(found["rate"]) == pytest.approx(10)
    assert found["negative_elbo"] == found["distortion"] + found["rate"]


@pytest.mark.parametrize(("step", "expected"), [(0, 10.0), (5, 7.5), (20, 5.0)])
def test_capacity_follows_its_schedule(step, expected):
    assert penalty(CapacityELBO(1.0, LinearWarmup(10, final=5.0)), step=step) == pytest.approx(expected)


def test_schedules_in_lists_survive_serialization():
    objective = CapacityELBO([1.0, 2.0], [LinearWarmup(10, final=5.0), 0.5])
    loaded = CapacityELBO.from_config(objective.get_config())
    assert penalty(loaded, step=5) == penalty(objective, step=5) == pytest.approx(0.5 + 2 * 7.5)


def test_there_is_no_best_epoch():
    assert CapacityELBO(1, 1).monitor is None


def test_number_of_groups_must_agree():
    with pytest.raises(ValueError, match="`capacity` has 2 values, and the model has 1 groups of latents"):
        terms(CapacityELBO([1, 1], [1, 1]), means=(2.0,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1), "`gamma` must be a number from 0 up, or a schedule. Received: gamma=-1"),
        ((1, [1]), "must be two single values, or two lists of the same length"),
        (([1, 2], [1]), "must be two single values, or two lists of the same length"),
        (([1, 2], [1, "x"]), "`capacity` must be a number from 0 up, or a schedule. Received: capacity='x'"),
        ((1, 1, 0), "`num_samples` must be a positive integer. Received: num_samples=0"),
    ],
)
def test_faults(arguments, message):
    with pytest.raises(ValueError, match=message):
        CapacityELBO(*arguments)
