"""MultiRate: the ELBO at every weight of the rate in a range, for one model that learns them all."""

import math

import keras
import tensorflow as tf

from tfvae.objectives.elbo import ELBO
from tfvae.objectives.objective import Objective, check_positive_integer, distortion, rate

NUM_PLACES = 5  # betas that validation is made at, beside 1


@keras.saving.register_keras_serializable("tfvae")
class MultiRate(Objective):
    """loss = distortion + beta * rate, with log(beta) uniform between log(lowest) and log(highest) in training.

    It goes with `MultiRateVAE`, whose weights are functions of beta; the model draws beta, and puts it in the place of
    the variable `beta` for as long as it computes terms. That variable is 1 and stays 1, so that a model of which no
    other beta is asked is the one at beta = 1.

    A batch is dealt out to `num_betas` groups, and the groups draw from as many equal parts of the range of log(beta),
    one each. So a single step sees small and large betas, and its gradient varies less than if all of the batch had
    one beta. In training the terms are means over these betas. In validation `rate`, `distortion` and `negative_elbo`
    are those at beta = 1, and "loss" is the mean over `grid`: what training minimises, at betas that do not change from
    epoch to epoch. Its lowest value marks the best epoch.

    Args:
        lowest: Smallest beta, above 0 and at most 1.
        highest: Largest beta, from 1 up, above `lowest`.
        num_betas: Number of betas in a batch; each group costs a pass of its own through the networks.
        num_samples: Number S of samples of z per example.

    Raises:
        ValueError: If the range is none that holds beta = 1, or a number is not a positive integer.

    Reference:
        Bae et al., 2022. Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve.
        https://arxiv.org/abs/2212.03905 (whose objective is the expectation over a uniform log(beta); the parts of
        the range, one for each group, are ours and leave that expectation as it is).
    """

    reports = ("distortion", "rate", "negative_elbo")
    monitor = "loss"
    draws_beta = True

    def __init__(self, lowest=0.1, highest=10.0, num_betas=4, num_samples=1, **kwargs):
        super().__init__(**kwargs)
        numbers = all(type(value) in (int, float) for value in (lowest, highest))
        if not numbers or not 0 < lowest <= 1 <= highest < math.inf or lowest == highest:
            raise ValueError(
                "`lowest` and `highest` must be two positive numbers with 1 between them, for the model is validated "
                f"and served at beta = 1. Received: lowest={lowest!r}, highest={highest!r}"
            )
        check_positive_integer("num_betas", num_betas)
        check_positive_integer("num_samples", num_samples)
        self.lowest, self.highest, self.num_betas, self.num_samples = lowest, highest, num_betas, num_samples

    def build(self, x_shape):
        settings = {"dtype": "float32", "autocast": False, "trainable": False}
        self.beta = self.add_weight(name="beta", shape=(), initializer="ones", **settings)

    @property
    def grid(self):
        """Betas in the middle of equal parts of the range of log(beta): the midpoint rule for a mean over it."""
        return [self._beta_at((place + 0.5) / NUM_PLACES) for place in range(NUM_PLACES)]

    def draw(self, seed):
        """The betas of one step, float32 [num_betas], lowest first, by a stateless seed, int32 [2]."""
        parts = tf.range(self.num_betas, dtype="float32")
        places = (parts + tf.random.stateless_uniform([self.num_betas], seed)) / self.num_betas
        return tf.exp(math.log(self.lowest) + math.log(self.highest / self.lowest) * places)

    def terms(self, inference, step, training):
        d, r = tf.reduce_mean(distortion(inference)), tf.reduce_mean(rate(inference))
        return {"loss": d + self.beta.value * r, "distortion": d, "rate": r, "negative_elbo": d + r}

    def at(self, beta):
        """The objective of an ordinary model at one beta.

        Raises:
            ValueError: If the beta lies outside of the range.
        """
        if not self.lowest <= beta <= self.highest:
            raise ValueError(
                f"`beta` must lie between {self.lowest:g} and {self.highest:g}, the range of the training. "
                f"Received: beta={beta!r}"
            )
        return ELBO(beta=float(beta), num_samples=self.num_samples)

    def _beta_at(self, place):
        return self.lowest * (self.highest / self.lowest) ** place
