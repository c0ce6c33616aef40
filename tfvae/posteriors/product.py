"""Product: q(z|x) as a product of several posteriors, such as a normal and a categorical one."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.posteriors.posterior import Posterior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae", "ProductPosterior")  # Keras has `Product` for the prior
class Product(Posterior):
    """q(z|x) = prod_i q_i(z_i|x), z = (z_1, z_2, ...): each factor has its own linear map of the features.

    The objectives see a group of latents for each factor. It goes with the prior `Product`, or with none.

    Args:
        posteriors: List of `Posterior`s, at least one, none of them a product.

    Raises:
        ValueError: If `posteriors` is anything else.

    Reference:
        Dupont, 2018. Learning Disentangled Joint Continuous and Discrete Representations, section 3.
        https://arxiv.org/abs/1804.00104
    """

    def __init__(self, posteriors, **kwargs):
        _check_factors(posteriors)
        super().__init__(sum(factor.latent_size for factor in posteriors), **kwargs)
        self.posteriors = list(posteriors)
        self.support = tuple(factor.support for factor in posteriors)
        self.has_density = all(factor.has_density for factor in posteriors)
        self.has_stddev = all(factor.has_stddev for factor in posteriors)

    @property
    def num_parameters(self):
        return sum(factor.num_parameters for factor in self.posteriors)

    @property
    def latent_shape(self):
        return tuple(factor.latent_shape for factor in self.posteriors)

    def build(self, features_shape):
        for factor in self.posteriors:
            if not factor.built:
                factor.build(features_shape)

    def parameters(self, features):
        return tf.concat([factor.parameters(features) for factor in self.posteriors], axis=-1)

    def distribution(self, parameters, step=None):
        parts = tf.split(parameters, [factor.num_parameters for factor in self.posteriors], axis=-1)
        pairs = zip(self.posteriors, parts, strict=True)
        return tfd.Blockwise([factor.distribution(part, step) for factor, part in pairs])

    def code(self, distribution):
        pairs = zip(self.posteriors, distribution.distributions, strict=True)
        return tf.concat([factor.code(q) for factor, q in pairs], axis=-1)

    def get_config(self):
        config = {name: value for name, value in super().get_config().items() if name != "latent_size"}
        return {**config, "posteriors": keras.saving.serialize_keras_object(self.posteriors)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "posteriors": keras.saving.deserialize_keras_object(config["posteriors"])})


def _check_factors(posteriors):
    is_list = isinstance(posteriors, (list, tuple)) and len(posteriors) > 0
    if not is_list or not all(isinstance(factor, Posterior) for factor in posteriors):
        raise ValueError(f"`posteriors` must be a non-empty list of posteriors. Received: posteriors={posteriors!r}")
    if any(isinstance(factor, Product) for factor in posteriors):
        raise ValueError("`posteriors` must not hold a product: list its factors instead. Received: a `Product`")
