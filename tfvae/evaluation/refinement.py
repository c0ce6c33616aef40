"""refine: a few gradient steps on the variational parameters of each example, from where the encoder put it."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.evaluation.importance_sampling import no_progress

STEPS, BEFORE_AND_AFTER = 0, 1  # streams of noise that never meet


class Refinement(NamedTuple):
    """What refining brought.

    Attributes:
        parameters: Refined variational parameters, [B, P]; `model.posterior_of` makes q(z|x) of them.
        encoded_negative_elbo: Negative ELBO of each example at the encoder's q(z|x), in nats, [B].
        negative_elbo: The same at the refined q(z|x), from the same noise, [B].
    """

    parameters: np.ndarray
    encoded_negative_elbo: np.ndarray
    negative_elbo: np.ndarray

    @property
    def gap(self):
        """What refining gains in nats, [B]: of the amortisation gap the part that this many steps close."""
        return self.encoded_negative_elbo - self.negative_elbo


def refine(model, x, num_steps=100, learning_rate=0.02, num_samples=8, seed=0, context=None, progress=no_progress):
    """Improves q(z|x) of each example for itself; model and encoder stay what they are.

    The steps are Adam's on the negative ELBO, every example's parameters apart. All are kept in memory at once.

    Args:
        model: A `VAE` with a rate.
        x: Examples, [B, *event].
        num_steps: Number of gradient steps.
        learning_rate: Adam's at first, in units of the variational parameters; it falls to 0 along a cosine, as the
            noise of the samples would keep a constant one away from the optimum.
        num_samples: Number S of samples of z in a step; before and after it is measured with 16 times as many.
        seed: Integer that keys the samples.
        context: What a conditional model depends on: {"condition": [B, K]}.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        A `Refinement`.

    Raises:
        ValueError: If the model has no rate to refine by.

    Reference:
        Kim et al., 2018. Semi-Amortized Variational Autoencoders, section 3. https://arxiv.org/abs/1802.02550
    """
    if not model.has_rate:
        raise ValueError("Refining needs a posterior with a density and a prior, and this model has not both.")
    x, model = tf.convert_to_tensor(x, "float32"), model.given(context or {})
    parameters = keras.Variable(model.variational_parameters(x), dtype="float32")
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, num_steps))
    optimizer.build([parameters])

    @tf.function
    def step(number):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(negative_elbo(model, x, parameters.value, num_samples, _seed(seed, STEPS, number)))
        optimizer.apply([tape.gradient(loss, parameters.value)], [parameters])

    measured = [negative_elbo(model, x, parameters.value, 16 * num_samples, _seed(seed, BEFORE_AND_AFTER, 0))]
    with progress(num_steps, "step") as bar:
        for number in range(num_steps):
            step(tf.constant(number))
            bar.update(1)
    measured.append(negative_elbo(model, x, parameters.value, 16 * num_samples, _seed(seed, BEFORE_AND_AFTER, 0)))
    return Refinement(parameters.numpy(), *(value.numpy() for value in measured))


def negative_elbo(model, x, parameters, num_samples, seed):
    """Negative ELBO of each example for variational parameters [B, P], a mean over samples, in nats: [B]."""
    posterior = model.posterior_of(parameters)
    z = posterior.sample(num_samples, seed=seed)
    inference = model.inference(x, z, posterior=posterior)
    rate = sum(kl_divergence(*latent) for latent in inference.latents)  # [B], or [S, B] where it is an estimate
    return tf.reduce_mean(rate - inference.likelihood.log_prob(x), axis=0)


def _seed(seed, stream, number):
    return tf.random.fold_in(tf.constant([seed & 0x7FFFFFFF, stream], "int32"), number)
