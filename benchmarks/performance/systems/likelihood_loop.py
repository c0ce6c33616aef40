"""The same bound by a loop over images, without a graph, as it is mostly written; a step is an image."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from benchmarks.performance.systems.likelihood_tfvae import untrained

PART = 100  # samples at a time: a loop that decodes all 5000 at once takes as long


def make(work, batch_size):
    """Evaluates one image after the other, without a graph."""
    model, images = untrained(work.training, batch_size, None)
    prior = tfp.distributions.MultivariateNormalDiag(tf.zeros(work.training.latent_size))

    def advance(num_steps):
        for i in range(num_steps):
            x, weights = images[i % len(images)][np.newaxis], []
            posterior = model.encode(x)
            for _ in range(work.num_samples // PART):
                z = posterior.sample(PART)
                weights.append(model.decode(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z))
            float(tf.reduce_logsumexp(tf.concat(weights, 0)))

    return advance
