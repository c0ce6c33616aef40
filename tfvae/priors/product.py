"""Product: p(z) for a posterior that is a product of several."""

import keras
import tensorflow_probability as tfp

from tfvae.offers import accepted
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae", name="ProductOfPriors")  # the posterior has the plain name
class Product(Prior):
    """p(z) = prod_i p_i(z_i), a prior for each factor of a `Product` posterior, in their order.

    Args:
        priors: List of `Prior`s.

    Call arguments:
        condition: For the priors that depend on one, float32 [B, K].

    Raises:
        ValueError: If a prior is made of posteriors, which are not there for one factor, or is fitted after training;
            if some priors depend on a condition and others do not; or if the posterior has another number of factors.
    """

    def __init__(self, priors, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(priors, (list, tuple)) or not priors or not all(isinstance(prior, Prior) for prior in priors):
            raise ValueError(f"`priors` must be a non-empty list of priors. Received: priors={priors!r}")
        for prior in priors:
            _check_factor(prior)
        self.priors = list(priors)
        sizes = {getattr(prior, "condition_size", None) for prior in self.priors}
        if len(sizes) > 1:  # TFP takes distributions of one batch shape only
            raise ValueError(f"`priors` must all depend on the same condition, or none. Received: sizes {sizes}")
        self.condition_size = next(iter(sizes), None)
        self.support = tuple(prior.support for prior in self.priors)
        self.has_density = all(prior.has_density for prior in self.priors)

    def build(self, latent_shape):
        shapes = [shape for shape in latent_shape if isinstance(shape, (tuple, list))]
        if len(shapes) != len(self.priors) or len(shapes) != len(latent_shape):
            raise ValueError(
                f"`priors` must hold one prior for each factor of a `Product` posterior. Received: {len(self.priors)} "
                f"priors, for latent_shape={latent_shape}"
            )
        for prior, shape in zip(self.priors, shapes, strict=True):
            if not prior.built:
                prior.build(tuple(shape))

    def call(self, encode=None, condition=None):
        factors = [prior(**accepted(prior.call, condition=condition)) for prior in self.priors]
        return tfd.Blockwise(factors)

    def get_config(self):
        return {**super().get_config(), "priors": keras.saving.serialize_keras_object(self.priors)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "priors": keras.saving.deserialize_keras_object(config["priors"])})


def _check_factor(prior):
    if prior.support is None or prior.num_examples or prior.fitted_after:
        raise ValueError(
            f"`{type(prior).__name__}` cannot be a factor: it is made of the codes of the whole posterior."
        )
