"""ImportanceWeightedELBO: bounds on log p(x) that tighten with the number of samples."""

import keras
import tensorflow as tf

from tfvae.divergences import log_mean_exp
from tfvae.objectives.gradients import Gradient, Pathwise, SampleWeights
from tfvae.objectives.objective import Objective, check_positive_integer, distortion


@keras.saving.register_keras_serializable("tfvae")
class ImportanceWeightedELBO(Objective):
    """loss = -log (1/K) sum_k w_k with w_k = p(x, z_k) / q(z_k|x), as the mean of `num_bounds` such bounds.

    One bound is IWAE, several are MIWAE, and with `PartiallyImportanceWeighted` PIWAE; an `elbo_share` makes CIWAE.
    Loss and `negative_bound` always have the value of the bound; `gradient` says how its derivative is estimated.
    Distortion, rate and negative ELBO are plain means over the same samples.

    Args:
        num_samples: Number K of samples of each bound.
        num_bounds: Number M of bounds; the model draws K * M samples of z for each example.
        gradient: `Pathwise` (the default), `StickingTheLanding`, `DoublyReparameterized` or
            `PartiallyImportanceWeighted`.
        elbo_share: From 0 to 1: the bound is elbo_share * ELBO + (1 - elbo_share) * importance-weighted bound.

    Raises:
        ValueError: If an argument is not as described.

    Reference:
        IWAE: Burda et al., 2016, eq. 8. https://arxiv.org/abs/1509.00519
        MIWAE, PIWAE, CIWAE: Rainforth et al., 2018. https://arxiv.org/abs/1802.04537
    """

    reports = ("distortion", "rate", "negative_elbo", "negative_bound")
    monitor = "negative_bound"
    needs_density = True
    is_additive = True

    def __init__(self, num_samples, num_bounds=1, gradient=None, elbo_share=0.0, **kwargs):
        super().__init__(**kwargs)
        check_positive_integer("num_samples", num_samples)
        check_positive_integer("num_bounds", num_bounds)
        if not isinstance(gradient, Gradient | None):
            raise ValueError(f"`gradient` must be a gradient of tfvae.objectives. Received: gradient={gradient!r}")
        if type(elbo_share) not in (int, float) or not 0 <= elbo_share <= 1:
            raise ValueError(f"`elbo_share` must be from 0 to 1. Received: elbo_share={elbo_share!r}")
        self.num_samples, self.num_bounds = num_samples * num_bounds, num_bounds  # of the contract: all samples
        self.gradient, self.elbo_share = gradient or Pathwise(), elbo_share

    @property
    def needs_gate(self):
        return self.gradient.needs_gate

    def terms(self, inference, step, training):
        d, log_prior = distortion(inference), sum(p.log_prob(z) for _, p, z in inference.latents)
        log_q = sum(q.log_prob(z) for q, _, z in inference.latents)
        log_weights = log_prior - d - log_q
        negative_bound = -tf.reduce_mean(self._bound(log_weights))
        surrogate = -tf.reduce_mean(self._surrogate(log_weights, inference))
        d, r = tf.reduce_mean(d), tf.reduce_mean(log_q - log_prior)
        return {
            "loss": tf.stop_gradient(negative_bound) + (surrogate - tf.stop_gradient(surrogate)),
            "distortion": d,
            "rate": r,
            "negative_elbo": d + r,
            "negative_bound": negative_bound,
        }

    def _bound(self, log_weights):
        """The bound for each example, [B], from log weights [S, B]."""
        samples, examples = tf.unstack(tf.shape(log_weights))
        bounds = tf.reshape(log_weights, [self.num_bounds, samples // self.num_bounds, examples])
        bound = tf.reduce_mean(log_mean_exp(bounds, axis=1), axis=0)
        return self.elbo_share * tf.reduce_mean(log_weights, axis=0) + (1 - self.elbo_share) * bound

    def _surrogate(self, log_weights, inference):
        """What has the gradient of the bound, but not its value: [B]."""
        weights = self._weights(log_weights)
        if weights.path is not None:
            if inference.gate is None:
                raise ValueError(
                    f"{type(self.gradient).__name__} needs a model that passes its samples through a `Gate`."
                )
            inference.gate.scale = tf.math.divide_no_nan(weights.path, weights.model)
        surrogate = weights.model * log_weights
        if weights.score is not None:
            at_fixed_z = sum(q.log_prob(tf.stop_gradient(z)) for q, _, z in inference.latents)
            surrogate -= (weights.score - weights.model) * at_fixed_z
        return tf.reduce_sum(surrogate, axis=0)

    def _weights(self, log_weights):
        bound = self.gradient.weights(log_weights, self.num_bounds)
        if not self.elbo_share:
            return bound
        elbo = self.gradient.weights(log_weights, self.num_samples)  # bounds of one sample each
        return SampleWeights(*(_mixture(*pair, self.elbo_share) for pair in zip(elbo, bound, strict=True)))

    def get_config(self):
        return {**super().get_config(), "num_samples": self.num_samples // self.num_bounds}


def _mixture(first, second, share):
    return None if first is None else share * first + (1 - share) * second
