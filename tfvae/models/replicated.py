"""Replicated: where Keras would have replicas ask each other for what each of them knows."""

import keras


class Mean(keras.metrics.Mean):
    """A mean that every replica keeps of the same numbers, so that no one has to ask the others for it."""

    def add_variable(self, *args, **kwargs):
        return super().add_variable(*args, **{**kwargs, "aggregation": "only_first_replica"})


def apply_as_given(optimizer):
    """Lets an optimizer take gradients that are means over replicas already, and returns it.

    Keras would add them up itself, after each replica has clipped its own: not what one device does.
    """
    optimizer._all_reduce_sum_gradients = list
    return optimizer
