"""Replicas: devices or threads that share every batch, each with its own rows, and what one has to know of the others.

Under a `tf.distribute` strategy the batch of a configuration stays the batch of a step: of B examples each of R
replicas takes B / R, in order. The noise of a step is drawn for the whole batch and each replica keeps that of its own
rows, so that R devices compute what one would have computed. Without a strategy nothing here does anything, except
that `mean_over_parts` cuts the rows of a device once more, for its threads.
"""

import contextlib
import threading

import tensorflow as tf

_thread = threading.local()  # a strategy runs each replica of a machine in a thread of its own


def number():
    """Number R of replicas that share the batch at hand; 1 outside of a strategy. In a part, that of all parts."""
    return _devices() * _part()[1]


def place():
    """Which of them this one is, from 0."""
    device = tf.distribute.get_replica_context().replica_id_in_sync_group if _devices() > 1 else 0
    part, parts = _part()
    return device * parts + part


@contextlib.contextmanager
def with_all_rows():
    """Inside, every replica has all rows of the batch, and computes what the others compute."""
    _thread.has_all = True
    try:
        yield
    finally:
        _thread.has_all = False


def mean_over_parts(calculate, batch, number):
    """The mean of what `calculate`, some rows of a batch -> means over them, gives for the equal parts of a batch.

    The parts do not depend on each other in the graph, and so TensorFlow runs them in threads of their own.

    Args:
        calculate: A dict of tensors [b, ...] -> nested tensors, or None in their place.
        batch: A dict of tensors [B, ...], with B known and a multiple of the number.
        number: Number of parts.
    """
    if number == 1:
        return calculate(batch)
    pieces = {name: tf.split(rows, number) for name, rows in batch.items()}
    found = [_of_part(calculate, {name: rows[i] for name, rows in pieces.items()}, i, number) for i in range(number)]
    return tf.nest.map_structure(lambda *means: _mean(means), *found)


def _of_part(calculate, rows, part, number):
    _thread.part = (part, number)
    try:
        return calculate(rows)
    finally:
        _thread.part = (0, 1)


def _mean(tensors):
    """The mean, added up in order, so that it is the same every time; that of None is None."""
    if tensors[0] is None:
        return None
    first, *others = map(tf.convert_to_tensor, tensors)
    return sum(others, first) / len(tensors)


def _devices():
    context = tf.distribute.get_replica_context()
    return 1 if context is None or getattr(_thread, "has_all", False) else context.num_replicas_in_sync


def _part():
    return getattr(_thread, "part", (0, 1))


def sample(draw, parameters):
    """What `draw`, [..., N, P] -> [..., N, L], gives this replica's rows [..., b, P] among those of the whole batch.

    It is called with as many rows as the whole batch has, so that it draws the same noise; what the rows of others are
    given makes no difference to ours, and it is ours again.
    """
    if number() == 1:
        return draw(parameters)
    size = tf.shape(parameters)[-2]
    return draw(tf.concat([parameters] * number(), -2))[..., place() * size : (place() + 1) * size, :]


def noise(draw, x):
    """What `draw`, a shape -> noise of that shape, gives the rows of x [b, ...] of the whole batch [B, ...]."""
    shape = tf.shape(x)
    if number() == 1:
        return draw(shape)
    blocks = draw(tf.concat([[number() * shape[0]], shape[1:]], 0))
    return blocks[place() * shape[0] : (place() + 1) * shape[0]]


def seed_of(seed):
    """A stateless seed of this replica alone, int32 [2], for noise that the rows cannot be told apart in."""
    return seed if number() == 1 else tf.random.fold_in(seed, tf.cast(place(), "int32"))


def mean(tensors):
    """The means over replicas of a list of tensors; None stays None."""
    if number() == 1:
        return tensors
    given = [tf.convert_to_tensor(tensor) for tensor in tensors if tensor is not None]
    found = iter(tf.distribute.get_replica_context().all_reduce("MEAN", given))
    return [None if tensor is None else next(found) for tensor in tensors]


def weighted_means(values, weights):
    """The means over replicas of scalars, and the sums of their weights.

    Args:
        values: {name: scalar}.
        weights: {name: number of examples that it is the mean of}.

    Returns:
        Both for all replicas together; a value without any example is 0.
    """
    if number() == 1:
        return values, weights
    rows = tf.stack([[values[name] * weights[name], weights[name]] for name in weights])
    totals, counts = tf.unstack(tf.distribute.get_replica_context().all_reduce("SUM", rows), axis=1)
    means = tf.unstack(tf.math.divide_no_nan(totals, counts), num=len(weights))
    return dict(zip(weights, means, strict=True)), dict(zip(weights, tf.unstack(counts, num=len(weights)), strict=True))


def gathered(x):
    """The rows of all replicas, in order: [b, ...] -> [B, ...]; without a gradient."""
    if number() == 1:
        return x
    return tf.distribute.get_replica_context().all_gather(tf.stop_gradient(x), axis=0)
