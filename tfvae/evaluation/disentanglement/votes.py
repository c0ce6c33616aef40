"""Groups of examples that share one factor's value, and classifiers that tell by them which factor it is."""

from typing import NamedTuple

import numpy as np

NUM_VOTES = 800  # to train on, and as many to test on
GROUP_SIZE = 64  # examples, or pairs of examples, behind a vote
NEVER = -1  # the factor that a dimension without votes stands for


class Votes(NamedTuple):
    """What each dimension was taken to stand for, and how well that holds.

    Attributes:
        table: Number of training votes of each dimension for each factor, [A, F].
        training_accuracy: Share of the training votes that agree with the majority of their dimension.
        is_correct: Whether each held-out vote does, [V].
    """

    table: np.ndarray
    training_accuracy: float
    is_correct: np.ndarray


class SharedValues:
    """Draws rows that share the value of a factor.

    Args:
        factors: Integer classes, [N, F].
        random: A `RandomState`.

    Attributes:
        usable: The factors of which some value occurs twice.
    """

    def __init__(self, factors, random):
        self.random = random
        self.orders = [np.argsort(column, kind="stable") for column in factors.T]
        counts = [np.bincount(column) for column in factors.T]
        self.counts = [count[column] for count, column in zip(counts, factors.T, strict=True)]
        self.starts = [(np.cumsum(count) - count)[c] for count, c in zip(counts, factors.T, strict=True)]
        self.anchors = [np.flatnonzero(count > 1) for count in self.counts]
        self.usable = np.flatnonzero([len(anchors) > 0 for anchors in self.anchors])

    def factor(self):
        """One of the usable factors, each as likely."""
        return int(self.random.choice(self.usable))

    def group(self, factor, size):
        """At most `size` different rows with the value that one row, drawn, has of a factor."""
        anchor = self.random.choice(self.anchors[factor])
        start, count = self.starts[factor][anchor], self.counts[factor][anchor]
        return self.orders[factor][start + self.random.permutation(count)[:size]]

    def pairs(self, factor, number):
        """Rows (first, second), each [number]: two different rows of the same value, that of a row which is drawn."""
        first = self.random.choice(self.anchors[factor], number)
        start, count = self.starts[factor][first], self.counts[factor][first]
        own = np.empty(len(self.orders[factor]), int)
        own[self.orders[factor]] = np.arange(len(own))
        step = 1 + self.random.randint(0, count - 1)
        return first, self.orders[factor][start + (own[first] - start + step) % count]


def least_variance(groups, variances):
    """The dimension that varies least in a group, next to how much it varies altogether: a vote."""
    return int(np.argmin(np.var(groups, axis=0, ddof=1) / variances))


def majority_vote(training, held_out, num_dimensions, num_factors):
    """Lets each dimension stand for the factor most often behind its votes.

    Args:
        training: (dimension, factor) of each training vote, two integer arrays [V].
        held_out: The same of other votes.
        num_dimensions: Number A of dimensions.
        num_factors: Number F of factors.

    Returns:
        `Votes`. A held-out vote of a dimension without training votes is wrong.
    """
    table = np.zeros((num_dimensions, num_factors), int)
    np.add.at(table, tuple(training), 1)
    factor_of = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), NEVER)
    correct = [factor_of[dimension] == factor for dimension, factor in (training, held_out)]
    return Votes(table, float(np.mean(correct[0])), correct[1])
