"""FittedAfterTraining: a prior that is fitted to the codes when the model is trained."""

import keras
import tensorflow as tf

from tfvae.priors.prior import Prior


@keras.saving.register_keras_serializable("tfvae")
class FittedAfterTraining(Prior):
    """A prior that takes no part in training and is fitted to the codes of the training data afterwards.

    It makes a model that can be sampled of one that is trained without a prior (AE, RAE, VQ-VAE). With `before`, a
    model is trained with one prior, as a WAE compares its codes with it or a VAE pays a rate, and sampled from another.

    Args:
        prior: A prior with a `fit`: `MixtureOfNormals`, `AutoregressiveFlow` or `AutoregressiveCategorical`.
        before: The prior until then; None for none.

    Raises:
        ValueError: If `prior` cannot be fitted to codes, or `before` is no prior of its space, or made of examples.

    Reference:
        Ghosh et al., 2020. From Variational to Deterministic Autoencoders, section 4 (ex-post density estimation).
        https://arxiv.org/abs/1903.12436
    """

    fitted_after = True
    can_fit = True

    def __init__(self, prior, before=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(prior, Prior) or not prior.can_fit:
            raise ValueError(f"`prior` must be a prior that can be fitted to codes. Received: prior={prior!r}")
        if before is not None and (not isinstance(before, Prior) or before.support != prior.support):
            raise ValueError(f"`before` must be a prior of the same space. Received: before={before!r}")
        if before is not None and (before.num_examples or getattr(before, "condition_size", None)):
            raise ValueError(f"`before` must need neither examples nor a condition. Received: before={before!r}")
        self.prior, self.before = prior, before
        self.support, self.has_density = prior.support, prior.has_density

    def build(self, latent_shape):
        if not self.prior.built:
            self.prior.build(latent_shape)
        if self.before is not None and not self.before.built:
            self.before.build(latent_shape)
        for weight in self.prior.weights:  # the model's optimizer leaves them alone
            weight.trainable = False  # not `prior.trainable`: Keras ignores that for the parts of a loaded layer
        self.fitted = self.add_weight(name="fitted", shape=(), dtype="bool", initializer="zeros", trainable=False)

    @property
    def in_training(self):
        """Whether there is a prior before the fit."""
        return self.before is not None

    @property
    def is_fitted(self):
        """Whether it has been fitted."""
        with tf.init_scope():  # so that it can be asked while a function to be served is traced
            return self.built and bool(self.fitted.numpy())

    @property
    def is_ready(self):
        """Whether it can be sampled from."""
        return self.in_training or self.is_fitted

    def call(self, encode=None):
        return self.prior() if self.is_fitted or not self.in_training else self.before()

    def fit(self, codes, seed):
        """Fits the prior to codes [N, L], from the integer `seed`."""
        self.prior.fit(codes, seed)
        self.fitted.assign(True)

    def get_config(self):
        priors = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("prior", "before")}
        return {**super().get_config(), **priors}

    @classmethod
    def from_config(cls, config):
        priors = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("prior", "before")}
        return cls(**{**config, **priors})
