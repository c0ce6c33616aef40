"""Devices: what has to be asked of TensorFlow before it calculates anything, memory and threads."""

import contextlib

import tensorflow as tf


def of_machine():
    """The devices of this machine that calculate: its GPUs or, without one, its CPUs."""
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")


def prepare(training):
    """Takes memory and threads as a `Training` asks for, and returns how many threads share a batch: 1 beside a GPU.

    Each operation then has one thread, if threads share a batch. Where TensorFlow has begun to calculate it is too late
    for that, and the batch is shared all the same.
    """
    if training.memory_growth:
        _let_memory_grow()
    if training.threads is None or tf.config.list_physical_devices("GPU"):
        return 1
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
    return training.threads


def _let_memory_grow():
    """Takes memory of GPUs as it is needed; later than the first tensor it cannot be asked for."""
    for card in tf.config.list_physical_devices("GPU"):
        if not tf.config.experimental.get_memory_growth(card):
            tf.config.experimental.set_memory_growth(card, True)
