"""GECO: the constraint is reached, by a multiplier that only training moves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.objectives import GECO, DistortionBelow, RateBelow

tfd = tfp.distributions

STEP = tf.constant(0, "int64")


def inference(mean):
    """Distortion 2 log 2 and rate mean^2 / 2."""
    posterior, prior = (tfd.MultivariateNormalDiag(tf.reshape(m, [1, 1]), [[1.0]]) for m in (mean, tf.zeros(1)))
    likelihood = tfd.Independent(tfd.Bernoulli(logits=tf.zeros([1, 1, 2]), dtype="float32"), 1)
    return Inference(tf.ones([1, 2]), (Latent(posterior, prior, tf.zeros([1, 1, 1])),), likelihood)


def built(**arguments):
    objective = GECO(**{"constraint": RateBelow(1.5), **arguments})
    objective.build((None, 2))
    return objective


def train(make_vae, binary, objective, num_steps=1200):
    """Trains a small VAE on 64 examples; the means of the terms over the last 300 steps."""
    model, batch = make_vae(objective=objective), {"x": tf.constant(binary(64))}
    model.compile(keras.optimizers.Adam(0.01))
    model.optimizer.build(model.trainable_weights)
    step = tf.function(lambda: model.update(batch))
    terms = [step() for _ in range(num_steps)][-300:]
    return {name: np.mean([t[name] for t in terms]) for name in terms[0]}


@pytest.mark.parametrize(
    ("constraint", "held", "value"),
    [(DistortionBelow(3.0), "distortion", 3.0), (RateBelow(0.8), "rate", 0.8)],
    ids=["distortion", "rate"],
)
def test_reaches_its_constraint(make_vae, binary, constraint, held, value):
    means = train(make_vae, binary, GECO(constraint, speed=0.02, smoothing=0.9))
    # The mean of 300 steps: a batch scatters by some 0.1 nats, of which the average keeps 0.01.
    assert means[held] == pytest.approx(value, abs=0.03)
    assert 0.01 < means["multiplier"] < 100


@pytest.mark.parametrize(
    ("constraint", "minimized", "held"),
    [(DistortionBelow(1.0), "rate", "distortion"), (RateBelow(1.0), "distortion", "rate")],
    ids=["distortion", "rate"],
)
def test_loss_is_the_lagrangian(constraint, minimized, held):
    objective = built(constraint=constraint)
    objective.multiplier.assign(3.0)
    terms = objective.terms(inference(tf.constant([2.0])), STEP, training=False)
    assert float(terms["violation"]) == pytest.approx(float(terms[held]) - 1)
    assert float(terms["loss"]) == pytest.approx(float(terms[minimized] + 3 * (terms[held] - 1)))


def test_loss_has_the_value_of_the_moving_average_and_the_gradient_of_the_batch():
    objective, mean = built(smoothing=0.9), tf.Variable([2.0])  # a rate of 2 nats, 0.5 too much
    objective.average.assign(5.0)
    with tf.GradientTape() as tape:
        terms = objective.terms(inference(mean), tf.constant(7), training=True)
    assert float(terms["loss"] - terms["distortion"]) == pytest.approx(0.9 * 5 + 0.1 * 0.5)
    assert float(tape.gradient(terms["loss"], mean)[0]) == pytest.approx(2.0)  # of mean^2 / 2, multiplier 1


def test_average_begins_at_the_first_violation_and_then_moves():
    objective, averages = built(smoothing=0.75), []
    for step, mean in enumerate([2.0, 1.0]):  # violations of 0.5 and -1
        objective.terms(inference(tf.constant([mean])), tf.constant(step, "int64"), training=True)
        averages.append(float(objective.average))
    assert averages == pytest.approx([0.5, 0.75 * 0.5 - 0.25])


@pytest.mark.parametrize(("mean", "change"), [(2.0, 0.005), (1.0, -0.01), (20.0, 0.02), (0.0, -0.015)])
def test_multiplier_follows_the_violation_with_bounded_steps(mean, change):
    objective = built(speed=0.01)
    terms = objective.terms(inference(tf.constant([mean])), STEP, training=True)
    assert float(terms["multiplier"]) == 1.0  # as it was in this step
    assert float(objective.multiplier) == pytest.approx(np.exp(change), rel=1e-6)


@pytest.mark.parametrize(("mean", "end"), [(20.0, 1e6), (0.0, 1e-6)])
def test_multiplier_stays_in_its_range(mean, end):
    objective = built(speed=1.0)
    objective.multiplier.assign(end)
    objective.terms(inference(tf.constant([mean])), STEP, training=True)
    assert float(objective.multiplier) == pytest.approx(end)


def test_validation_moves_nothing():
    objective = built()
    objective.terms(inference(tf.constant([2.0])), STEP, training=False)
    assert (float(objective.multiplier), float(objective.average)) == (1.0, 0.0)


def test_evaluation_of_a_model_moves_nothing_and_training_does(make_vae, binary, batches):
    model = make_vae(objective=GECO(RateBelow(0.1)))
    model.compile()
    model.evaluate(batches(binary(8)), verbose=0)
    assert float(model.objective.multiplier) == 1.0
    model.fit(batches(binary(8)), verbose=0)
    assert float(model.objective.multiplier) != 1.0


def test_multiplier_and_average_are_saved_and_not_trained(make_vae, reload):
    model = make_vae(objective=GECO(DistortionBelow(-1.5)))
    model.objective.multiplier.assign(2.5)
    model.objective.average.assign(0.25)
    loaded = reload(model).objective
    assert (float(loaded.multiplier), float(loaded.average), loaded.constraint.tolerance) == (2.5, 0.25, -1.5)
    assert not loaded.trainable_weights


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GECO(3.0), "`constraint` must be DistortionBelow or RateBelow. Received: constraint=3.0"),
        (lambda: GECO(RateBelow(1), speed=0), "`speed` must be above 0 and at most 1. Received: speed=0"),
        (lambda: GECO(RateBelow(1), smoothing=1), "`smoothing` must be from 0 up and below 1. Received: smoothing=1"),
        (
            lambda: GECO(RateBelow(1), num_samples=0),
            "`num_samples` must be a positive integer. Received: num_samples=0",
        ),
        (lambda: RateBelow(-1), "`capacity` must be a number of nats from 0 up. Received: capacity=-1"),
        (lambda: DistortionBelow("1"), "`tolerance` must be a finite number of nats. Received: tolerance='1'"),
    ],
)
def test_faults(make, message):
    with pytest.raises(ValueError, match=message):
        make()
