"""What the codes know of the classes: a linear probe and nearest neighbours, both trained on the training codes."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.metrics import mean_of

MOST_TRAINING = 20_000  # codes that a classifier is fitted to, a seeded draw
BLOCK = 2_000_000  # distances in memory at a time
PENALTY = 1.0  # inverse strength of the probe's L2 penalty, on standardised codes
MOST_STEPS = 500  # of the probe's fit


class Accuracy(NamedTuple):
    """How often the class was right.

    Attributes:
        name: Of the metric.
        correct: Whether each test example was classified rightly, [N].
        majority_share: Accuracy of always answering the commonest class of the training examples.
        num_training: Number of codes that the classifier was fitted to.
        num_neighbours: Number of those that vote; None for the probe.
    """

    name: str
    correct: np.ndarray
    majority_share: float
    num_training: int
    num_neighbours: int | None = None

    def metrics(self):
        """The accuracy with its standard error over test examples."""
        more = {"majority_share": self.majority_share, "num_training": self.num_training}
        neighbours = {} if self.num_neighbours is None else {"num_neighbours": self.num_neighbours}
        return {self.name: mean_of(self.correct.astype("float64"), "share") | more | neighbours}


def linear_probe(train_codes, train_labels, test_codes, test_labels, seed=0):
    """Multinomial logistic regression of standardised codes, as a measure of what is linearly readable.

    Args:
        train_codes: [M, L]; beyond 20,000 a draw of them is used.
        train_labels: Integers [M]; examples with the label -1, which is not known, are left out.
        test_codes: [N, L].
        test_labels: Integers [N].
        seed: Integer that keys the draw.

    Raises:
        ValueError: If fewer than two classes are known.

    Reference:
        Alain and Bengio, 2016. Understanding intermediate layers using linear classifier probes.
        https://arxiv.org/abs/1610.01644
    """
    import warnings

    from sklearn.linear_model import LogisticRegression

    train, test, train_labels, test_labels = _prepared(train_codes, train_labels, test_codes, test_labels, seed)
    with warnings.catch_warnings():  # the last digits of a probe that has not quite converged change no figure
        warnings.simplefilter("ignore")
        classifier = LogisticRegression(C=PENALTY, max_iter=MOST_STEPS).fit(train, train_labels)
    return _accuracy("probe_accuracy", classifier.predict(test), train_labels, test_labels)


def nearest_neighbours(train_codes, train_labels, test_codes, test_labels, num_neighbours=5, seed=0):
    """The commonest class among the nearest training codes, by Euclidean distance of standardised codes.

    Args:
        train_codes: [M, L]; beyond 20,000 a draw of them is used.
        train_labels: Integers [M]; examples with the label -1 are left out.
        test_codes: [N, L].
        test_labels: Integers [N].
        num_neighbours: How many vote, all codes where they are fewer; of codes as near as one another those that come
            first, and of classes with as many votes the one with the smaller number.
        seed: Integer that keys the draw.

    Raises:
        ValueError: If fewer than two classes are known, or `num_neighbours` is less than 1.
    """
    if num_neighbours < 1:
        raise ValueError(f"`num_neighbours` must be at least 1. Received: num_neighbours={num_neighbours}")
    train, test, train_labels, test_labels = _prepared(train_codes, train_labels, test_codes, test_labels, seed)
    number, size = min(num_neighbours, len(train)), max(1, BLOCK // len(train))
    votes = [_votes(train, train_labels, test[first : first + size], number) for first in range(0, len(test), size)]
    found = _accuracy("nearest_neighbour_accuracy", np.concatenate(votes), train_labels, test_labels)
    return found._replace(num_neighbours=number)


def _votes(train, labels, test, number):
    """The commonest class among the nearest training codes of each test code."""
    from scipy.spatial.distance import cdist

    distances, classes = cdist(test, train), np.unique(labels)
    last = np.partition(distances, number - 1, axis=1)[:, number - 1 : number]  # much faster than to sort
    nearer, tied = distances < last, distances == last
    chosen = nearer | (tied & (np.cumsum(tied, axis=1) <= number - np.sum(nearer, axis=1, keepdims=True)))
    counts = chosen.astype("float32") @ (labels[:, np.newaxis] == classes).astype("float32")
    return classes[np.argmax(counts, axis=1)]


def _prepared(train_codes, train_labels, test_codes, test_labels, seed):
    """Codes in units of the training codes' standard deviations, examples without a class left out."""
    train, train_labels = _known(train_codes, train_labels)
    test, test_labels = _known(test_codes, test_labels)
    if len(np.unique(train_labels)) < 2 or len(test_labels) == 0:
        raise ValueError("Classification needs examples of at least two known classes to learn from, and one to test.")
    chosen = np.sort(np.random.RandomState(seed).permutation(len(train))[:MOST_TRAINING])
    train, train_labels = train[chosen], train_labels[chosen]
    mean, stddev = train.mean(axis=0), train.std(axis=0)
    scale = np.where(stddev > 1e-6 * np.abs(mean), stddev, np.inf)  # a constant dimension says nothing: 0
    return (train - mean) / scale, (test - mean) / scale, train_labels, test_labels


def _known(codes, labels):
    labels = np.asarray(labels)
    return np.asarray(codes, "float64")[labels >= 0], labels[labels >= 0]


def _accuracy(name, predicted, train_labels, test_labels):
    classes, counts = np.unique(train_labels, return_counts=True)
    majority = float(np.mean(test_labels == classes[np.argmax(counts)]))
    return Accuracy(name, predicted == test_labels, majority, len(train_labels))
