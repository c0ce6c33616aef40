"""Gradients of the importance-weighted bound: how much each sample counts for the decoder, and for the encoder.

Each estimator here weights the same three pieces, which add up to the derivative of a sample's log weight,
log p(x, z) - log q(z|x): by the parameters of p; along the path through z to the parameters of q; and by the parameters
of log q at a fixed z, the score.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import keras
import tensorflow as tf

SMALLEST = 1e-30  # a weight of the decoder that changes nothing and that float32 can still divide by


class SampleWeights(NamedTuple):
    """How much each sample counts, [S, B] each; None where it is as much as `model`.

    Attributes:
        model: For the parameters of decoder and prior.
        path: For the parameters of q, through z.
        score: For the parameters of q, at fixed z.
    """

    model: tf.Tensor
    path: tf.Tensor | None = None
    score: tf.Tensor | None = None


class Gradient(ABC):
    """An estimator of the gradient of the mean of `num_bounds` bounds.

    Attributes:
        needs_gate: Whether the path has a weight of its own, which takes samples that went through a `Gate`.
    """

    needs_gate = False

    @abstractmethod
    def weights(self, log_weights, num_bounds):
        """`SampleWeights` from the log weights [S, B], of which the first S / num_bounds make the first bound, etc."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("tfvae")
class Pathwise(Gradient):
    """The derivative of the bound itself.

    Reference:
        Burda et al., 2016. Importance Weighted Autoencoders, section 3. https://arxiv.org/abs/1509.00519
        For several bounds: MIWAE of Rainforth et al., 2018. https://arxiv.org/abs/1802.04537
    """

    def weights(self, log_weights, num_bounds):
        return SampleWeights(normalized(log_weights, num_bounds))


@keras.saving.register_keras_serializable("tfvae")
class StickingTheLanding(Gradient):
    """The derivative without its score term. It vanishes, with its noise, where q(z|x) is the exact posterior.

    Unbiased for bounds of one sample, where the score has mean zero; for bounds of several samples it has not, and the
    encoder's gradient is biased, as Tucker et al. (2019) show: take `DoublyReparameterized` there.

    Reference:
        Roeder et al., 2017. Sticking the Landing. https://arxiv.org/abs/1703.09194
    """

    def weights(self, log_weights, num_bounds):
        w = normalized(log_weights, num_bounds)
        return SampleWeights(w, None, tf.zeros_like(w))


@keras.saving.register_keras_serializable("tfvae")
class DoublyReparameterized(Gradient):
    """The score term turned into a second path: the encoder gets the squared weights, and the gradient is unbiased.

    Its signal to noise grows with the number of samples, where that of the plain derivative falls. It is meant for
    posteriors that do not depend on another sample: in a hierarchy, upper levels would be weighted twice.

    Reference:
        Tucker et al., 2019. Doubly Reparameterized Gradient Estimators. https://arxiv.org/abs/1810.04152
    """

    needs_gate = True

    def weights(self, log_weights, num_bounds):
        w = normalized(log_weights, num_bounds)
        return SampleWeights(w, num_bounds * w**2, tf.zeros_like(w))  # w has 1 / num_bounds in it


@keras.saving.register_keras_serializable("tfvae")
class PartiallyImportanceWeighted(Gradient):
    """PIWAE: the decoder follows one bound of all samples, the encoder the mean of `num_bounds` bounds.

    Reference:
        Rainforth et al., 2018. Tighter Variational Bounds are Not Necessarily Better.
        https://arxiv.org/abs/1802.04537
    """

    needs_gate = True

    def weights(self, log_weights, num_bounds):
        w = normalized(log_weights, num_bounds)
        # The path is had from the model's weights by multiplication, which must not meet a zero.
        return SampleWeights(tf.maximum(normalized(log_weights, 1), SMALLEST), w, w)


def normalized(log_weights, num_bounds):
    """Importance weights [S, B] that sum to 1 / num_bounds within each bound, and so to 1 over all samples."""
    shape = tf.shape(log_weights)
    bounds = tf.reshape(log_weights, [num_bounds, -1, shape[-1]])
    return tf.reshape(tf.stop_gradient(tf.nn.softmax(bounds, axis=1)), shape) / num_bounds
