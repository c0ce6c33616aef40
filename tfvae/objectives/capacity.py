"""CapacityELBO: the rate is held at a capacity that may grow in training."""

import keras
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.objectives.objective import Objective, check_positive_integer, distortion
from tfvae.schedules import check_weight, value_at


@keras.saving.register_keras_serializable("tfvae")
class CapacityELBO(Objective):
    """loss = distortion + gamma * |rate - capacity|, the rate being the mean over the batch.

    With lists, each group of latents has its own: loss = distortion + sum_g gamma_g * |rate_g - capacity_g|.

    It has no best epoch: what it aims at is a certain rate, and the negative ELBO may be lower on the way there. So the
    last epoch is kept.

    Args:
        gamma: How strongly the rate is held, a number from 0 up or a schedule; or a list, one for each group.
        capacity: The wanted rate in nats, a number from 0 up or a schedule (`LinearWarmup` for one that grows); or a
            list, one for each group. A categorical group of K categories has a rate of at most log K: a greater
            capacity for it can never be reached, and the penalty never ends.
        num_samples: Number S of samples of z per example.

    Raises:
        ValueError: If `gamma` or `capacity` is none of these, if only one of them is a list or their lengths differ, or
            if `num_samples` is not a positive integer.

    Reference:
        Burgess et al., 2018. Understanding disentangling in beta-VAE, eq. 8. https://arxiv.org/abs/1804.03599
        Groups: Dupont, 2018. Joint-VAE, eq. 7. https://arxiv.org/abs/1804.00104
    """

    reports = ("distortion", "rate", "negative_elbo")
    monitor = None

    def __init__(self, gamma, capacity, num_samples=1, **kwargs):
        super().__init__(**kwargs)
        gammas, capacities = _values(gamma), _values(capacity)
        if isinstance(gamma, (list, tuple)) != isinstance(capacity, (list, tuple)) or len(gammas) != len(capacities):
            raise ValueError(
                "`gamma` and `capacity` must be two single values, or two lists of the same length. "
                f"Received: gamma={gamma!r}, capacity={capacity!r}"
            )
        for name, values in (("gamma", gammas), ("capacity", capacities)):
            for value in values:
                check_weight(name, value)
        check_positive_integer("num_samples", num_samples)
        self.gamma, self.capacity, self.num_samples = gamma, capacity, num_samples

    def terms(self, inference, step, training):
        d = tf.reduce_mean(distortion(inference))
        rates = [tf.reduce_mean(kl_divergence(*latent)) for latent in inference.latents]
        r = sum(rates)
        penalty = self._penalty(rates if isinstance(self.capacity, (list, tuple)) else [r], step)
        return {"loss": d + penalty, "distortion": d, "rate": r, "negative_elbo": d + r}

    def _penalty(self, rates, step):
        gammas, capacities = _values(self.gamma), _values(self.capacity)
        if len(rates) != len(capacities):
            raise ValueError(
                f"`capacity` has {len(capacities)} values, and the model has {len(rates)} groups of latents."
            )
        held = zip(rates, gammas, capacities, strict=True)
        return sum(value_at(gamma, step) * tf.abs(r - value_at(c, step)) for r, gamma, c in held)


def _values(value_or_list):
    return list(value_or_list) if isinstance(value_or_list, (list, tuple)) else [value_or_list]
