"""Whitening: codes in the directions in which the training codes vary most, each of variance one there."""

import numpy as np

from tfvae.data.distributions import Numbers
from tfvae.storage import atomic_path

MOST_COMPONENTS = 32
SMALLEST_VARIANCE = 1e-6  # relative to the largest: rounding, not variation


class Whitening:
    """The mean and the leading principal components of codes.

    Args:
        mean: [L].
        components: [L, K]; a code less the mean, times these, has uncorrelated elements of variance one.
    """

    def __init__(self, mean, components):
        self.mean, self.components = mean, components

    @classmethod
    def of(cls, codes):
        """That of codes [N, L]."""
        codes = np.asarray(codes, "float64")
        variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))  # ascending
        variances, directions = variances[::-1][:MOST_COMPONENTS], directions[:, ::-1][:, :MOST_COMPONENTS]
        kept = variances > SMALLEST_VARIANCE * max(variances[0], np.finfo("float64").tiny)
        return cls(codes.mean(axis=0), directions[:, kept] / np.sqrt(variances[kept]))

    def distributions(self, codes):
        """{name: `Numbers`} of each whitened element of codes [N, L], and of the squared distance from their mean."""
        white = (np.asarray(codes, "float64") - self.mean) @ self.components
        elements = {f"code component {k + 1}": Numbers.of(white[:, k]) for k in range(white.shape[1])}
        return {**elements, "code distance": Numbers.of(np.sum(white**2, axis=1))}

    def save(self, path):
        """Writes it as an .npz file, into a path of that ending."""
        with atomic_path(path) as temporary:
            np.savez(temporary, mean=self.mean, components=self.components)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["mean"], arrays["components"])
