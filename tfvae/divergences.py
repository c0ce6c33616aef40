"""Divergences between distributions, and what they are estimated with, in nats."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions
tfl = tf.linalg


def kl_divergence(posterior, prior, sample):
    """KL(posterior || prior) per example, in nats: closed form where there is one, else a one-sample estimate.

    Args:
        posterior: q(z|x), batch_shape [B], event_shape [L].
        prior: p(z), batch_shape [] or [B], event_shape [L].
        sample: z ~ q(z|x), [S, B, L]. Used only by the estimate.

    Returns:
        [B] in closed form, else [S, B].

    Raises:
        ValueError: If the posterior is a point, which has no density.
    """
    if isinstance(posterior, (tfd.Deterministic, tfd.VectorDeterministic)):
        # TFP would answer -log p(z): finite, and the divergence is infinite.
        raise ValueError(f"A posterior without density has no divergence from a prior. Received: {posterior}")
    try:
        return tfd.kl_divergence(_as_multivariate_normal(posterior), _as_multivariate_normal(prior))
    except NotImplementedError:
        return posterior.log_prob(sample) - prior.log_prob(sample)


def kl_per_dimension(posterior, prior):
    """KL(q(z_l|x) || p(z_l)) of each dimension, in nats: [B, L]; None unless all dimensions are independent normals."""
    q, p = _independent_normals(posterior), _independent_normals(prior)
    return None if q is None or p is None else tfd.kl_divergence(q, p)


class RateDecomposition(NamedTuple):
    """Three terms that add up to log q(z|x) - log p(z), whose mean is the rate: each [S, B], in nats.

    Attributes:
        mutual_information: log q(z|x) - log q(z), of x and z.
        total_correlation: log q(z) - sum_l log q(z_l), of the dimensions of z with each other.
        dimension_wise_kl: sum_l log q(z_l) - log p(z); of each dimension with its prior where p factorises.
    """

    mutual_information: tf.Tensor
    total_correlation: tf.Tensor
    dimension_wise_kl: tf.Tensor


def decompose_rate(posterior, prior, sample, dataset_size):
    """The rate taken apart by estimates of the aggregate posterior q(z) = 1/N sum_n q(z|x_n) from one batch.

    Args:
        posterior: q(z|x), a normal of any covariance, batch_shape [B], event_shape [L].
        prior: p(z), batch_shape [] or [B], event_shape [L].
        sample: z ~ q(z|x), [S, B, L].
        dataset_size: Number N of examples that the batch was drawn from.

    Reference:
        Chen et al., 2018. Isolating Sources of Disentanglement in VAEs, eq. 2. https://arxiv.org/abs/1802.04942
    """
    log_q, log_aggregate, log_marginals = aggregate_posterior(posterior, sample, dataset_size)
    log_p = prior.log_prob(sample)
    return RateDecomposition(log_q - log_aggregate, log_aggregate - log_marginals, log_marginals - log_p)


def aggregate_posterior(posterior, sample, dataset_size):
    """log q(z|x), log q(z) and sum_l log q(z_l) at the samples, each [S, B]; the arguments are `decompose_rate`'s.

    Raises:
        ValueError: If the posterior is not normal: its marginals would not be known.
    """
    if not isinstance(posterior, tfd.MultivariateNormalLinearOperator):
        raise ValueError(f"The aggregate posterior is estimated for multivariate normals only. Received: {posterior}")
    log_weights = stratified_log_weights(tf.shape(sample)[1], dataset_size)  # [B, B]
    z = sample[:, :, tf.newaxis, :]  # each sample [S, B, 1, L] under the posterior of each example
    joint = posterior[..., tf.newaxis, :].log_prob(z)  # [S, B, B]
    mean, stddev = (moment[..., tf.newaxis, :, :] for moment in (posterior.mean(), posterior.stddev()))
    marginals = tfd.Normal(mean, stddev).log_prob(z)  # [S, B, B, L]
    log_aggregate = tf.reduce_logsumexp(log_weights + joint, axis=2)
    log_marginals = tf.reduce_logsumexp(log_weights[..., tf.newaxis] + marginals, axis=2)
    return posterior.log_prob(sample), log_aggregate, tf.reduce_sum(log_marginals, axis=-1)


def stratified_log_weights(batch_size, dataset_size):
    """log of the weights [B, B] with which row i estimates q(z_i) from the examples j of a batch; a row sums to 1.

    z_i was drawn from q(z|x_i), and so x_i stands for itself alone, with 1/N; the other B - 1 stand for the N - 1
    others. The paper gives one of these others, chosen at random, less weight than the rest. This is the mean over that
    choice: the same expectation, less noise, and with the whole dataset as the batch exactly 1/N for all.

    Reference:
        Chen et al., 2018, appendix C.2. https://arxiv.org/abs/1802.04942
    """
    b, n = tf.cast(batch_size, "float32"), float(dataset_size)
    own = tf.where(b > 1, 1 / n, 1.0)  # one example alone has to stand for all
    others = (1 - 1 / n) / tf.maximum(b - 1, 1.0)
    return tf.math.log(tfl.set_diag(tf.fill([batch_size, batch_size], others), tf.fill([batch_size], own)))


def maximum_mean_discrepancy(kernel, x, y):
    """MMD^2 between the distributions that rows were drawn from, unbiased: it may be negative.

    Args:
        kernel: Function of squared distances and the number of dimensions.
        x: [..., N, L].
        y: [..., N, L].

    Returns:
        [...]; 0 for N = 1, where there is no estimate.

    Reference:
        Gretton et al., 2012. A Kernel Two-Sample Test, eq. 3. https://jmlr.org/papers/v13/gretton12a.html
    """
    n = tf.cast(tf.shape(x)[-2], "float32")
    within = sum(_mean_without_diagonal(kernel(*_squared_distances(a, a))) for a in (x, y))
    between = tf.reduce_mean(kernel(*_squared_distances(x, y)), axis=[-2, -1])
    return tf.where(n > 1, within - 2 * between, 0.0)


def log_mean_exp(x, axis):
    """log(mean(exp(x))) along an axis, without overflow."""
    size = tf.cast(tf.shape(x)[axis], x.dtype)
    return tf.reduce_logsumexp(x, axis=axis) - tf.math.log(size)


def _squared_distances(x, y):
    """Between all rows of x [..., N, L] and y [..., M, L]: [..., N, M]; and L."""
    # Not |x|^2 + |y|^2 - 2 x.y, which cancels where rows are close.
    differences = x[..., :, tf.newaxis, :] - y[..., tf.newaxis, :, :]
    return tf.reduce_sum(differences**2, axis=-1), tf.cast(tf.shape(x)[-1], "float32")


def _mean_without_diagonal(values):
    size = tf.shape(values)[-1]
    n = tf.cast(size, values.dtype)
    rest = values * (1 - tf.eye(size, dtype=values.dtype))  # not set_diag: XLA cannot compile its gradient
    return tf.math.divide_no_nan(tf.reduce_sum(rest, axis=[-2, -1]), n * (n - 1))


def _independent_normals(distribution):
    """The `tfd.Normal`s, batch_shape [..., L], that a distribution is the product of; None if it is no such product."""
    if isinstance(distribution, tfd.MultivariateNormalDiag):
        return tfd.Normal(distribution.mean(), distribution.stddev())
    if not isinstance(distribution, tfd.Independent) or distribution.reinterpreted_batch_ndims != 1:
        return None
    return distribution.distribution if isinstance(distribution.distribution, tfd.Normal) else None


def _as_multivariate_normal(distribution):
    """A normal in the form for which TFP has the closed form; any other distribution as it is."""
    if isinstance(distribution, tfd.MultivariateNormalLinearOperator):
        return distribution
    if isinstance(distribution, tfd.MultivariateNormalDiagPlusLowRankCovariance):
        return tfd.MultivariateNormalTriL(distribution.mean(), tfl.cholesky(distribution.covariance()))
    normals = _independent_normals(distribution)
    return distribution if normals is None else tfd.MultivariateNormalDiag(normals.mean(), normals.stddev())
