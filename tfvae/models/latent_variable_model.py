"""LatentVariableModel: training and test step, metrics and noise, written once for every model."""

from abc import abstractmethod

import keras
import tensorflow as tf

TRAINING, TEST = 0, 1  # streams of noise that never meet


class LatentVariableModel(keras.Model):
    """A Keras model whose loss is an objective of what it infers about a batch.

    All noise is stateless and keyed by (seed, stream, position): in training the position is the step, in a test it is
    the number of examples seen since the metrics were reset. So a resumed training draws what the uninterrupted one
    would have drawn, and every test of the same weights gives the same numbers.

    Args:
        objective: An `Objective`.
        seed: Integer that keys all noise of this model.

    Raises:
        ValueError: If `seed` is not an integer.
    """

    def __init__(self, objective, seed=0, **kwargs):
        super().__init__(**kwargs)
        if type(seed) is not int:
            raise ValueError(f"`seed` must be an integer. Received: seed={seed!r}")
        self.objective, self.seed = objective, seed
        self.step = self.add_weight(name="step", shape=(), dtype="int64", initializer="zeros", trainable=False)
        # Keras accepts no new metric after `build`.
        self.means = [keras.metrics.Mean(name) for name in ("loss", *objective.reports)]

    @abstractmethod
    def infer(self, x, num_samples=1, seed=None, training=False):
        """Infers the latents of `x` [B, *event] from `num_samples` draws; returns an `Inference`.

        `seed` is a stateless seed, int32 [2]; None takes the noise of the current training step.
        """

    def compile(self, optimizer="adam", jit_compile=False, **kwargs):
        """Keras `compile` without XLA unless asked: on a CPU, XLA makes stateless noise several times slower."""
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x, *args, **kwargs):
        """Keras `fit` on a tf.data of batches {"x": [B, *event], ...}, after a look at what the likelihood can take."""
        batch = next(iter(x))
        self.likelihood.check(batch["x"])
        self(batch)
        return super().fit(x, *args, **{"shuffle": False, **kwargs})  # the dataset shuffles; Keras warns else

    def terms(self, x, seed, training):
        """The objective's terms for one batch, each a scalar in nats per example."""
        terms = self.objective.terms(self.infer(x, seed=seed, training=training), self.step.value, training)
        return {**terms, "loss": tf.add_n([terms["loss"], *self.losses])} if self.losses else terms

    def update(self, batch):
        """Takes one training step and returns its terms."""
        with tf.GradientTape() as tape:
            terms = self.terms(batch["x"], self.noise_seed(TRAINING, self.step.value), training=True)
        gradients = tape.gradient(terms["loss"], self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        self.step.assign_add(1)
        self._record(terms, batch)
        return terms

    def train_step(self, batch):
        self.update(batch)
        return self.get_metrics_result()

    def test_step(self, batch):
        examples_seen = tf.cast(self.means[0].count.value, "int64")
        self._record(self.terms(batch["x"], self.noise_seed(TEST, examples_seen), training=False), batch)
        return self.get_metrics_result()

    def noise_seed(self, stream, position):
        """The stateless seed, int32 [2], of one position in a stream of this model's noise."""
        seed = tf.constant([self.seed & 0x7FFFFFFF, stream], "int32")
        return tf.random.fold_in(seed, tf.cast(position, "int32"))

    def _record(self, terms, batch):
        """Weights by the number of examples: a smaller last batch must not count as much as a full one."""
        num_examples = tf.cast(tf.shape(batch["x"])[0], "float32")
        for mean in self.means:
            mean.update_state(terms[mean.name], sample_weight=num_examples)

    @property
    def metrics(self):
        return self.means
