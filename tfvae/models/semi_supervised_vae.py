"""SemiSupervisedVAE: a class beside the latents, known for some examples and inferred for the others."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.divergences import kl_divergence
from tfvae.inference import Inference, Latent
from tfvae.models.classes import accuracy, check_classes, costs_with_label, one_hot
from tfvae.models.compatibility import check_parts
from tfvae.models.latent_variable_model import CORRUPTION, TRAINING, LatentVariableModel, build_once
from tfvae.models.rows import for_rows, over_rows, sample_rows
from tfvae.models.vae import groups
from tfvae.offers import accepted
from tfvae.seeds import fold_rows

tfd = tfp.distributions

CLASSES = 0  # what the noise of a batch is folded with for the classes, beside CORRUPTION


@keras.saving.register_keras_serializable("tfvae")
class SemiSupervisedVAE(LatentVariableModel):
    """p(x, y, z) = p(y) p(z) p(x|y, z) with y uniform over K classes, trained with q(y|x) q(z|x, y): the M2 model.

    A batch has "label", int64 [B], -1 where the class is not known. An example costs

        with label:     C(x, y) + log K + label_weight * -log q(y|x), a bound on -log p(x, y) and a classifier's loss;
        without label:  sum_y q(y|x) C(x, y) + KL(q(y|x) || p(y)), a bound on -log p(x),

    where C(x, y) = -E log p(x|y, z) + KL(q(z|x, y) || p(z)), with one z for each class. The sum is exact: encoder and
    decoder run once on K * B rows, and so need K times the memory of a VAE.

    It takes no `Objective`: the terms of one are means over the batch, and these costs are weighted by q(y|x) before.
    `distortion`, `rate` and `negative_elbo` are those of the bound on log p(x), whatever labels there are, so that they
    can be compared; `accuracy` is over the examples with label, and 0 where there are none.

    The code of x is that of z and y, a one-hot class, side by side: [S, B, L + K].

    Args:
        encoder: Layer [B, *event] -> features of x; to depend on the class, it asks for `condition`, as `Conditioned`.
        posterior: `Posterior`, features -> q(z|x, y).
        prior: `Prior`, -> p(z), the same for all classes.
        decoder: Layer [B, L] -> features of z and y: must ask for `condition`. Its `build` may ask for `event_shape`.
        likelihood: `Likelihood`, features -> p(x|y, z).
        classifier: Layer [B, *event] -> features [B, F], of which one linear map makes the logits of q(y|x).
        num_classes: Number K of classes.
        label_weight: Weight alpha of the classifier's loss, from 0 up. The paper's 0.1 * N, N being the number of all
            examples, is 0.1 * N / (number with label) here, where each example counts by itself.
        seed: Integer that keys all noise of this model.

    Raises:
        ValueError: If the parts do not fit together, or an argument is out of its range.

    Reference:
        Kingma et al., 2014. Semi-Supervised Learning with Deep Generative Models, eq. 6 to 9.
        https://arxiv.org/abs/1406.5298
    """

    PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood", "classifier")
    can_classify = can_sample = has_rate = True
    condition_size = None  # the class that the networks are conditioned on is a latent variable
    is_euclidean = False  # the class of a code is one of K points
    reports = ("distortion", "rate", "negative_elbo", "accuracy")
    monitor = "negative_elbo"
    needs_rate, needs_density = True, False  # what `check_parts` asks of an objective, which the model is itself

    def __init__(
        self,
        encoder,
        posterior,
        prior,
        decoder,
        likelihood,
        classifier,
        num_classes,
        label_weight=1.0,
        seed=0,
        **kwargs,
    ):
        check_parts(posterior, prior, self)
        check_classes(encoder, prior, decoder, num_classes, label_weight)
        super().__init__(None, (), seed, **kwargs)
        self.encoder, self.posterior, self.prior = encoder, posterior, prior
        self.decoder, self.likelihood, self.classifier = decoder, likelihood, classifier
        self.num_classes, self.label_weight = num_classes, label_weight
        self.logits = keras.layers.Dense(num_classes, dtype="float32")

    def build(self, input_shape):
        """Builds the parts for x [B, *event]; sizes pass from part to part."""
        x_shape = input_shape["x"] if isinstance(input_shape, dict) else input_shape
        self.event_shape = tuple(x_shape)[1:]
        x_shape, z_shape = (None, *self.event_shape), (None, self.posterior.latent_size)
        build_once(self.encoder, x_shape)
        build_once(self.posterior, self.encoder.compute_output_shape(x_shape))
        build_once(self.prior, self.posterior.latent_shape)
        build_once(self.decoder, z_shape, *accepted(self.decoder.build, event_shape=self.event_shape).values())
        build_once(self.likelihood, self.decoder.compute_output_shape(z_shape), self.event_shape)
        build_once(self.classifier, x_shape)
        build_once(self.logits, self.classifier.compute_output_shape(x_shape))

    @property
    def latent_size(self):
        return self.posterior.latent_size + self.num_classes

    @property
    def has_density(self):
        return self.prior.has_density

    def classify(self, x, **context):
        """q(y|x): [B, *event] -> probabilities [B, K]."""
        return tf.nn.softmax(self._class_logits(x, False, context))

    def code(self, x, **context):
        """The point [B, L + K] that stands for each x: the likeliest class y, and the mean of q(z|x, y)."""
        y = tf.one_hot(tf.argmax(self.classify(x, **context), axis=-1), self.num_classes)
        posterior = self.posterior.distribution(self._parameters(x, y[tf.newaxis], False, context), self.step.value)
        code = tf.concat([self.posterior.code(posterior)[0], y], axis=-1)
        return tf.ensure_shape(code, [None, self.latent_size])

    def decode(self, z, training=False, x=None, **context):
        """p(x|y, z): codes [S, B, L + K] or [B, L + K] -> batch_shape [S, B] or [B], event_shape [*event]."""
        z, y = tf.split(z, [self.posterior.latent_size, self.num_classes], axis=-1)
        y = tf.reshape(y, [-1, self.num_classes])
        features = over_rows(self.decoder, z, self.posterior.latent_size, training, condition=y)
        return self.likelihood(features, **accepted(self.likelihood.call, training=training, x=x))

    def infer(self, x, num_samples=1, seed=None, training=False, **context):
        seed = self.noise_seed(TRAINING, self.step.value) if seed is None else seed
        context = {**context, "seed": tf.random.fold_in(seed, CORRUPTION)} if training else context
        q_y = one_hot(self._class_logits(x, training, context))
        draw = lambda logits: one_hot(logits).sample(num_samples, seed=tf.random.fold_in(seed, CLASSES))  # noqa: E731
        y = replicas.sample(draw, q_y.logits)
        return self._infer_given(x, q_y, y, seed, training, context)

    def inference(self, x, z, **context):
        """The `Inference` at given codes [S, B, L + K]; its last group is the class."""
        z, y = tf.split(z, [self.posterior.latent_size, self.num_classes], axis=-1)
        q_z = self.posterior.distribution(self._parameters(x, y, False, context), self.step.value)
        return self._inference(x, q_z, z, one_hot(self._class_logits(x, False, context)), y, False)

    def terms(self, batch, seed, training):
        x, context = batch["x"], {"seed": tf.random.fold_in(seed, CORRUPTION)} if training else {}
        labels = tf.cast(batch.get("label", tf.fill(tf.shape(x)[:1], -1)), "int32")
        logits = self._class_logits(x, training, context)
        q_y = one_hot(logits)
        distortions, rates = self._costs_of_classes(x, q_y, seed, training, context)
        weights = tf.transpose(q_y.probs_parameter())  # [K, B], like the costs
        d = tf.reduce_sum(weights * distortions, axis=0)
        r = tf.reduce_sum(weights * rates, axis=0) + tfd.kl_divergence(q_y, self._p_y())
        joint = costs_with_label(distortions + rates, logits, labels, self.label_weight)
        loss = tf.reduce_mean(tf.where(labels >= 0, joint, d + r))
        return {
            "loss": tf.reduce_sum(tf.stack([loss, *self.losses])),
            "distortion": tf.reduce_mean(d),
            "rate": tf.reduce_mean(r),
            "negative_elbo": tf.reduce_mean(d + r),
            "accuracy": accuracy(logits, labels),
        }

    def num_seen(self, batch):
        num_labels = tf.math.count_nonzero(batch["label"] >= 0) if "label" in batch else 0
        return {**super().num_seen(batch), "accuracy": tf.cast(num_labels, "float32")}

    def sample(self, num_samples, seed, condition=None, **context):
        """Means of p(x|y, z) for z ~ p(z): [num_samples, *event], of classes at random or of those in `condition`.

        `seed` is a pair of integers; `condition`, float32 [N, K], has one-hot classes, N a divisor of `num_samples`.
        """
        seed = tf.constant(seed, "int32")
        y = for_rows(condition, num_samples)
        y = self._p_y().sample(num_samples, seed=tf.random.fold_in(seed, CLASSES)) if y is None else y
        return self.decode(tf.concat([self.prior().sample(num_samples, seed=seed), y], axis=-1)).mean()

    def encode_sample(self, x, seeds, num_samples=1, **context):
        """Codes (z, y) ~ q(z, y|x) with a stateless seed for each row, int32 [B, 2]: [B, *event] -> [S, B, L + K].

        What a row gets depends on its own x and seed alone, not on the rest of the batch.
        """

        def draw_class(logits, seed):
            return one_hot(logits).sample(num_samples, seed=seed)

        def draw(parameters, seed):  # of all samples of a row, each with its class: [S, P]
            return self.posterior.distribution(parameters, self.step.value).sample(seed=seed)

        logits = self._class_logits(x, False, context)
        y = sample_rows(draw_class, logits, fold_rows(seeds, CLASSES), num_samples, self.num_classes)
        parameters = tf.transpose(self._parameters(x, y, False, context), [1, 0, 2])
        z = sample_rows(draw, parameters, seeds, num_samples, self.posterior.latent_size)
        return tf.concat([z, y], axis=-1)

    def prior_sample(self, seeds, condition=None, **context):
        """Codes of z ~ p(z) with a stateless seed for each row: int32 [B, 2] -> [B, L + K].

        The classes are drawn too, unless they are given in `condition`, float32 [B, K].
        """
        p_z, p_y = self.prior(), self._p_y()
        y = condition
        if y is None:
            draw_class = lambda _, seed: p_y.sample(1, seed=seed)  # noqa: E731
            y = sample_rows(draw_class, {}, fold_rows(seeds, CLASSES), 1, self.num_classes)[0]
        z = sample_rows(lambda _, seed: p_z.sample(1, seed=seed), {}, seeds, 1, self.posterior.latent_size)[0]
        return tf.concat([z, y], axis=-1)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes, "label_weight": self.label_weight}

    def _class_logits(self, x, training, context):
        asked = accepted(self.classifier.call, seed=context.get("seed"))
        return self.logits(self.classifier(x, training=training, **asked))

    def _p_y(self):
        return one_hot(tf.zeros(self.num_classes))

    def _parameters(self, x, y, training, context):
        """The variational parameters of q(z|x, y), [S, B, P], for classes y [S, B, K]."""
        shape = tf.shape(y)
        x = tf.tile(x, [shape[0], *[1] * len(self.event_shape)])
        rows = tf.reshape(y, [-1, self.num_classes])
        asked = accepted(self.encoder.call, condition=rows, seed=context.get("seed"))
        parameters = self.posterior.parameters(self.encoder(x, training=training, **asked))
        return tf.reshape(parameters, [shape[0], shape[1], self.posterior.num_parameters])

    def _costs_of_classes(self, x, q_y, seed, training, context):
        """-log p(x|y, z) and the rate of z for each class, [K, B] each: the classes stand where samples do."""
        y = tf.tile(tf.eye(self.num_classes)[:, tf.newaxis], [1, tf.shape(x)[0], 1])
        inference = self._infer_given(x, q_y, y, seed, training, context)
        distortions = -inference.likelihood.log_prob(x)
        rates = sum(kl_divergence(*latent) for latent in inference.latents[:-1])
        return distortions, rates

    def _infer_given(self, x, q_y, y, seed, training, context):
        parameters = self._parameters(x, y, training, context)
        q_z = self.posterior.distribution(parameters, self.step.value)

        def draw(rows):
            return (q_z if rows is parameters else self.posterior.distribution(rows, self.step.value)).sample(seed=seed)

        return self._inference(x, q_z, replicas.sample(draw, parameters), q_y, y, training)

    def _inference(self, x, q_z, z, q_y, y, training):
        latents = (*groups(q_z, self.prior(), z), Latent(q_y, self._p_y(), y))
        return Inference(x, latents, self.decode(tf.concat([z, y], axis=-1), training, x))
