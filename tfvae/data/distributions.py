"""Distributions of one quantity over a dataset, and how far apart two of them are: the largest difference of shares."""

import math
from dataclasses import dataclass

import numpy as np

MOST_QUANTILES = 1000


@dataclass(frozen=True)
class Numbers:
    """Of a number: its quantiles at equal steps of rank, all values where they are few.

    Attributes:
        quantiles: float64 [Q], ascending.
        num_examples: Number of independent examples; an image counts once, whatever its number of pixels.
    """

    quantiles: np.ndarray
    num_examples: int

    @classmethod
    def of(cls, values, num_examples=None):
        """That of values of any shape; `num_examples` is their number unless it is told."""
        values = np.sort(np.asarray(values, "float64"), axis=None)
        size = len(values)
        num_examples = size if num_examples is None else num_examples
        if size > MOST_QUANTILES:
            values = values[((np.arange(MOST_QUANTILES) + 0.5) * size / MOST_QUANTILES).astype(int)]
        return cls(values, num_examples)

    @property
    def num_shares(self):
        """Number of comparisons of shares that a distance makes; the bound below holds for all thresholds at once."""
        return 1

    def distance(self, other):
        """Kolmogorov-Smirnov distance: the largest difference of the shares of values up to some value, from 0 to 1."""
        values = np.union1d(self.quantiles, other.quantiles)
        return float(np.max(np.abs(self._share_up_to(values) - other._share_up_to(values))))

    def _share_up_to(self, values):
        return np.searchsorted(self.quantiles, values, side="right") / len(self.quantiles)


@dataclass(frozen=True)
class Frequencies:
    """Of a category: how often each occurs.

    Attributes:
        counts: {category: number of examples}.
    """

    counts: dict

    @classmethod
    def of(cls, values):
        """That of an array of texts."""
        names, counts = np.unique(np.asarray(values, str), return_counts=True)
        return cls(dict(zip(names.tolist(), counts.tolist(), strict=True)))

    @property
    def num_examples(self):
        return sum(self.counts.values())

    @property
    def num_shares(self):
        return len(self.counts)

    def distance(self, other):
        """L-infinity distance: the largest difference of a category's share, from 0 to 1."""
        names = {*self.counts, *other.counts}
        return max(abs(self._share(name) - other._share(name)) for name in names)

    def _share(self, name):
        return self.counts.get(name, 0) / self.num_examples


def chance(num_examples, num_others, probability):
    """The distance that two samples of the same distribution exceed at most with this probability.

    Bounds of Dvoretzky, Kiefer and Wolfowitz (Massart, 1990, https://doi.org/10.1214/aop/1176990746) for numbers and of
    Hoeffding for one category, taken over to two samples.
    """
    return math.sqrt(-math.log(probability / 2) / 2 * (1 / num_examples + 1 / num_others))
