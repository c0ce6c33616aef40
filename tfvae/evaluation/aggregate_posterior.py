"""The aggregate posterior q(z), the mean of q(z|x) over a data set: what codes know, and how far from the prior."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import kl_per_dimension
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.metrics import mean_of
from tfvae.seeds import row_seeds

tfd = tfp.distributions

MOST_NORMAL, MOST_OTHERS = 10_000, 2_000  # examples unless told otherwise: about a minute on two cores
PAIRS = 50_000  # of a z and an x that go through the model at a time
ELEMENTS = 16_000_000  # densities in memory at a time
LARGEST = 80.0  # float32 ends at exp(88)


class AggregateTerms(NamedTuple):
    """What log q(z|x) - log p(z) of each example is made of, in nats: each [N], or None where it is not defined.

    Attributes:
        mutual_information: log q(z|x) - log q(z), at most log N.
        aggregate_kl: log q(z) - log p(z); None without a prior that has a density and is the same for all examples.
        total_correlation: log q(z) - sum_l log q(z_l); None unless q(z|x) is normal.
        dimension_wise_kl: sum_l log q(z_l) - log p(z); None where one of the two before it is.
    """

    mutual_information: np.ndarray
    aggregate_kl: np.ndarray | None
    total_correlation: np.ndarray | None
    dimension_wise_kl: np.ndarray | None

    def metrics(self):
        """The means over examples, which add up as the terms do; `maximum` is log N."""
        number = len(self.mutual_information)
        named = {name: mean_of(v) | {"num_examples": number} for name, v in self._asdict().items() if v is not None}
        named["mutual_information"]["maximum"] = math.log(number)
        return named


class _Points(NamedTuple):
    """One z ~ q(z|x_n) for each example, [N, L], and what is known of it; None where that is not defined."""

    z: np.ndarray
    log_q: np.ndarray  # log q(z_n|x_n), [N]
    log_p: np.ndarray | None  # log p(z_n), [N]
    mean: np.ndarray | None  # of a q(z|x_n) that is normal, [N, L]
    stddev: np.ndarray | None


def aggregate_posterior(model, batches, num_examples=None, seed=0, progress=no_progress):
    """Mutual information of x and z, total correlation of z, and the divergence of q(z) from the prior.

    q(z) = 1/N sum_m q(z|x_m) is the mixture over all N examples that are looked at, and each of them gives one z. So
    the means estimate, without bias, what these quantities are where x is one of the N examples, all equally probable.
    As estimates for the distribution that the examples come from they are biased: z_n's own posterior is one of the N
    components, so that the mutual information cannot exceed log N, and what it lacks the aggregate's divergence has
    too much.

    The product over pairs of examples is taken in blocks. Normals with independent dimensions need a few matrix
    products; any other q(z|x) is evaluated for each pair, the encoder running once for some hundred points: a ladder
    asks the networks between its levels, and an inverse autoregressive flow takes L passes.

    Args:
        model: A `LatentVariableModel` whose q(z|x) has a density. Given conditions c, q(z) is the mean of
            q(z|x_m, c_m); what needs the prior is left out if that depends on c, for it is not one p(z) then.
        batches: Iterable of {"x": [B, *event], "index": [B], ...}, which is read more than once.
        num_examples: Number N of examples, the first ones, to whose square the time is proportional; None takes 10,000
            where q(z|x) is a normal with independent dimensions, and 2,000 otherwise.
        seed: Integer; the z of an example is keyed by it and the example's index.
        progress: Makes a progress bar from a total and a unit.

    Returns:
        `AggregateTerms`.

    Raises:
        ValueError: If q(z|x) has no density, or `num_examples` is less than 1.

    Reference:
        Hoffman and Johnson, 2016. ELBO surgery: yet another way to carve up the variational evidence lower bound.
        http://approximateinference.org/accepted/HoffmanJohnson2016.pdf
        Chen et al., 2018. Isolating Sources of Disentanglement in VAEs, eq. 2. https://arxiv.org/abs/1802.04942
    """
    if not model.is_stochastic:
        raise ValueError("The aggregate posterior needs a q(z|x) with a density, and this model's code has no noise.")
    if num_examples is not None and num_examples < 1:
        raise ValueError(f"`num_examples` must be at least 1. Received: num_examples={num_examples}")
    normal, independent = _kind(model, batches)
    number = num_examples or (MOST_NORMAL if independent else MOST_OTHERS)
    points = _points(model, batches, number, normal, seed)
    joint = _of_normals(points, progress) if independent else _of_pairs(model, batches, points.z, progress)
    # The sum over components is at least its own term, which rounding may have made a little larger.
    joint = np.maximum(joint, points.log_q - math.log(len(points.z)))
    return _terms(points, joint, _marginals(points, progress) if normal else None)


def _terms(points, joint, marginals):
    """`AggregateTerms` of log q(z), [N], and sum_l log q(z_l), [N] or None."""
    information, log_p = points.log_q - joint, points.log_p
    correlation = None if marginals is None else joint - marginals
    if log_p is None:
        return AggregateTerms(information, None, correlation, None)
    return AggregateTerms(information, joint - log_p, correlation, None if marginals is None else marginals - log_p)


def _kind(model, batches):
    """Whether q(z|x) is normal, and whether it is so with independent dimensions."""
    batch = next(_first(batches, 1))
    groups = [q for q, *_ in model.given(batch).infer(batch["x"], seed=tf.zeros([2], "int32")).latents]
    # A level of a ladder has a posterior for each sample of the level above, and so is not normal given x alone.
    given_x = all(q.batch_shape.rank == 1 for q in groups)
    independent = [kl_per_dimension(q, q) is not None for q in groups]
    normal = [isinstance(q, tfd.MultivariateNormalLinearOperator) for q in groups]
    return given_x and all(map(any, zip(independent, normal, strict=True))), given_x and all(independent)


def _points(model, batches, number, normal, seed):
    """The `_Points` of the first examples."""
    has_prior = model.has_density and not _prior_depends_on_condition(model)

    @tf.function(input_signature=[_specs(batches)])
    def draw(batch):
        return _draw(model.given(batch), batch, seed, has_prior, normal)

    parts = [{name: value.numpy() for name, value in draw(batch).items()} for batch in _first(batches, number)]
    found = {name: np.concatenate([part[name] for part in parts]).astype("float64") for name in parts[0]}
    return _Points(**{name: found.get(name) for name in _Points._fields})


def _draw(model, batch, seed, has_prior, normal):
    """What `_Points` holds, of the examples of a batch."""
    x = batch["x"]
    z = model.encode_sample(x, row_seeds(seed, batch["index"]))
    inference = model.inference(x, z)
    found = {"z": z[0], "log_q": inference.log_posterior()[0]}
    if has_prior:
        found["log_p"] = inference.log_prior()[0]
    if normal:
        found["mean"] = tf.concat([q.mean() for q, *_ in inference.latents], axis=-1)
        found["stddev"] = tf.concat([q.stddev() for q, *_ in inference.latents], axis=-1)
    return found


def _of_normals(points, progress):
    """log q(z), [N], of normals with independent dimensions: log q(z_n|x_m) is linear in z_n^2 and z_n."""
    # Squares are taken from the centre of all codes, in float64: the terms may be much larger than their sum.
    centre, precision = points.mean.mean(axis=0), points.stddev**-2.0
    z, mean = points.z - centre, points.mean - centre
    factors = tf.constant(np.concatenate([-precision / 2, mean * precision], axis=1))
    constants = -np.sum(mean**2 * precision / 2 + np.log(points.stddev * math.sqrt(2 * math.pi)), axis=1)

    @tf.function(reduce_retracing=True)
    def log_sum(z):
        return tf.reduce_logsumexp(tf.matmul(tf.concat([z**2, z], 1), factors, transpose_b=True) + constants, axis=1)

    return _in_blocks(log_sum, ELEMENTS // len(z), progress, z) - math.log(len(z))


def _of_pairs(model, batches, z, progress):
    """log q(z), [N], of any posteriors, which the model gives for each pair of a z [N, L] and an example."""

    @tf.function(input_signature=[tf.TensorSpec([None, z.shape[1]]), _specs(batches)])
    def log_sum(z, batch):
        # The likelihood of the pairs is not asked for, and so the graph does not compute it.
        z = tf.repeat(z[:, tf.newaxis], tf.shape(batch["x"])[0], axis=1)
        log_q = model.given(batch).inference(batch["x"], z).log_posterior()
        return tf.reduce_logsumexp(tf.cast(log_q, "float64"), axis=1)

    total = np.full(len(z), -np.inf)
    with progress(len(z), "example") as bar:
        for batch in _first(batches, len(z)):
            rows = max(1, PAIRS // len(batch["x"]))
            sums = _in_blocks(lambda z, batch=batch: log_sum(z, batch), rows, no_progress, z.astype("float32"))
            total = np.logaddexp(total, sums)
            bar.update(len(batch["x"]))
    return total - math.log(len(z))


def _marginals(points, progress):
    """sum_l log q(z_l), [N], of normals: the mixture of each dimension by itself."""
    z, mean, stddev = (np.asarray(a, "float32") for a in (points.z, points.mean, points.stddev))
    means, scales, heights = (tf.constant(np.ascontiguousarray(a.T)) for a in (mean, 1 / stddev, -np.log(stddev)))
    own = -(((z - mean) / stddev) ** 2) / 2 - np.log(stddev)
    # The sum is taken relative to its own term: that another one is e^80 times as large has a probability below e^-80,
    # except where rounding moved z.
    reference = np.maximum(own, np.max(-np.log(stddev), axis=0) - LARGEST)

    @tf.function(reduce_retracing=True)
    def sums(z, reference):
        deviation = (tf.transpose(z)[..., tf.newaxis] - means[:, tf.newaxis]) * scales[:, tf.newaxis]  # [L, rows, N]
        log_ratio = heights[:, tf.newaxis] - tf.transpose(reference)[..., tf.newaxis] - deviation**2 / 2
        return tf.transpose(tf.reduce_sum(tf.exp(log_ratio), axis=-1))

    total = _in_blocks(sums, ELEMENTS // z.size, progress, z, reference).astype("float64")
    densities = np.maximum(reference + np.log(np.maximum(total, np.finfo("float64").tiny)), own)
    return np.sum(densities - math.log(len(z) * math.sqrt(2 * math.pi)), axis=1)


def _in_blocks(function, rows, progress, *arrays):
    """A function of rows of arrays [N, ...], some at a time."""
    rows, parts = max(1, rows), []
    with progress(len(arrays[0]), "example") as bar:
        for first in range(0, len(arrays[0]), rows):
            block = [tf.constant(a[first : first + rows]) for a in arrays]
            parts.append(function(*block).numpy())
            bar.update(len(parts[-1]))
    return np.concatenate(parts)


def _specs(batches):
    """The shapes of a batch of any size: one graph serves them all."""
    batch = next(_first(batches, 1))
    return {name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in batch.items()}


def _first(batches, number):
    """The batches of the first examples, the last one cut."""
    for batch in batches:
        yield {name: value[:number] for name, value in batch.items()}
        number -= len(batch["x"])
        if number <= 0:
            return


def _prior_depends_on_condition(model):
    """Whether p(z), or that of a level given the one above, is another one for each condition."""
    parts = (model.prior, *getattr(model, "decoders", ())[1:])
    return any(getattr(part, "condition_size", None) for part in parts)
