"""FactorVAE: a VAE whose total correlation is estimated by a discriminator and penalised."""

import math

import keras
import tensorflow as tf

from tfvae import replicas
from tfvae.models.latent_variable_model import TRAINING, build_once
from tfvae.models.replicated import apply_as_given
from tfvae.models.vae import VAE

PERMUTATION = -1  # what the noise of a batch is for, beside the samples of z, CORRUPTION and PENALTIES upwards


@keras.saving.register_keras_serializable("tfvae")
class FactorVAE(VAE):
    """A VAE with the penalty weight * TC, TC = KL(q(z) || prod_l q(z_l)), the total correlation of the aggregate q(z).

    A discriminator D tells codes from codes whose dimensions were permuted over the batch, each by itself. Its logit
    estimates log q(z) / prod_l q(z_l), and the mean of it over the batch TC, in nats, reported as `total_correlation`.
    It learns from the same batch by its own Adam(beta_1=0.5, beta_2=0.9): the first half as codes, and the other half
    permuted. No gradient of its cross-entropy (`discriminator_loss`, nats, log 2 at first) reaches the VAE, and
    none of the VAE's loss reaches D. Where the paper draws one batch for the VAE and another to permute, all of ours
    trains the VAE; what is permuted still comes from other examples than what it is told from.

    A subclass of `VAE` because it is one in all but its training: after it the discriminator has no use.

    Args:
        encoder, posterior, decoder, likelihood, objective, regularizers, seed: As of `VAE`.
        prior: `Prior`, as of `VAE`.
        discriminator: Layer [B, L] -> features; one linear map makes the logit of them.
        weight: Weight gamma of the total correlation, from 0 up.
        discriminator_learning_rate: Learning rate of the discriminator's Adam.

    Raises:
        ValueError: If the parts do not fit together, or an argument is out of its range.

    Reference:
        Kim and Mnih, 2018. Disentangling by Factorising, eq. 2 and 3, algorithms 1 and 2, appendix A.
        https://arxiv.org/abs/1802.05983
    """

    PARTS = (*VAE.PARTS, "discriminator")
    is_additive = False  # the discriminator sees codes of one half beside permuted ones of the other

    def __init__(
        self,
        encoder,
        posterior,
        *,
        prior,
        decoder,
        likelihood,
        objective,
        discriminator,
        weight,
        discriminator_learning_rate=1e-4,
        regularizers=(),
        seed=0,
        **kwargs,
    ):
        check_factors(posterior, prior)
        if not 0 <= weight < math.inf:
            raise ValueError(f"`weight` must be a number from 0 up. Received: weight={weight!r}")
        if not 0 < discriminator_learning_rate < math.inf:
            raise ValueError(
                "`discriminator_learning_rate` must be a positive number. "
                f"Received: discriminator_learning_rate={discriminator_learning_rate!r}"
            )
        parts = {"prior": prior, "decoder": decoder, "likelihood": likelihood, "objective": objective}
        super().__init__(encoder, posterior, **parts, regularizers=regularizers, seed=seed, **kwargs)
        self.discriminator, self.weight = discriminator, weight
        self.discriminator_learning_rate = discriminator_learning_rate
        # Zero at first: the VAE would follow a discriminator that has learnt nothing as far as `weight` takes it.
        self.logit = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32")
        adam = keras.optimizers.Adam(discriminator_learning_rate, beta_1=0.5, beta_2=0.9)
        self.discriminator_optimizer = apply_as_given(adam)

    def build(self, input_shape):
        super().build(input_shape)
        z_shape = (None, self.latent_size)
        build_once(self.discriminator, z_shape)
        build_once(self.logit, self.discriminator.compute_output_shape(z_shape))
        self.discriminator_optimizer.build(self.discriminator_weights)

    @property
    def reports(self):
        return (*super().reports, "total_correlation", "discriminator_loss")

    @property
    def discriminator_weights(self):
        """What the discriminator's optimizer trains."""
        return [*self.discriminator.trainable_weights, *self.logit.trainable_weights]

    @property
    def trainable_weights(self):
        """What the optimizer of `compile` trains: all but the discriminator's weights."""
        others = {id(weight) for weight in self.discriminator_weights}
        return [weight for weight in super().trainable_weights if id(weight) not in others]

    @property
    def trainable_variables(self):
        return self.trainable_weights

    @property
    def optimizer_variables(self):
        """Variables of both optimizers."""
        return [*self.optimizer.variables, *self.discriminator_optimizer.variables]

    def log_density_ratio(self, z):
        """The discriminator's estimate of log q(z) / prod_l q(z_l), in nats: [..., L] -> [...]."""
        logits = self.logit(self.discriminator(tf.reshape(z, [-1, self.latent_size])))
        return tf.reshape(logits, tf.shape(z)[:-1])

    def discriminator_loss(self, z, seed):
        """Cross-entropy of the discriminator in nats: codes of the first half [B, L], against the permuted other half.

        One code alone has no other half, and counts as what it is.
        """
        half = (tf.shape(z)[0] + 1) // 2
        permuted = permute_dimensions(z[half:], seed)
        logits = self.log_density_ratio(tf.concat([z[:half], permuted], 0))
        is_code = tf.cast(tf.range(tf.shape(z)[0]) < half, "float32")
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(is_code, logits))

    def terms(self, batch, seed, training):
        """The terms of a VAE, the total correlation in the loss, and beside it the discriminator's own loss."""
        context = {name: value for name, value in batch.items() if name != "x"}
        inference = self.infer(batch["x"], self.objective.num_samples, seed, training, **context)
        terms = self.terms_of(inference, seed, training)
        z = inference.latents[0].sample
        total_correlation = tf.reduce_mean(self.log_density_ratio(z))
        return {
            **terms,
            "loss": terms["loss"] + self.weight * total_correlation,
            "total_correlation": total_correlation,
            "discriminator_loss": self.discriminator_loss(tf.stop_gradient(z[0]), tf.random.fold_in(seed, PERMUTATION)),
        }

    def update(self, batch):
        """Takes one training step of both, and returns the terms before it."""
        with tf.GradientTape(persistent=True) as tape:
            terms = self.terms(batch, self.noise_seed(TRAINING, self.step.value), training=True)
        gradients = tape.gradient(terms["loss"], self.trainable_weights)
        of_discriminator = tape.gradient(terms["discriminator_loss"], self.discriminator_weights)
        self.optimizer.apply(replicas.mean(gradients), self.trainable_weights)
        self.discriminator_optimizer.apply(replicas.mean(of_discriminator), self.discriminator_weights)
        self.step.assign_add(1)
        return self.record(terms, batch)

    def get_config(self):
        plain = {"weight": self.weight, "discriminator_learning_rate": self.discriminator_learning_rate}
        return {**super().get_config(), **plain}


def permute_dimensions(z, seed):
    """Permutes the rows of each column by itself: every marginal stays, the columns become independent; [B, L]."""
    order = tf.argsort(tf.random.stateless_uniform(tf.shape(z), seed), axis=0)
    return tf.transpose(tf.gather(tf.transpose(z), tf.transpose(order), batch_dims=1))


def check_factors(posterior, prior):
    """Refuses parts that have no total correlation, or none that a permutation of single latents would show.

    Raises:
        ValueError: If the posterior is deterministic, not on the real space or of one latent, or there is no prior.
    """
    name = f"`{type(posterior).__name__}`"
    if not posterior.has_density:
        raise ValueError(f"`FactorVAE` needs a posterior with a density, and {name} has none.")
    if posterior.support != "the real space":
        raise ValueError(f"`FactorVAE` permutes single latents, which takes {name} out of its space.")
    if posterior.latent_size < 2:
        raise ValueError("`FactorVAE` needs at least 2 latents: one alone has no total correlation.")
    if prior is None:
        raise ValueError("`FactorVAE` needs a prior, and there is none.")
