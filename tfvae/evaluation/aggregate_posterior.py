"""The aggregate posterior q(z), the mean of q(z|x) over a data set: what the code knows, and how far from the prior."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.metrics import mean_of

tfd = tfp.distributions
ELEMENTS = 8_000_000  # densities in memory at a time


class AggregateTerms(NamedTuple):
    """The rate of each example taken apart, in nats, each [N] or None where it is not defined.

    Attributes:
        mutual_information: log q(z|x) - log q(z), at most log N.
        aggregate_kl: log q(z) - log p(z); None for a conditional model, which has a prior for each example.
        total_correlation: log q(z) - sum_l log q(z_l); None unless q(z|x) is normal.
        dimension_wise_kl: sum_l log q(z_l) - log p(z); None where one of the two before it is.
    """

    mutual_information: np.ndarray
    aggregate_kl: np.ndarray | None
    total_correlation: np.ndarray | None
    dimension_wise_kl: np.ndarray | None

    def metrics(self):
        """Means over examples; each says how many they are, as mutual information cannot exceed the log of that."""
        count = {"num_examples": len(self.mutual_information)}
        return {name: mean_of(v) | count for name, v in self._asdict().items() if v is not None}


def aggregate_posterior(model, batches, num_examples=None, seed=0, progress=no_progress):
    """Mutual information, total correlation and divergence from the prior of q(z) = 1/N sum_n q(z|x_n).

    The mixture is over the N examples looked at, all of them, and so exact for these; the only noise is that of one
    z ~ q(z|x) for each. The terms add up to log q(z|x) - log p(z).

    Args:
        model: A model with one encoder, a rate, and densities.
        batches: Iterable of {"x": [B, *event], "index": [B], ...}, out of core.
        num_examples: Number of examples, the first ones; None takes all. Time grows with its square.
        seed: Integer; the z of an example is keyed by it and the example's index.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        `AggregateTerms`.

    Raises:
        ValueError: If the model has no rate, or its latents depend on one another as those of a `LadderVAE`.

    Reference:
        Hoffman and Johnson, 2016. ELBO surgery. http://approximateinference.org/accepted/HoffmanJohnson2016.pdf
        Chen et al., 2018. Isolating Sources of Disentanglement in VAEs, eq. 2. https://arxiv.org/abs/1802.04942
    """
    if not model.has_density or not hasattr(model, "posterior_of"):
        raise ValueError("The aggregate posterior is that of a model with one encoder and with densities.")
    parameters, z, log_p, log_q = _examples(model, batches, num_examples, seed)
    joint, marginals = _densities(model, parameters, z, progress)
    information = log_q - joint
    correlation = None if marginals is None else joint - marginals
    if model.condition_size:
        return AggregateTerms(information, None, correlation, None)
    return AggregateTerms(information, joint - log_p, correlation, None if marginals is None else marginals - log_p)


def _examples(model, batches, num_examples, seed):
    """Variational parameters [N, P], a sample of each [N, L], and its densities under prior and own posterior [N]."""
    encode, parts = tf.function(lambda batch: _encode(model.given(batch), batch, seed), reduce_retracing=True), []
    for batch in batches:
        parts.append([value.numpy() for value in encode(batch)])
        if num_examples is not None and sum(len(part[0]) for part in parts) >= num_examples:
            break
    return [np.concatenate(column)[:num_examples] for column in zip(*parts, strict=True)]


def _encode(model, batch, seed):
    x, index = batch["x"], tf.cast(batch["index"], "int32")
    seeds = tf.stack([tf.fill(tf.shape(index), seed), index], axis=1)
    parameters, z = model.variational_parameters(x), model.encode_sample(x, seeds)
    latents = model.inference(x, z).latents
    log_p = tf.add_n([latent.prior.log_prob(latent.sample) for latent in latents])[0]
    log_q = tf.add_n([latent.posterior.log_prob(latent.sample) for latent in latents])[0]
    return parameters, z[0], log_p, log_q


def _densities(model, parameters, z, progress):
    """log q(z_n) and sum_l log q(z_n,l) of each sample under the mixture, float64 [N]; None instead of the latter."""
    number, size = z.shape
    has_marginals = isinstance(model.posterior_of(parameters[:1]), tfd.MultivariateNormalLinearOperator)
    rows = max(1, ELEMENTS // (number * (size if has_marginals else 1)))

    @tf.function(reduce_retracing=True)
    def block(points):
        q = model.posterior_of(tf.constant(parameters))
        joint = _log_mean(q.log_prob(points[:, tf.newaxis]), number)
        if not has_marginals:
            return joint, joint
        marginals = tfd.Normal(q.mean(), q.stddev()).log_prob(points[:, tf.newaxis])  # [rows, N, L]
        return joint, tf.reduce_sum(_log_mean(marginals, number), axis=-1)

    parts = []
    with progress(number, "example") as bar:
        for first in range(0, number, rows):
            points = z[first : first + rows]
            parts.append([value.numpy() for value in block(tf.constant(points))])
            bar.update(len(points))
    joint, marginals = (np.concatenate(column).astype("float64") for column in zip(*parts, strict=True))
    return joint, marginals if has_marginals else None


def _log_mean(log_densities, number):
    return tf.reduce_logsumexp(log_densities, axis=1) - np.log(number)
