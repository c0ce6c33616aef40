"""FittedAfterTraining: a prior that is fitted to the codes when the model is trained."""

import keras
import tensorflow as tf

from tfvae.priors.prior import Prior


@keras.saving.register_keras_serializable("tfvae")
class FittedAfterTraining(Prior):
    """A prior that takes no part in training and is fitted to the codes of the training data afterwards.

    It makes a model that can be sampled of one that is trained without a prior (AE, RAE, WAE, VQ-VAE).

    Args:
        prior: A prior with a `fit`: `MixtureOfNormals`, `AutoregressiveFlow` or `AutoregressiveCategorical`.

    Raises:
        ValueError: If `prior` cannot be fitted to codes.

    Reference:
        Ghosh et al., 2020. From Variational to Deterministic Autoencoders, section 4 (ex-post density estimation).
        https://arxiv.org/abs/1903.12436
    """

    fitted_after = True
    can_fit = True

    def __init__(self, prior, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(prior, Prior) or not prior.can_fit:
            raise ValueError(f"`prior` must be a prior that can be fitted to codes. Received: prior={prior!r}")
        self.prior, self.support, self.has_density = prior, prior.support, prior.has_density

    def build(self, latent_shape):
        if not self.prior.built:
            self.prior.build(latent_shape)
        for weight in self.prior.weights:  # the model's optimizer leaves them alone
            weight.trainable = False  # not `prior.trainable`: Keras ignores that for the parts of a loaded layer
        self.fitted = self.add_weight(name="fitted", shape=(), dtype="bool", initializer="zeros", trainable=False)

    @property
    def is_ready(self):
        """Whether it has been fitted."""
        with tf.init_scope():  # so that it can be asked while a function to be served is traced
            return bool(self.fitted.numpy())

    def call(self, encode=None):
        return self.prior()

    def fit(self, codes, seed):
        """Fits the prior to codes [N, L], from the integer `seed`."""
        self.prior.fit(codes, seed)
        self.fitted.assign(True)

    def get_config(self):
        return {**super().get_config(), "prior": keras.saving.serialize_keras_object(self.prior)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "prior": keras.saving.deserialize_keras_object(config["prior"])})
