"""A prior fitted afterwards: a mixture of normals for what the encoder makes of the training data."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.mixture import GaussianMixture

from tfvae.seeds import row_seeds

SHAPES = ("full", "diag")  # of the covariance of a component
DRAWS = 10  # for each mean of a component with a full covariance: with fewer it fits their noise, and slowly
HELD_OUT = 5  # one draw of so many chooses the mixture
MINIMAL_VARIANCE = 1e-6  # of a component, in units of the variance of all draws


class FittedPrior(NamedTuple):
    """A mixture of normals, fitted to draws of the aggregate posterior.

    Attributes:
        mixture: The `GaussianMixture`, of standardised z.
        mean: Mean of the draws, [L].
        scale: Their standard deviation, [L].
        held_out: {(shape of covariances, number of components): log-density of each held-out draw in nats, [H]}; the
            mixture with the highest mean was taken.
        of_prior: The same of the model's own prior, [H], or None where it has none with a density.
    """

    mixture: GaussianMixture
    mean: np.ndarray
    scale: np.ndarray
    held_out: dict
    of_prior: np.ndarray | None

    @property
    def best(self):
        """(shape of covariances, number of components) of the mixture that was taken."""
        return max(self.held_out, key=lambda tried: self.held_out[tried].mean())

    def sample(self, num_samples, seed):
        """z, float32 [num_samples, L], in random order of the components."""
        random, mixture = np.random.RandomState(seed), self.mixture
        component = random.choice(len(mixture.weights_), num_samples, p=mixture.weights_)
        noise = random.standard_normal((num_samples, len(self.mean)))
        if mixture.covariance_type == "full":
            # With precision P = C C^T, the covariance is (C^-1)^T C^-1.
            roots = np.linalg.inv(mixture.precisions_cholesky_)
            z = mixture.means_[component] + np.einsum("nk,nkl->nl", noise, roots[component])
        else:
            z = mixture.means_[component] + noise * np.sqrt(mixture.covariances_[component])
        return (self.mean + self.scale * z).astype("float32")


def fit_prior(model, batches, numbers, seed=0):
    """The `FittedPrior` of one z ~ q(z|x) for each example of the batches: the aggregate posterior.

    Args:
        model: A `LatentVariableModel` whose codes are Euclidean.
        batches: tf.data of {"x": [B, *event], "index": [B], ...}.
        numbers: Numbers of components to choose from by the log-density of every fifth draw, which is held out.
        seed: Integer that keys draws and fits.

    Reference:
        Ghosh et al., 2020. From Variational to Deterministic Autoencoders, section 4 (ex-post density estimation).
        https://arxiv.org/abs/1903.12436
    """
    z, log_prior = draws_of(model, batches, seed)
    order = np.random.RandomState(seed).permutation(len(z))
    held, kept = np.split(order, [len(z) // HELD_OUT])
    held = held if len(held) else kept  # of fewer than 5 examples
    mean, spread = z.mean(axis=0), z.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    units = (z - mean) / scale
    densities = {}
    for shape in SHAPES:
        densities |= _densities(units[kept], units[held], shape, numbers, seed)
    of_z = {tried: density - np.sum(np.log(scale)) for tried, density in densities.items()}
    found = FittedPrior(None, mean, scale, of_z, None if log_prior is None else log_prior[held])
    return found._replace(mixture=_fit(units, *found.best, seed))


def _densities(kept, held, shape, numbers, seed):
    """Log-densities of held-out rows by the shape and number of components, up to the first that is worse."""
    densities, best = {}, -np.inf
    for number in sorted(numbers):
        needed = number * kept.shape[1] * DRAWS if shape == "full" else number
        if needed > len(kept) and (densities or shape == "full"):
            break
        densities[shape, number] = density = _fit(kept, shape, number, seed).score_samples(held)
        if density.mean() < best:
            break
        best = density.mean()
    return densities


def draws_of(model, batches, seed):
    """One z ~ q(z|x) of each example, float64 [N, L], and log p(z), [N], or None without such a density."""

    @tf.function(reduce_retracing=True)
    def draw(batch):
        given = model.given(batch)
        z = given.encode_sample(batch["x"], row_seeds(seed, batch["index"]))
        if not model.has_density:
            return {"z": z[0]}
        return {"z": z[0], "log_prior": given.inference(batch["x"], z).log_prior()[0]}

    parts = [draw(batch) for batch in batches]
    found = {name: np.concatenate([part[name].numpy() for part in parts]).astype("float64") for name in parts[0]}
    return found["z"], found.get("log_prior")


def _fit(units, shape, number, seed):
    units = units if len(units) > 1 else np.repeat(units, 2, axis=0)
    mixture = GaussianMixture(
        min(number, len(units)),
        covariance_type=shape,
        init_params="k-means++",
        reg_covar=MINIMAL_VARIANCE,
        tol=3e-3,  # nats
        random_state=seed,
    )
    return mixture.fit(units)
