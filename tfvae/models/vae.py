"""VAE: one group of latents, an encoder, and a decoder."""

import inspect

import keras
import tensorflow as tf

from tfvae.inference import Inference, Latent
from tfvae.models.latent_variable_model import TRAINING, LatentVariableModel


@keras.saving.register_keras_serializable("tfvae")
class VAE(LatentVariableModel):
    """p(x, z) = p(z) p(x|z), trained with q(z|x).

    Args:
        encoder: Layer [B, *event] -> features of x.
        posterior: `Posterior`, features -> q(z|x).
        prior: `Prior`, -> p(z).
        decoder: Layer [B, L] -> features of z. Its `build` may ask for `event_shape` as its second argument.
        likelihood: `Likelihood`, features -> p(x|z).
        objective: `Objective`.
        seed: Integer that keys all noise of this model.

    Reference:
        Kingma and Welling, 2014. Auto-Encoding Variational Bayes. https://arxiv.org/abs/1312.6114
    """

    PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood", "objective")

    def __init__(self, encoder, posterior, prior, decoder, likelihood, objective, seed=0, **kwargs):
        super().__init__(objective, seed, **kwargs)
        self.encoder, self.posterior, self.prior = encoder, posterior, prior
        self.decoder, self.likelihood = decoder, likelihood

    def build(self, input_shape):
        """Builds the parts for x [B, *event]; sizes pass from part to part, so that each is stated once."""
        x_shape = input_shape["x"] if isinstance(input_shape, dict) else input_shape
        self.event_shape = event_shape = tuple(x_shape)[1:]
        latent_shape = (self.posterior.latent_size,)
        x_shape, z_shape = (None, *event_shape), (None, *latent_shape)
        # When a .keras file is loaded, the parts are built before the model.
        build_once(self.encoder, x_shape)
        build_once(self.posterior, self.encoder.compute_output_shape(x_shape))
        build_once(self.prior, latent_shape)
        # Only a network that has to end at the image's size asks for it.
        wants_event = "event_shape" in inspect.signature(self.decoder.build).parameters
        build_once(self.decoder, z_shape, *[event_shape] * wants_event)
        build_once(self.likelihood, self.decoder.compute_output_shape(z_shape), event_shape)
        build_once(self.objective, x_shape)

    def encode(self, x, training=False):
        """q(z|x): [B, *event] -> batch_shape [B], event_shape [L]."""
        return self.posterior(self.encoder(x, training=training))

    def decode(self, z, training=False):
        """p(x|z): [S, B, L] or [B, L] -> batch_shape [S, B] or [B], event_shape [*event]."""
        # Not z.shape[-1]: TFP forgets the length of an axis that is 1.
        features = self.decoder(tf.reshape(z, [-1, self.posterior.latent_size]), training=training)
        return self.likelihood(tf.reshape(features, tf.concat([tf.shape(z)[:-1], tf.shape(features)[1:]], 0)))

    def infer(self, x, num_samples=1, seed=None, training=False):
        seed = self.noise_seed(TRAINING, self.step.value) if seed is None else seed
        posterior = self.encode(x, training)
        z = posterior.sample(num_samples, seed=seed)
        return Inference(x, (Latent(posterior, self.prior(encode=self.encode), z),), self.decode(z, training))

    def call(self, x, training=False):
        """Reconstructions of x [B, *event], or of a batch {"x": ...}: what `predict` returns."""
        return self.reconstruct(x["x"] if isinstance(x, dict) else x)

    def reconstruct(self, x):
        """The mean of p(x|z) at the mean of q(z|x): [B, *event] -> [B, *event]."""
        return self.decode(self.encode(x).mean()).mean()

    def sample(self, num_samples, seed):
        """Means of p(x|z) for z ~ p(z): [num_samples, *event]. `seed` is a pair of integers."""
        return self.decode(self.prior(encode=self.encode).sample(num_samples, seed=tf.constant(seed, "int32"))).mean()

    def encode_sample(self, x, seeds, num_samples=1):
        """z ~ q(z|x) with a stateless seed for each row, int32 [B, 2]: [B, *event] -> [S, B, L].

        What a row gets depends on its own x and seed alone, not on the rest of the batch.
        """

        def draw(row):
            features, seed = row
            return self.posterior(features[tf.newaxis]).sample(num_samples, seed=seed)[:, 0]

        size = tf.get_static_value(tf.convert_to_tensor(num_samples))
        spec = tf.TensorSpec([size, self.posterior.latent_size], "float32")
        z = tf.map_fn(draw, (self.encoder(x), seeds), fn_output_signature=spec)
        return tf.transpose(z, [1, 0, 2])

    def prior_sample(self, seeds):
        """z ~ p(z) with a stateless seed for each row: int32 [B, 2] -> [B, L]."""
        prior = self.prior(encode=self.encode)
        spec = tf.TensorSpec([self.posterior.latent_size], "float32")
        return tf.map_fn(lambda seed: prior.sample(seed=seed), seeds, fn_output_signature=spec)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.PARTS}
        return {"name": self.name, "seed": self.seed, **parts}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.PARTS}
        return cls(**{**config, **parts})


def build_once(part, *shapes):
    """Builds a part that is not built yet."""
    if not part.built:
        part.build(*shapes)
