"""Our Adam is Keras's, in one operation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.optimizers import Adam

NUM_STEPS = 20
ARGUMENTS = {
    "plain": {},
    "constants": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4},
    "schedule": {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 15)},
    "clipnorm": {"clipnorm": 0.5},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.1},
    "weight_decay": {"weight_decay": 0.1},
    "ema": {"use_ema": True, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "amsgrad": {"amsgrad": True},
}
arguments = pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)


def gradients(step):
    """Gradients that differ in size and sign from step to step."""
    rng = np.random.default_rng(step)
    return [tf.constant(rng.normal(size=shape) * 10 ** rng.uniform(-2, 1), "float32") for shape in [(3, 4), (5,)]]


def variables():
    return [keras.Variable(np.full((3, 4), 0.5, "float32")), keras.Variable(np.linspace(-1, 1, 5, dtype="float32"))]


def path(optimizer, num_steps=NUM_STEPS):
    """All values of the variables after each step, [steps, 17]."""
    ours, values = variables(), []
    optimizer.build(ours)
    apply = tf.function(lambda *g: optimizer.apply(g, ours))
    for step in range(num_steps):
        apply(*gradients(step))
        values.append(np.concatenate([v.numpy().ravel() for v in ours]))
    return np.array(values)


@arguments
def test_adam_follows_keras_step_by_step(arguments):
    arguments = {"learning_rate": 0.1, **arguments}
    ours, theirs = path(Adam(**arguments)), path(keras.optimizers.Adam(**arguments))
    # float32 rounds 1 - 0.999^t to 6e-5 / t of itself, and so the t-th step of at most 0.1 to 3e-6 / t.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert np.ptp(ours[:, 0]) > 0.01  # they move


def test_first_step_is_the_learning_rate_against_the_sign_of_the_gradient():
    before = np.concatenate([v.numpy().ravel() for v in variables()])
    signs = np.sign(np.concatenate([g.numpy().ravel() for g in gradients(0)]))
    # |m| / (sqrt(v) + 1e-7) of gradients above 1e-3 is 1 to 1e-4; rounding of 1 - 0.999 adds 3e-5.
    np.testing.assert_allclose(path(Adam(0.1), 1)[0], before - 0.1 * signs, atol=2e-5)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_operation_is_fused_unless_amsgrad_needs_a_running_maximum(amsgrad):
    optimizer, weights = Adam(amsgrad=amsgrad), variables()
    optimizer.build(weights)
    graph = tf.function(lambda *g: optimizer.apply(g, weights)).get_concrete_function(*gradients(0)).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("ResourceApplyAdam") == (0 if amsgrad else 2)


def test_gradient_of_a_gather_is_taken():
    table = keras.Variable(np.zeros((4, 2), "float32"))
    optimizer = Adam(0.1)
    optimizer.build([table])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 1, 3]))
    optimizer.apply(tape.gradient(loss, [table.value]), [table])  # IndexedSlices
    np.testing.assert_allclose(table.numpy()[:, 0], [0, -0.1, 0, -0.1], atol=1e-5)


@arguments
def test_config_keeps_every_argument(arguments):
    optimizer = Adam(**{"learning_rate": 0.1, **arguments})
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(copy) is Adam
    np.testing.assert_array_equal(path(copy), path(optimizer))


def test_keras_file_keeps_what_the_next_step_depends_on(make_vae, binary, reload):
    model, batch = make_vae(), {"x": binary(8)}
    model.compile(Adam(keras.optimizers.schedules.CosineDecay(0.1, 10)))
    for _ in range(3):
        model.update(batch)
    loaded = reload(model)
    assert type(loaded.optimizer) is Adam and int(loaded.optimizer.iterations.numpy()) == 3
    for each in (model, loaded):
        each.update(batch)
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), loaded.get_weights(), strict=True))
