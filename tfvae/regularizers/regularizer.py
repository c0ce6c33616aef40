"""Regularizer: the contract of every penalty that is added to an objective."""

import inspect
from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae.schedules import check_weight, value_at


class Regularizer(keras.Layer):
    """A function of what a model inferred, added to the loss with a weight; reported without it.

    It keeps each argument of its constructor under the argument's own name, and so knows its configuration.

    Args:
        weight: A number from 0 up, or a schedule over training steps.

    Attributes:
        report: Name under which the penalty is reported: the quantity that it is, in its own unit.
        needs_prior: Whether it compares with p(z).
        needs_density: Whether it needs the density of q(z|x).
        needs_stddev: Whether it needs mean and standard deviation of q(z|x) in closed form.
        is_additive: Whether it is the mean of what every example adds on its own, as for an `Objective`.

    Raises:
        ValueError: If `weight` is a negative number, or neither number nor schedule.
    """

    report = ""
    needs_prior = False
    needs_density = False
    needs_stddev = False
    is_additive = False

    def __init__(self, weight, **kwargs):
        super().__init__(**kwargs)
        check_weight("weight", weight)
        self.weight = weight

    @abstractmethod
    def penalty(self, inference, seed):
        """The penalty, a scalar.

        Args:
            inference: An `Inference`.
            seed: Stateless seed, int32 [2], for penalties that draw.
        """

    def weighted(self, penalty, step):
        """What is added to the loss, at training step `step`."""
        return tf.cast(penalty, "float32") * value_at(self.weight, step)

    def get_config(self):
        values = {name: getattr(self, name) for name in _arguments(type(self))}
        return {**super().get_config(), **keras.saving.serialize_keras_object(values)}

    @classmethod
    def from_config(cls, config):
        values = {name: config[name] for name in _arguments(cls)}
        return cls(**{**config, **keras.saving.deserialize_keras_object(values)})


def _arguments(cls):
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
