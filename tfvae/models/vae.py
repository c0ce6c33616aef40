"""VAE: one group of latents, an encoder, and a decoder."""

import keras
import tensorflow as tf

from tfvae import replicas
from tfvae.inference import Gate, Inference, Latent
from tfvae.models.compatibility import check_conditions, check_encoder, check_parts
from tfvae.models.latent_variable_model import CORRUPTION, TRAINING, LatentVariableModel, build_once
from tfvae.models.rows import over_rows, sample_rows
from tfvae.offers import accepted


@keras.saving.register_keras_serializable("tfvae")
class VAE(LatentVariableModel):
    """p(x, z) = p(z) p(x|z), trained with q(z|x); with a deterministic posterior an autoencoder.

    Args:
        encoder: Layer [B, *event] -> features of x.
        posterior: `Posterior`, features -> q(z|x).
        decoder: Layer [B, L] -> features of z. Its `build` may ask for `event_shape`.
        likelihood: `Likelihood`, features -> p(x|z).
        objective: `Objective`.
        prior: `Prior`, -> p(z). Without one the model trains by an objective without rate, and cannot `sample`.
        regularizers: `Regularizer`s.
        seed: Integer that keys all noise of this model.

    Raises:
        ValueError: If the parts do not fit together.

    Reference:
        Kingma and Welling, 2014. Auto-Encoding Variational Bayes. https://arxiv.org/abs/1312.6114
    """

    PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood", "objective", "regularizers")

    def __init__(
        self, encoder, posterior, *, decoder, likelihood, objective, prior=None, regularizers=(), seed=0, **kwargs
    ):
        check_parts(posterior, prior, objective, regularizers)
        check_encoder(encoder, prior)
        super().__init__(objective, regularizers, seed, **kwargs)
        self.encoder, self.posterior, self.prior = encoder, posterior, prior
        self.decoder, self.likelihood = decoder, likelihood

    def build(self, input_shape):
        """Builds the parts for x [B, *event]; sizes pass from part to part, so that each is stated once."""
        x_shape = input_shape["x"] if isinstance(input_shape, dict) else input_shape
        self.event_shape = event_shape = tuple(x_shape)[1:]
        x_shape, z_shape = (None, *event_shape), (None, self.latent_size)
        check_conditions(self.encoder, self.decoder, self.prior)  # not before: a trial without data has no sizes
        build_once(self.encoder, x_shape)
        build_once(self.posterior, self.encoder.compute_output_shape(x_shape))
        if self.prior is not None:
            build_once(self.prior, self.posterior.latent_shape, *_event_shape_for(self.prior, event_shape))
        build_once(self.decoder, z_shape, *_event_shape_for(self.decoder, event_shape))
        build_once(self.likelihood, self.decoder.compute_output_shape(z_shape), event_shape)
        for part in (self.objective, *self.regularizers):
            build_once(part, x_shape)

    @property
    def is_additive(self):
        return all(part.is_additive for part in (self.likelihood, self.objective, *self.regularizers))

    @property
    def can_sample(self):
        return self.prior is not None and self.prior.is_ready

    @property
    def is_stochastic(self):
        return self.posterior.has_density

    @property
    def is_euclidean(self):
        return self.posterior.support == "the real space"

    @property
    def has_rate(self):
        return self.can_sample and self.posterior.has_density

    @property
    def has_density(self):
        return self.has_rate and self.prior.has_density

    @property
    def num_examples(self):
        return 0 if self.prior is None else self.prior.num_examples

    def start(self, x, index):
        if self.num_examples:
            self.prior.start(x, index)

    def fit_prior(self, batches):
        if self.prior is not None and self.prior.fitted_after:
            codes = [self.code(**batch) for batch in batches]
            self.prior.fit(tf.concat(codes, 0), self.seed)
            self.test_function = None  # Keras keeps the graph of `evaluate`, which has the prior of before

    def encode(self, x, training=False, **context):
        """q(z|x): [B, *event] -> batch_shape [B], event_shape [L]."""
        return self.posterior_of(self._parameters(x, training, context))

    def variational_parameters(self, x, **context):
        """What the encoder makes q(z|x) of: [B, *event] -> [B, P]."""
        return self._parameters(x, False, context)

    def posterior_of(self, parameters):
        """q(z|x) of variational parameters [B, P], the encoder's or others."""
        return self.posterior.distribution(parameters, self.step.value)

    def code(self, x, **context):
        """The point [B, L] that stands for each x: the mean of q(z|x), or the nearest thing to it."""
        shape = [None, self.latent_size]  # TFP forgets the length of an axis that is 1
        return tf.ensure_shape(self.posterior.code(self.encode(x, **context)), shape)

    def decode(self, z, training=False, x=None, **context):
        """p(x|z): [S, B, L] or [B, L] -> batch_shape [S, B] or [B], event_shape [*event]."""
        features = over_rows(self.decoder, z, self.latent_size, training, context.get("condition"))
        return self.likelihood(features, **accepted(self.likelihood.call, training=training, x=x))

    def infer(self, x, num_samples=1, seed=None, training=False, **context):
        seed = self.noise_seed(TRAINING, self.step.value) if seed is None else seed
        if training:
            context = {**context, "seed": tf.random.fold_in(seed, CORRUPTION)}
        parameters = self._parameters(x, training, context)
        posterior = self.posterior_of(parameters)

        def draw(rows):
            return (posterior if rows is parameters else self.posterior_of(rows)).sample(num_samples, seed=seed)

        return self._inference(x, posterior, replicas.sample(draw, parameters), training, context)

    def inference(self, x, z, posterior=None, **context):
        """The `Inference` at given samples z [S, B, L], of the encoder's q(z|x) unless another one is given."""
        return self._inference(x, posterior or self.encode(x, **context), z, False, context)

    def sample(self, num_samples, seed, **context):
        """Means of p(x|z) for z ~ p(z): [num_samples, *event]. `seed` is a pair of integers.

        They go through the rows of a `condition`, float32 [N, K], in turn; N must be a divisor of `num_samples`.

        Raises:
            ValueError: If there is no prior to sample from, or `num_samples` is no multiple of the conditions.
        """
        self._check_can_sample()
        prior = self.p_z(**context)
        conditions = 1 if context.get("condition") is None else context["condition"].shape[0] or 1
        if num_samples % conditions:
            raise ValueError(f"{num_samples=} is no multiple of the number of conditions, {conditions}.")
        draws = num_samples // tf.reduce_prod(prior.batch_shape_tensor())  # a conditional prior has a batch already
        z = tf.reshape(prior.sample(draws, seed=tf.constant(seed, "int32")), [-1, self.latent_size])
        return self.decode(z, **context).mean()

    def encode_sample(self, x, seeds, num_samples=1, **context):
        """z ~ q(z|x) with a stateless seed for each row, int32 [B, 2]: [B, *event] -> [S, B, L].

        What a row gets depends on its own x and seed alone, not on the rest of the batch.
        """

        def draw(parameters, seed):
            return self.posterior_of(parameters[tf.newaxis]).sample(num_samples, seed=seed)[:, 0]

        return sample_rows(draw, self.variational_parameters(x, **context), seeds, num_samples, self.latent_size)

    def prior_sample(self, seeds, **context):
        """z ~ p(z) with a stateless seed for each row: int32 [B, 2] -> [B, L]."""
        self._check_can_sample()
        rows = accepted(self.prior.call, **context)  # a conditional prior is another one for each row
        shared = None if rows else self.p_z()

        def draw(row, seed):
            prior = shared or self.p_z(**{name: value[tf.newaxis] for name, value in row.items()})
            return tf.reshape(prior.sample(seed=seed), [1, self.latent_size])

        return sample_rows(draw, rows, seeds, 1, self.latent_size)[0]

    def p_z(self, **context):
        """The prior p(z), or p(z|condition); None if there is none."""
        if self.prior is None:
            return None
        return self.prior(**accepted(self.prior.call, encode=self.encode, code=self.code, **context))

    def _parameters(self, x, training, context):
        return self.posterior.parameters(self._features(x, training, context))

    def _features(self, x, training, context):
        asked = accepted(self.encoder.call, condition=context.get("condition"), seed=context.get("seed"))
        return self.encoder(x, training=training, **asked)

    def _inference(self, x, posterior, z, training, context):
        gate = Gate() if self.objective.needs_gate else None  # it would hide from TFP where z comes from
        z = gate(z) if gate else z
        index = {"index": context.get("index")} if training else {}
        prior = self.p_z(condition=context.get("condition"), **index)
        code = lambda x: self.posterior.code(self.encode(x, training, **context))  # noqa: E731
        return Inference(x, groups(posterior, prior, z), self.decode(z, training, x, **context), gate, code)

    def _check_can_sample(self):
        if not self.can_sample:
            why = "has no prior" if self.prior is None else "has a prior that is not fitted yet: call `fit_prior` first"
            raise ValueError(f"This model {why}, and so cannot sample.")


def groups(posterior, prior, z):
    """The groups of latents: one, or one for each factor where posterior and prior are products (`tfd.Blockwise`)."""
    # By its attribute: where a factor is no composite tensor, TFP's Blockwise is not an instance of tfd.Blockwise.
    posteriors = getattr(posterior, "distributions", None)
    if posteriors is None:
        return (Latent(posterior, prior, z),)
    priors = prior.distributions if prior is not None else [None] * len(posteriors)
    samples = tf.split(z, [q.event_shape[0] for q in posteriors], axis=-1)
    return tuple(Latent(*group) for group in zip(posteriors, priors, samples, strict=True))


def _event_shape_for(part, event_shape):
    """Only a part that has to end, or begin, at the image's size asks for it in its `build`."""
    return accepted(part.build, event_shape=event_shape).values()
