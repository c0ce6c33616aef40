"""The pattern of Keras's example of a VAE: a Sampling layer, a train_step with a tape, `fit` on an array."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.performance.works import LEARNING_RATE


class Sampling(layers.Layer):
    """z from mean and log variance."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


class VAE(keras.Model):
    """The example's model, its loss by `binary_crossentropy` of probabilities."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.trackers = [keras.metrics.Mean(name) for name in ("total_loss", "reconstruction_loss", "kl_loss")]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_variance, z = self.encoder(data)
            reconstruction = self.decoder(z)
            cross_entropy = keras.losses.binary_crossentropy(data, reconstruction)
            reconstruction_loss = ops.mean(ops.sum(cross_entropy, axis=(1, 2)))
            kl = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))
            kl_loss = ops.mean(ops.sum(kl, axis=1))
            total = reconstruction_loss + kl_loss
        gradients = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers, (total, reconstruction_loss, kl_loss), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def make(work, batch_size):
    """Trains by `fit`, whole epochs at a time."""
    if work.num_samples > 1 or work.network == "gated":
        raise SystemExit("the example has no such model")
    shape = (work.image_size, work.image_size, 1)
    model = VAE(_encoder(work, shape), _decoder(work, shape))
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE))
    images = (np.random.default_rng(0).random((work.num_images, *shape)) < 0.5).astype("float32")

    def advance(num_steps):
        epochs = max(1, round(num_steps * batch_size / work.num_images))
        model.fit(images, batch_size=batch_size, epochs=epochs, verbose=0)
        return epochs * -(-work.num_images // batch_size)

    return advance


def _encoder(work, shape):
    x = inputs = keras.Input(shape)
    if work.network == "conv":
        for filters in work.hidden_sizes:
            x = layers.Conv2D(filters, 4, 2, "same", activation="relu")(x)
    x = layers.Flatten()(x)
    for size in [work.hidden_size] if work.network == "conv" else work.hidden_sizes:
        x = layers.Dense(size, activation="relu")(x)
    mean, log_variance = layers.Dense(work.latent_size)(x), layers.Dense(work.latent_size)(x)
    return keras.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])])


def _decoder(work, shape):
    x = inputs = keras.Input((work.latent_size,))
    if work.network == "mlp":
        for size in reversed(work.hidden_sizes):
            x = layers.Dense(size, activation="relu")(x)
        x = layers.Dense(work.image_size**2, activation="sigmoid")(x)
        return keras.Model(inputs, layers.Reshape(shape)(x))
    size, filters = work.image_size // 2 ** len(work.hidden_sizes), work.hidden_sizes[-1]
    x = layers.Dense(work.hidden_size, activation="relu")(x)
    x = layers.Reshape((size, size, filters))(layers.Dense(size**2 * filters, activation="relu")(x))
    for filters in reversed(work.hidden_sizes[:-1]):
        x = layers.Conv2DTranspose(filters, 4, 2, "same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid")(x))
