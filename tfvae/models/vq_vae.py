"""VQVAE: discrete codes, each the nearest embedding of a codebook."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.inference import Inference, Latent
from tfvae.models.codebook import Codebook, positive_integer, straight_through
from tfvae.models.compatibility import check_conditions
from tfvae.models.latent_variable_model import CORRUPTION, PENALTIES, TRAINING, LatentVariableModel, build_once
from tfvae.models.point_mass import PointMass
from tfvae.models.rows import over_rows
from tfvae.offers import accepted

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tfvae")
class VQVAE(LatentVariableModel):
    """p(x, c) = p(c) p(x|e_c): n indices c of a codebook of K embeddings, chosen without noise as the nearest ones.

    A linear map of the encoder's features gives n vectors of size D. Each is replaced by its nearest embedding, and z
    is the n embeddings in a row, [L] with L = n * D. With s the sum over the vectors of |vector - embedding|^2, of
    which the embedding is held fixed,

        loss = -log p(x|z) + commitment * s,

    both per example: nats, and the squared unit of the code. The gradient passes straight through from the embedding to
    the vector, and the embeddings follow as moving averages, in training alone (within `terms`, as those of Keras's
    BatchNormalization do). The rate is -log p(c): n log K under the uniform prior of training, which has no gradient;
    after `fit_prior` that of the fitted prior. Either way distortion + rate bounds -log p(x) from above.

    Args:
        encoder: Layer [B, *event] -> features, a vector [B, F] or a grid [B, H, W, F].
        decoder: Layer [B, L] -> features of z. Its `build` may ask for `event_shape`.
        likelihood: `Likelihood`, features -> p(x|z).
        codebook_size: Number K of embeddings.
        code_size: Size D of an embedding.
        num_codes: Number n of codes of an example; of a grid one for each place, row by row, n = H * W.
        commitment: Weight of the commitment, from 0 up.
        decay: What is kept of a moving average in one step, from 0 to below 1.
        restart_threshold: Fraction of the average use, between 0 and 1, below which an embedding is dead and starts
            again at a vector of the batch.
        prior: `FittedAfterTraining` of a prior over the indices, int32 [n].
        seed: Integer that keys all noise of this model.

    Raises:
        ValueError: If an argument is out of its range, or `num_codes` or `prior` does not fit the rest.

    Reference:
        Van den Oord et al., 2017. Neural Discrete Representation Learning. https://arxiv.org/abs/1711.00937
    """

    PARTS = ("encoder", "prior", "decoder", "likelihood")
    reports = ("distortion", "rate", "negative_elbo", "commitment", "perplexity")
    monitor = "negative_elbo"
    is_stochastic = False
    is_euclidean = False
    can_sample = True  # the uniform prior is one as well
    has_rate = True
    has_density = False  # q(c|x) has a single point: weights would only say the negative ELBO again

    def __init__(
        self,
        encoder,
        *,
        decoder,
        likelihood,
        codebook_size,
        code_size,
        num_codes=None,
        commitment=0.25,
        decay=0.99,
        restart_threshold=0.03,
        prior=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(objective=None, seed=seed, **kwargs)
        if not 0 <= commitment < math.inf:
            raise ValueError(f"`commitment` must be a number from 0 up. Received: commitment={commitment!r}")
        _check_prior(prior, codebook_size)
        self.num_codes = None if num_codes is None else positive_integer("num_codes", num_codes)
        self.codebook = Codebook(codebook_size, code_size, decay, restart_threshold)
        self.encoder, self.prior, self.decoder, self.likelihood = encoder, prior, decoder, likelihood
        self.commitment = commitment

    def build(self, input_shape):
        """Builds the parts for x [B, *event]; sizes pass from part to part, so that each is stated once."""
        x_shape = input_shape["x"] if isinstance(input_shape, dict) else input_shape
        self.event_shape = event_shape = tuple(x_shape)[1:]
        check_conditions(self.encoder, self.decoder)
        build_once(self.encoder, (None, *event_shape))
        self._build_vectors(self.encoder.compute_output_shape((None, *event_shape)))
        build_once(self.codebook)
        if self.prior is not None:
            build_once(self.prior, (self.num_codes,))
        z_shape = (None, self.latent_size)
        build_once(self.decoder, z_shape, *accepted(self.decoder.build, event_shape=event_shape).values())
        build_once(self.likelihood, self.decoder.compute_output_shape(z_shape), event_shape)

    @property
    def latent_size(self):
        """Number L = n * D of elements of z."""
        return self.num_codes * self.codebook.code_size

    def fit_prior(self, batches):
        """Fits the prior to the indices of an iterable of batches."""
        if self.prior is not None:
            self.prior.fit(tf.concat([self.encode(**batch).value for batch in batches], 0), self.seed)
            self.test_function = None  # Keras keeps the graph of `evaluate`, in which the prior is the uniform one

    def encode(self, x, training=False, **context):
        """q(c|x), all on the nearest indices: [B, *event] -> batch_shape [B], event_shape [n], int32."""
        return PointMass(self.codebook.nearest(self._vectors(x, training, context)))

    def code(self, x, **context):
        """z, the embeddings nearest to the vectors of each x: [B, *event] -> [B, L]."""
        return self._embed(self.encode(x, **context).value)

    def decode(self, z, training=False, x=None, **context):
        """p(x|z): [S, B, L] or [B, L] -> batch_shape [S, B] or [B], event_shape [*event].

        Any real z will do: each of its n vectors is replaced by the nearest embedding first.
        """
        vectors = tf.reshape(z, tf.concat([tf.shape(z)[:-1], [self.num_codes, self.codebook.code_size]], 0))
        embeddings = straight_through(vectors, self.codebook.embed(self.codebook.nearest(vectors)))
        return self._likelihood(tf.reshape(embeddings, tf.shape(z)), training, x, context)

    def infer(self, x, num_samples=1, seed=None, training=False, **context):
        """As the contract says; but posterior and prior of the latent are those of the indices, int32 [n]."""
        seed = self.noise_seed(TRAINING, self.step.value) if seed is None else seed
        return self._infer(x, num_samples, seed, training, context)[0]

    def inference(self, x, z, **context):
        """The `Inference` at given z [S, B, L]."""
        latent = Latent(self.encode(x, **context), self.p_c(), z)
        return Inference(x, (latent,), self.decode(z, **context))

    def terms(self, batch, seed, training):
        """The terms for one batch, each a scalar; in training it moves the codebook."""
        context = {name: value for name, value in batch.items() if name != "x"}
        inference, vectors = self._infer(batch["x"], 1, seed, training, context)
        (latent,) = inference.latents
        indices = latent.posterior.value
        deviation = vectors - tf.stop_gradient(self.codebook.embed(indices))
        distortion = -tf.reduce_mean(inference.likelihood.log_prob(inference.x))
        rate = -tf.reduce_mean(latent.prior.log_prob(indices))
        commitment = tf.reduce_mean(tf.reduce_sum(deviation**2, axis=[1, 2]))
        if training:
            self.codebook.update(vectors, indices, tf.random.fold_in(seed, PENALTIES))
        return {
            "loss": tf.reduce_sum(tf.stack([distortion, self.commitment * commitment, *self.losses])),
            "distortion": distortion,
            "rate": rate,
            "negative_elbo": distortion + rate,
            "commitment": commitment,
            "perplexity": self.codebook.perplexity(indices),
        }

    def reconstruct(self, x, **context):
        """The mean of p(x|z) at the code of x: [B, *event] -> [B, *event]."""
        return self._likelihood(self.code(x, **context), False, None, context).mean()

    def sample(self, num_samples, seed, **context):
        """Means of p(x|z) for c ~ p(c): [num_samples, *event]. `seed` is a pair of integers."""
        indices = self.p_c().sample(num_samples, seed=tf.constant(seed, "int32"))
        return self._likelihood(self._embed(indices), False, None, context).mean()

    def encode_sample(self, x, seeds, num_samples=1, **context):
        """The code of x, whatever the seeds are: [B, *event] -> [S, B, L]."""
        return tf.repeat(self.code(x, **context)[tf.newaxis], num_samples, axis=0)

    def prior_sample(self, seeds, **context):
        """z of c ~ p(c) with a stateless seed for each row: int32 [B, 2] -> [B, L]."""
        prior, spec = self.p_c(), tf.TensorSpec([self.num_codes], "int32")
        return self._embed(tf.map_fn(lambda seed: prior.sample(seed=seed), seeds, fn_output_signature=spec))

    def p_c(self):
        """The prior p(c) of the indices: the fitted one, else the uniform one; event_shape [n]."""
        if self.prior is not None and self.prior.is_ready:
            return self.prior()
        return tfd.Sample(tfd.Categorical(tf.zeros(self.codebook.codebook_size)), self.num_codes)

    def get_config(self):
        of_codebook = ("codebook_size", "code_size", "decay", "restart_threshold")
        plain = {"num_codes": self.num_codes, "commitment": self.commitment}
        return {**super().get_config(), **plain, **{name: getattr(self.codebook, name) for name in of_codebook}}

    def _build_vectors(self, features_shape):
        """The linear map from features to vectors, and how many vectors that makes."""
        *grid, width = features_shape[1:]
        if not grid and self.num_codes is None:
            raise ValueError("`num_codes` must be given where the encoder ends in a vector.")
        if grid and self.num_codes not in (None, math.prod(grid)):
            raise ValueError(
                f"`num_codes` must be {math.prod(grid)}, or left out, for an encoder that ends in a grid of "
                f"{'x'.join(map(str, grid))}. Received: num_codes={self.num_codes}"
            )
        self.num_codes = self.num_codes or math.prod(grid)
        units = self.codebook.code_size if grid else self.latent_size
        # float32 under mixed precision too, as the codebook.
        self.to_vectors = keras.layers.Dense(units, dtype="float32")
        self.to_vectors.build((None, *grid, width))

    def _vectors(self, x, training, context):
        asked = accepted(self.encoder.call, condition=context.get("condition"), seed=context.get("seed"))
        vectors = self.to_vectors(self.encoder(x, training=training, **asked))
        return tf.reshape(vectors, [-1, self.num_codes, self.codebook.code_size])

    def _infer(self, x, num_samples, seed, training, context):
        """The `Inference`, and the vectors [B, n, D] before they were replaced."""
        if training:
            context = {**context, "seed": tf.random.fold_in(seed, CORRUPTION)}
        vectors = self._vectors(x, training, context)
        indices = self.codebook.nearest(vectors)
        z = tf.reshape(straight_through(vectors, self.codebook.embed(indices)), [1, -1, self.latent_size])
        z = tf.repeat(z, num_samples, axis=0)
        latent = Latent(PointMass(indices), self.p_c(), z)
        return Inference(x, (latent,), self._likelihood(z, training, x, context)), vectors

    def _embed(self, indices):
        """int32 [..., n] -> z, [..., L]."""
        shape = tf.concat([tf.shape(indices)[:-1], [self.latent_size]], 0)
        return tf.ensure_shape(tf.reshape(self.codebook.embed(indices), shape), [*indices.shape[:-1], self.latent_size])

    def _likelihood(self, z, training, x, context):
        features = over_rows(self.decoder, z, self.latent_size, training, context.get("condition"))
        return self.likelihood(features, **accepted(self.likelihood.call, training=training, x=x))


def _check_prior(prior, codebook_size):
    if prior is None:
        return
    if not prior.fitted_after or prior.support != "discrete codes":
        raise ValueError(f"`prior` must be `FittedAfterTraining` of a prior over discrete codes. Received: {prior=}")
    if prior.prior.num_classes != codebook_size:
        raise ValueError(
            "`num_classes` of the prior must be the size of the codebook. "
            f"Received: num_classes={prior.prior.num_classes}, codebook_size={codebook_size}"
        )
