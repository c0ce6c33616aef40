"""The beta-VAE score: whether a linear classifier tells from differences of codes which factor was held fixed."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.linear import probabilities
from tfvae.evaluation.disentanglement.votes import GROUP_SIZE, NUM_VOTES, SharedValues
from tfvae.evaluation.metrics import mean_of


class BetaVAEScore(NamedTuple):
    """Accuracy of the classifier.

    Attributes:
        score: Share of the held-out votes that are right; chance is 1 / F.
        training_accuracy: The same of the votes that it was trained on.
        is_correct: Whether each held-out vote is right, [V].
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    training_accuracy: float
    is_correct: np.ndarray
    columns: tuple

    def metrics(self):
        more = {"training": float(self.training_accuracy), "chance": 1 / len(self.columns)}
        return {"beta_vae_score": mean_of(self.is_correct, "share") | more}


def beta_vae_score(codes, factors, num_votes=NUM_VOTES, group_size=GROUP_SIZE, num_examples=NUM_EXAMPLES, seed=0):
    """Held-out accuracy of logistic regression from the mean of |z_1 - z_2| over pairs that share one factor's value.

    The paper generates the pairs; here they are drawn from the rows at hand, for training from one half of them and for
    the test from the other. Codes are standardised, so that their units do not matter.

    A code that never varies, or rows of which no two share a value, score 0. With one factor the score is 1 for any
    other code, as is chance. The score is 1 for rotated and for entangled codes too, so long as differences tell
    factors apart: it is the weakest of the metrics.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_votes: Number V of training votes, and of held-out ones.
        group_size: Number of pairs behind a vote.
        num_examples: Number of rows to look at.
        seed: Integer that keys all draws.

    Returns:
        A `BetaVAEScore`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Higgins et al., 2017. beta-VAE, section 3. https://openreview.net/forum?id=Sy2fzU9gl
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    random = np.random.RandomState(seed)
    halves = [(examples.codes[rows], SharedValues(examples.factors[rows], random)) for rows in examples.halves(seed)]
    if not len(examples.dimensions) or not all(len(values.usable) for _, values in halves):
        return BetaVAEScore(0.0, 0.0, np.zeros(num_votes, bool), examples.columns)
    (x, y), (test_x, test_y) = (_differences(codes, values, num_votes, group_size) for codes, values in halves)
    mean, scale = x.mean(axis=0), x.std(axis=0) + np.finfo("float64").tiny
    x, test_x = (x - mean) / scale, (test_x - mean) / scale
    correct = [
        np.argmax(p, axis=1) == label for p, label in zip(probabilities(x, y, x, test_x), (y, test_y), strict=True)
    ]
    return BetaVAEScore(float(np.mean(correct[1])), float(np.mean(correct[0])), correct[1], examples.columns)


def _differences(codes, values, number, size):
    """Mean of |z_1 - z_2| behind each vote, [V, A], and the factor that the pairs share, [V]."""
    means, labels = np.empty((number, codes.shape[1])), np.empty(number, int)
    for v in range(number):
        labels[v] = values.factor()
        first, second = values.pairs(labels[v], size)
        means[v] = np.mean(np.abs(codes[first] - codes[second]), axis=0)
    return means, labels
