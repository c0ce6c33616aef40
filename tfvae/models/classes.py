"""Classes: the distribution of a label, what a known one costs, and what it asks of the parts."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.offers import accepted

tfd = tfp.distributions


def one_hot(logits):
    """The distribution of a one-hot class, float32: logits [B, K] -> batch_shape [B], event_shape [K]."""
    return tfd.OneHotCategorical(logits=logits, dtype="float32")


def costs_with_label(costs, logits, labels, label_weight):
    """What each example [B] costs if its class is `labels`, from the costs [K, B] of each class."""
    num_classes = logits.shape[-1]
    known = tf.one_hot(labels, num_classes, axis=0)
    # It stops, or becomes NaN on a GPU, at a label that is no class.
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
    return tf.reduce_sum(known * costs, axis=0) + math.log(num_classes) + label_weight * cross_entropy


def accuracy(logits, labels):
    """Share of the examples with label whose likeliest class it is; 0 if there are none."""
    correct = tf.argmax(logits, axis=-1, output_type="int32") == labels
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.cast(correct, "float32")), tf.reduce_sum(tf.cast(labels >= 0, "float32"))
    )


def check_classes(encoder, prior, decoder, num_classes, label_weight):
    """Refuses arguments out of range, and parts that do not go together with a class."""
    if type(num_classes) is not int or num_classes < 1:
        raise ValueError(f"`num_classes` must be a positive integer. Received: num_classes={num_classes!r}")
    if type(label_weight) not in (int, float) or not 0 <= label_weight < math.inf:
        raise ValueError(f"`label_weight` must be a number from 0 up. Received: label_weight={label_weight!r}")
    if prior.support is None or prior.num_examples or getattr(prior, "condition_size", None):
        raise ValueError(
            "`prior` must be a p(z) that depends on neither class nor examples. "
            f"Received: prior=`{type(prior).__name__}`"
        )
    if not accepted(decoder.call, condition=True):
        raise ValueError(
            "`decoder` must ask for the class, as `Conditioned(network, condition_size=num_classes)` does."
        )
    for part in (encoder, decoder):
        if getattr(part, "condition_size", num_classes) != num_classes:
            raise ValueError(
                f"`num_classes` must be the size of the networks' condition, {part.condition_size}. "
                f"Received: num_classes={num_classes}"
            )
