"""Corrupted: an encoder that sees corrupted inputs while it learns, as in denoising models."""

import keras

from tfvae.networks.corruptions import Corruption
from tfvae.offers import accepted


@keras.saving.register_keras_serializable("tfvae")
class Corrupted(keras.Layer):
    """An encoder of corrupted x in training, of x itself otherwise.

    In a model only the encoder sees the noise and the likelihood keeps the clean x: a denoising autoencoder, or with a
    stochastic posterior a denoising VAE. Around a `Conditioned` encoder it corrupts x alone; inside of one, the joined
    condition too.

    Args:
        network: Keras layer, the encoder.
        corruption: `Corruption`: `GaussianNoise`, `Masking` or `SaltAndPepper`.

    Call arguments:
        x: [B, *event].
        seed: Stateless seed of the noise, int32 [2]; without one nothing is corrupted.

    Raises:
        ValueError: If `network` is not a Keras layer or `corruption` is not a `Corruption`.

    Reference:
        Vincent et al., 2010. Stacked Denoising Autoencoders, section 3. https://jmlr.org/papers/v11/vincent10a.html
        Im et al., 2017. Denoising Criterion for Variational Auto-Encoding Framework. https://arxiv.org/abs/1511.06406
    """

    def __init__(self, network, corruption, **kwargs):
        super().__init__(**kwargs)
        for name, value, kind in (("network", network, keras.Layer), ("corruption", corruption, Corruption)):
            if not isinstance(value, kind):
                raise ValueError(f"`{name}` must be a {kind.__name__}. Received: {name}={value!r}")
        self.network, self.corruption = network, corruption

    @property
    def condition_size(self):
        """Size K of the condition that the network asks for, or None."""
        return getattr(self.network, "condition_size", None)

    def build(self, input_shape):
        if not self.network.built:
            self.network.build(input_shape)

    def call(self, x, condition=None, training=False, seed=None):
        if training and seed is not None:
            x = self.corruption(x, seed=seed)
        asked = accepted(self.network.call, condition=condition, seed=seed)
        return self.network(x, training=training, **asked)

    def compute_output_shape(self, input_shape):
        return self.network.compute_output_shape(input_shape)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("network", "corruption")}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("network", "corruption")}
        return cls(**{**config, **parts})
