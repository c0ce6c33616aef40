"""LatentVariableModel: training and test step, metrics and noise, written once for every model."""

from abc import abstractmethod

import keras
import tensorflow as tf

from tfvae import replicas
from tfvae.models.given import Given
from tfvae.models.replicated import Mean, apply_as_given

TRAINING, TEST = 0, 1  # streams of noise that never meet
CORRUPTION, PENALTIES = 1, 2  # what the noise of a batch is for, beside the samples of z


class LatentVariableModel(keras.Model):
    """A Keras model whose loss is an objective of what it infers about a batch.

    All noise is stateless and keyed by (seed, stream, position): in training the position is the step, in a test it is
    the number of examples seen since the metrics were reset. So a resumed training draws what the uninterrupted one
    would have drawn, and every test of the same weights gives the same numbers.

    A batch is {"x": [B, *event], ...}. What else it holds ("condition", "label", "index") is the context, which the
    methods take as keyword arguments and hand to the parts that ask for it.

    Args:
        objective: An `Objective`.
        regularizers: `Regularizer`s, whose weighted penalties are added to the objective's loss.
        seed: Integer that keys all noise of this model.

    Attributes:
        takes_beta: Whether its weights are functions of beta, and its objective one that draws beta.
        can_sample: Whether there is a prior to sample from.
        can_classify: Whether it has a method `classify`, x [B, *event] -> probabilities of the classes [B, K].
        is_stochastic: Whether q(z|x) is more than a point.
        is_euclidean: Whether any real vector is a code, so that codes can be moved along straight lines.
        has_rate: Whether posterior and prior have a divergence.
        has_density: Whether samples can be weighted by p(x, z) / q(z|x), so that log p(x) can be estimated.
        is_additive: Whether each term is the mean of what every example adds on its own.

    Raises:
        ValueError: If `seed` is not an integer, or two regularizers report the same quantity.
    """

    PARTS = ()
    takes_beta = False
    can_classify = False
    is_stochastic = True
    is_euclidean = True
    is_additive = False
    threads = 1

    def __init__(self, objective, regularizers=(), seed=0, **kwargs):
        super().__init__(**kwargs)
        if type(seed) is not int:
            raise ValueError(f"`seed` must be an integer. Received: seed={seed!r}")
        if getattr(objective, "draws_beta", False) != self.takes_beta:
            names = f"a {type(self).__name__} and the objective {type(objective).__name__}"
            raise ValueError(f"`MultiRateVAE` and `MultiRate` go with each other alone. Received: {names}")
        self.objective, self.regularizers, self.seed = objective, list(regularizers), seed
        counter = {"dtype": "int64", "initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.step = self.add_weight(name="step", shape=(), **counter)
        # Keras accepts no new metric after `build`.
        self.means = [Mean(name) for name in ("loss", *self.reports)]
        if len(set(self.reports)) < len(self.reports):
            raise ValueError(f"`regularizers` must differ in what they report. Received: {list(self.reports)}")

    @property
    def reports(self):
        """Names of the terms beside "loss"."""
        return (*self.objective.reports, *(regularizer.report for regularizer in self.regularizers))

    @property
    def monitor(self):
        """The term whose lowest value in validation marks the best epoch; None for the last epoch."""
        return self.objective.monitor

    @property
    def latent_size(self):
        """Number L of latent variables, all groups together."""
        return self.posterior.latent_size

    @property
    def condition_size(self):
        """Size K of the condition that the parts ask for, or None."""
        parts = [getattr(self, name) for name in self.PARTS]
        return next((p.condition_size for p in parts if getattr(p, "condition_size", None)), None)

    @property
    def num_examples(self):
        """Number of training examples that `start` wants to see."""
        return 0

    def start(self, x, index):
        """Begins from `num_examples` training examples x [N, *event] and their places in the data, int64 [N]."""

    def fit_prior(self, batches):
        """Fits what is fitted after training, on an iterable of batches; a model without such a part does nothing."""

    def given(self, batch):
        """This model for the conditions of a batch, if it has any: the same methods, with that argument filled in."""
        return Given(self, {"condition": batch["condition"]}) if "condition" in batch else self

    @abstractmethod
    def infer(self, x, num_samples=1, seed=None, training=False, **context):
        """Infers the latents of `x` [B, *event] from `num_samples` draws; returns an `Inference`.

        `seed` is a stateless seed, int32 [2]; None takes the noise of the current training step.
        """

    def decode_sample(self, z, seeds, **context):
        """x ~ p(x|z) with a stateless seed for each row, int32 [B, 2]: [B, L] -> [B, *event]."""

        def draw(row):
            z, seed, context = row
            given = {name: value[tf.newaxis] for name, value in context.items()}
            return self.decode(z[tf.newaxis], **given).sample(seed=seed)[0]

        return tf.map_fn(draw, (z, seeds, context), fn_output_signature=tf.TensorSpec(self.event_shape, "float32"))

    def call(self, x, training=False):
        """Reconstructions of x [B, *event], or of a batch {"x": ...}: what `predict` returns."""
        return self.reconstruct(**x) if isinstance(x, dict) else self.reconstruct(x)

    def reconstruct(self, x, **context):
        """The mean of p(x|z) at the code of x: [B, *event] -> [B, *event]."""
        return self.decode(self.code(x, **context), **context).mean()

    @property
    def optimizer_variables(self):
        """What the optimizer remembers: beside `variables`, all that a resumed training needs."""
        return self.optimizer.variables

    def compile(self, optimizer="adam", jit_compile=False, threads=1, **kwargs):
        """Keras `compile` without XLA unless asked, in at most `threads` parts of a batch beside each other."""
        self.threads = threads
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        apply_as_given(self.optimizer)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x, *args, **kwargs):
        """Keras `fit` on a tf.data of batches {"x": [B, *event], ...}, after a look at what the likelihood can take."""
        batch = next(iter(x))
        self.likelihood.check(batch["x"])
        self(batch)
        if self.num_examples and int(self.step) == 0:
            self.start(*_first_examples(x, self.num_examples))
        return super().fit(x, *args, **{"shuffle": False, **kwargs})  # the dataset shuffles; Keras warns else

    def terms(self, batch, seed, training):
        """The terms of the objective and the penalties for one batch, each a scalar; the loss holds them all."""
        context = {name: value for name, value in batch.items() if name != "x"}
        inference = self.infer(batch["x"], self.objective.num_samples, seed, training, **context)
        return self.terms_of(inference, seed, training)

    def terms_of(self, inference, seed, training):
        """The terms for what was inferred; `seed` keys what the penalties draw."""
        terms = self.objective.terms(inference, self.step.value, training)
        added = list(self.losses)  # of Keras's own weight regularizers
        for number, regularizer in enumerate(self.regularizers):
            penalty = regularizer.penalty(inference, tf.random.fold_in(seed, PENALTIES + number))
            terms = {**terms, regularizer.report: penalty}
            added.append(regularizer.weighted(penalty, self.step.value))
        return {**terms, "loss": tf.reduce_sum(tf.stack([terms["loss"], *added]))} if added else terms

    def update(self, batch):
        """Takes one training step and returns its terms."""
        terms, gradients = self._gradients(batch)
        self.optimizer.apply(replicas.mean(gradients), self.trainable_weights)
        self.step.assign_add(1)
        return self.record(terms, batch)

    def _gradients(self, batch):
        """The terms of a batch, and the gradient of the loss by the trainable weights."""
        seed = self.noise_seed(TRAINING, self.step.value)

        def of_part(part):
            with tf.GradientTape() as tape:
                terms = self.terms(part, seed, training=True)
            return terms, tape.gradient(terms["loss"], self.trainable_weights)

        def calculate(batch):
            return replicas.mean_over_parts(of_part, batch, self._num_parts(batch))

        return tf.function(calculate, jit_compile=True)(batch) if self.jit_compile else calculate(batch)

    def _num_parts(self, batch):
        """Number of equal parts of a batch that threads may take."""
        size, most = batch["x"].shape[0], self.threads if self.is_additive else 1
        return max(number for number in range(1, most + 1) if size % number == 0) if size else 1

    def train_step(self, batch):
        self.update(batch)
        return self.get_metrics_result()

    def test_step(self, batch):
        examples_seen = tf.cast(self.means[0].count.value, "int64")
        seed = self.noise_seed(TEST, examples_seen)
        terms = replicas.mean_over_parts(lambda part: self.terms(part, seed, False), batch, self._num_parts(batch))
        self.record(terms, batch)
        return self.get_metrics_result()

    def noise_seed(self, stream, position):
        """The stateless seed, int32 [2], of one position in a stream of this model's noise."""
        seed = tf.constant([self.seed & 0x7FFFFFFF, stream], "int32")
        return tf.random.fold_in(seed, tf.cast(position, "int32"))

    def record(self, terms, batch):
        """Adds terms to the means, weighted by examples: a smaller last batch must not count as much as a full one.

        Returns:
            The terms of the whole batch, whoever has which part of it.
        """
        terms, weights = replicas.weighted_means(terms, self.num_seen(batch))
        for mean in self.means:
            mean.update_state(terms[mean.name], sample_weight=weights[mean.name])
        return terms

    def num_seen(self, batch):
        """{term: number of examples of a batch that it is the mean of}."""
        return dict.fromkeys((mean.name for mean in self.means), tf.cast(tf.shape(batch["x"])[0], "float32"))

    @property
    def metrics(self):
        return self.means

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.PARTS}
        return {"name": self.name, "seed": self.seed, **parts}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.PARTS}
        return cls(**{**config, **parts})


def build_once(part, *shapes):
    """Builds a part that is not built yet: when a .keras file is loaded, the parts are built before the model."""
    if not part.built:
        part.build(*shapes)


def _first_examples(batches, number):
    """x and index of the first examples of a tf.data; counted from 0 where the batches carry no index."""
    examples = batches.unbatch().take(number).batch(number)
    batch = next(iter(examples))
    return batch["x"], batch.get("index", tf.range(len(batch["x"]), dtype="int64"))
