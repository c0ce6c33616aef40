"""Bernoulli: p(x|z) of binary images."""

import keras
import tensorflow_probability as tfp

from tfvae.likelihoods.likelihood import Likelihood, Parameters

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class Bernoulli(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(logit_i(z))), for x_i in {0, 1}."""

    discrete = True
    binary = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.logits = Parameters()

    def build(self, features_shape, event_shape):
        self.event_rank = len(event_shape)
        self.logits.build(features_shape, event_shape)

    def call(self, features):
        return tfd.Independent(tfd.Bernoulli(logits=self.logits(features), dtype="float32"), self.event_rank)
