"""LadderVAE: several levels of latents, each given the one above."""

import functools

import keras
import tensorflow as tf

from tfvae.inference import Inference, Latent
from tfvae.models.compatibility import check_conditions, check_encoder, check_parts
from tfvae.models.latent_variable_model import CORRUPTION, TRAINING, LatentVariableModel, build_once
from tfvae.models.levels import check_levels, check_normal, joined, product_of_normals, sample_shared, twin
from tfvae.models.rows import over_rows, sample_normal_rows, sample_rows
from tfvae.models.vae import groups
from tfvae.offers import accepted
from tfvae.seeds import fold_rows

BELOW = 0  # what the noise of a level is folded with for the next, beside CORRUPTION and PENALTIES


@keras.saving.register_keras_serializable("tfvae")
class LadderVAE(LatentVariableModel):
    """p(x, z) = p(z_T) p(z_(T-1)|z_T) ... p(z_1|z_2) p(x|z_1), inferred from the top down; with one level a VAE.

    Bottom-up, encoders[0] maps x to features d_1, and encoders[i] maps d_i to d_(i+1). Top-down, decoders[i] maps
    z_(i+1) to features, from which a head of the same class and size as posteriors[i-1] makes p(z_i|z_(i+1)). Below the
    top, q(z_i|x, z_(i+1)) is the normalised product of that prior and of the normal that posteriors[i-1] makes of d_i.

    All lists begin with level 1, next to x. So does z, [S, B, L], with the latents of all levels side by side.

    Args:
        encoders: T layers: [B, *event] -> d_1, and d_i -> d_(i+1).
        posteriors: T `Posterior`s, features of a level -> a distribution of its latents. Those below the top must make
            normals with diagonal covariance.
        prior: `Prior` of the top level, -> p(z_T).
        decoders: T layers: [B, L_1] -> features of x (its `build` may ask for `event_shape`), and [B, L_(i+1)] ->
            features of z_i.
        likelihood: `Likelihood`, features of z_1 -> p(x|z_1).
        objective: `Objective`, but none that weights the gradient along the path of a sample: levels would multiply it.
        regularizers: `Regularizer`s.
        seed: Integer that keys all noise of this model.

    Raises:
        ValueError: If the lists are empty or differ in length, or the parts do not fit together.

    Reference:
        Sonderby et al., 2016. Ladder Variational Autoencoders, section 2.2. https://arxiv.org/abs/1602.02282
    """

    PARTS = ("encoders", "posteriors", "prior", "decoders", "likelihood", "objective", "regularizers")

    def __init__(self, encoders, posteriors, prior, decoders, likelihood, objective, regularizers=(), seed=0, **kwargs):
        check_levels(encoders, posteriors, decoders, prior, objective)
        check_parts(posteriors[-1], prior, objective, regularizers)
        for encoder in encoders:
            check_encoder(encoder, prior)
        super().__init__(objective, regularizers, seed, **kwargs)
        self.encoders, self.posteriors, self.decoders = list(encoders), list(posteriors), list(decoders)
        self.prior, self.likelihood = prior, likelihood
        self.conditional_priors = [twin(part, f"conditional_prior_{i}") for i, part in enumerate(posteriors[:-1], 1)]
        self.sizes, self._top = tuple(part.latent_size for part in posteriors), len(posteriors) - 1

    def build(self, input_shape):
        """Builds the parts for x [B, *event]; sizes pass from part to part, so that each is stated once."""
        x_shape = input_shape["x"] if isinstance(input_shape, dict) else input_shape
        self.event_shape = tuple(x_shape)[1:]
        check_conditions(*self.encoders, *self.decoders, self.prior)
        shape = (None, *self.event_shape)
        for encoder, posterior in zip(self.encoders, self.posteriors, strict=True):
            build_once(encoder, shape)
            shape = encoder.compute_output_shape(shape)
            build_once(posterior, shape)
        build_once(self.prior, self.posteriors[-1].latent_shape, *self._event_shape_for(self.prior))
        z_shape = (None, self.sizes[0])
        build_once(self.decoders[0], z_shape, *self._event_shape_for(self.decoders[0]))
        build_once(self.likelihood, self.decoders[0].compute_output_shape(z_shape), self.event_shape)
        for size, decoder, head in zip(self.sizes[1:], self.decoders[1:], self.conditional_priors, strict=True):
            build_once(decoder, (None, size))
            build_once(head, decoder.compute_output_shape((None, size)))
            check_normal(head)
        for part in (self.objective, *self.regularizers):
            build_once(part, (None, *self.event_shape))

    @property
    def latent_size(self):
        return sum(self.sizes)

    @property
    def condition_size(self):
        parts = [*self.encoders, *self.decoders, self.prior]
        return next((part.condition_size for part in parts if getattr(part, "condition_size", None)), None)

    @property
    def can_sample(self):
        return self.prior.is_ready

    @property
    def is_euclidean(self):
        return self.posteriors[-1].support == "the real space"

    @property
    def has_rate(self):
        return self.can_sample and self.posteriors[-1].has_density

    @property
    def has_density(self):
        return self.has_rate and self.prior.has_density

    @property
    def num_examples(self):
        return self.prior.num_examples

    def start(self, x, index):
        self.prior.start(x, index)

    def encode(self, x, training=False, **context):
        """q(z_T|x), of the top level: [B, *event] -> batch_shape [B], event_shape [L_T]."""
        return self.posteriors[-1](self._features(x, training, context)[-1], step=self.step.value)

    def code(self, x, **context):
        """The point [B, L] that stands for each x: from the top down, the mean of each level given the one above."""

        def draw(level, q):
            return self.posteriors[level].code(q)[tf.newaxis] if level == self._top else q.mean()

        latents = self._descend(self._features(x, False, context), draw, False, context)
        return tf.ensure_shape(joined(latents)[0], [None, self.latent_size])

    def decode(self, z, training=False, x=None, **context):
        """p(x|z): [S, B, L] or [B, L], of which it takes level 1 -> batch_shape [S, B] or [B], event_shape [*event]."""
        size = self.sizes[0]
        features = over_rows(self.decoders[0], z[..., :size], size, training, context.get("condition"))
        return self.likelihood(features, **accepted(self.likelihood.call, training=training, x=x))

    def infer(self, x, num_samples=1, seed=None, training=False, **context):
        seed = self.noise_seed(TRAINING, self.step.value) if seed is None else seed
        seeds = self._seeds(seed)
        context = {**context, "seed": tf.random.fold_in(seed, CORRUPTION)} if training else context

        def draw(level, q):  # the top is [B], and all below it [S, B]
            return sample_shared(q, [num_samples] if level == self._top else [], seeds[level])

        return self._inference(x, draw, training, context)

    def inference(self, x, z, **context):
        """The `Inference` at given samples z [S, B, L]."""
        given = tf.split(z, self.sizes, axis=-1)
        return self._inference(x, lambda level, q: given[level], False, context)

    def sample(self, num_samples, seed, **context):
        """Means of p(x|z) for z ~ p(z): [num_samples, *event]. `seed` is a pair of integers."""
        seeds = self._seeds(tf.constant(seed, "int32"))
        prior = self.p_z(**context)
        draws = num_samples // tf.reduce_prod(prior.batch_shape_tensor())  # a conditional prior has a batch already
        top = tf.reshape(prior.sample(draws, seed=seeds[-1]), [-1, self.sizes[-1]])
        z = self._generate(top, lambda level, p: p.sample(seed=seeds[level]), context)
        return self.decode(z, **context).mean()

    def encode_sample(self, x, seeds, num_samples=1, **context):
        """z ~ q(z|x) with a stateless seed for each row, int32 [B, 2]: [B, *event] -> [S, B, L].

        What a row gets depends on its own x and seed alone, not on the rest of the batch.
        """
        features, seeds = self._features(x, False, context), self._seeds(seeds, fold_rows)

        def draw(level, q):
            if level < self._top:
                return sample_normal_rows(q, seeds[level], num_samples, self.sizes[level])
            parameters = self.posteriors[-1].parameters(features[-1])
            return sample_rows(self._draw_top(num_samples), parameters, seeds[-1], num_samples, self.sizes[-1])

        return joined(self._descend(features, draw, False, context))

    def prior_sample(self, seeds, **context):
        """z ~ p(z) with a stateless seed for each row: int32 [B, 2] -> [B, L]."""
        seeds = self._seeds(seeds, fold_rows)
        rows = accepted(self.prior.call, **context)  # a conditional prior is another one for each row
        shared = None if rows else self.p_z()

        def draw_top(row, seed):
            p = shared or self.p_z(**{name: value[tf.newaxis] for name, value in row.items()})
            return tf.reshape(p.sample(seed=seed), [1, self.sizes[-1]])

        def draw(level, p):
            return sample_normal_rows(p, seeds[level], 1, self.sizes[level])

        return self._generate(sample_rows(draw_top, rows, seeds[-1], 1, self.sizes[-1]), draw, context)[0]

    def p_z(self, **context):
        """The prior p(z_T) of the top level, or p(z_T|condition)."""
        code = lambda x: self.posteriors[-1].code(self.encode(x))  # noqa: E731
        return self.prior(**accepted(self.prior.call, encode=self.encode, code=code, **context))

    def _draw_top(self, num_samples):
        def draw(parameters, seed):
            q = self.posteriors[-1].distribution(parameters[tf.newaxis], self.step.value)
            return q.sample(num_samples, seed=seed)[:, 0]

        return draw

    def _event_shape_for(self, part):
        return accepted(part.build, event_shape=self.event_shape).values()

    def _seeds(self, seed, fold=tf.random.fold_in):
        """The seed of each level; that of the top is `seed`."""
        seeds = [seed]
        for _ in self.sizes[1:]:
            seeds.insert(0, fold(seeds[0], BELOW))
        return seeds

    def _features(self, x, training, context):
        """The features d_1, ..., d_T."""
        features = [x]
        for encoder in self.encoders:
            asked = accepted(encoder.call, condition=context.get("condition"), seed=context.get("seed"))
            features.append(encoder(features[-1], training=training, **asked))
        return features[1:]

    def _conditional_prior(self, level, z, training, context):
        """p(z_level|z), z [..., L] of the level above."""
        above = level + 1
        features = over_rows(self.decoders[above], z, self.sizes[above], training, context.get("condition"))
        return self.conditional_priors[level](features, step=self.step.value)

    def _descend(self, features, draw, training, context):
        """The groups of latents, those of level 1 first; z of a level is `draw(level, q)`."""
        index = {"index": context.get("index")} if training else {}
        q = self.posteriors[-1](features[-1], step=self.step.value)
        z = draw(self._top, q)
        latents = groups(q, self.p_z(condition=context.get("condition"), **index), z)
        for level in reversed(range(self._top)):
            p = self._conditional_prior(level, z, training, context)
            q = product_of_normals(self.posteriors[level](features[level], step=self.step.value), p)
            z = draw(level, q)
            latents = (Latent(q, p, z), *latents)
        return latents

    def _generate(self, z, draw, context):
        """z of all levels, given that of the top, [..., L_T] -> [..., L]; z of a level is `draw(level, p)`."""
        levels = [z]
        for level in reversed(range(self._top)):
            levels.insert(0, draw(level, self._conditional_prior(level, levels[0], False, context)))
        return tf.concat(levels, axis=-1)

    def _inference(self, x, draw, training, context):
        latents = self._descend(self._features(x, training, context), draw, training, context)
        code = functools.partial(self.code, **context)
        return Inference(x, latents, self.decode(joined(latents), training, x, **context), code=code)
