"""The FactorVAE score: whether the dimension that stands still tells which factor was held fixed."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.votes import GROUP_SIZE, NUM_VOTES, SharedValues, least_variance, majority_vote
from tfvae.evaluation.metrics import mean_of


class FactorVAEScore(NamedTuple):
    """Accuracy of the majority vote.

    Attributes:
        score: Share of the held-out votes that are right; chance is 1 / F.
        training_accuracy: The same of the votes that the majority was taken from.
        votes: Number of training votes of each dimension for each factor, [L, F].
        is_correct: Whether each held-out vote is right, [V].
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    training_accuracy: float
    votes: np.ndarray
    is_correct: np.ndarray
    columns: tuple

    def metrics(self):
        more = {"training": float(self.training_accuracy), "chance": 1 / len(self.columns)}
        return {"factor_vae_score": mean_of(self.is_correct, "share") | more}


def factor_vae_score(
    codes, factors, stddevs=None, num_votes=NUM_VOTES, group_size=GROUP_SIZE, num_examples=NUM_EXAMPLES, seed=0
):
    """Majority vote over the dimension that varies least in a group of examples, next to how much it varies at all.

    A group shares the value of one factor. The paper generates it; here it is drawn from the rows at hand, the training
    votes from one half of them and the held-out votes from the other. The score is the held-out accuracy (the paper
    reports training accuracy). Dimensions are left out that never vary or, given `stddevs`, of whose variance x
    explains less than a hundredth; the paper leaves out those whose mean hardly varies in absolute units.

    Without such dimensions, or without two rows that share a value, the score is 0. With one factor it is 1 for any
    code that varies, as is chance. A factor of which all values differ takes no part.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        stddevs: Standard deviations of q(z|x), [N, L], or None.
        num_votes: Number V of training votes, and of held-out ones.
        group_size: Number of examples in a group, fewer where a value occurs less often.
        num_examples: Number of rows to look at.
        seed: Integer that keys all draws.

    Returns:
        A `FactorVAEScore`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Kim and Mnih, 2018. Disentangling by Factorising, section 4. https://arxiv.org/abs/1802.05983
    """
    examples = examples_of(codes, factors, stddevs, num_examples, seed)
    active, number = examples.is_active, len(examples.columns)
    random = np.random.RandomState(seed)
    halves = [(examples.codes[rows][:, active], examples.factors[rows]) for rows in examples.halves(seed)]
    drawn = [_votes(z, SharedValues(v, random), num_votes, group_size) for z, v in halves]
    if not active.any() or any(votes is None for votes in drawn):
        nothing = np.zeros((examples.num_latents, number), int)
        return FactorVAEScore(0.0, 0.0, nothing, np.zeros(num_votes, bool), examples.columns)
    votes = majority_vote(*drawn, int(active.sum()), number)
    table = np.zeros((len(active), number), int)
    table[active] = votes.table
    score = float(np.mean(votes.is_correct))
    table = examples.in_given_order(table, 0)
    return FactorVAEScore(score, votes.training_accuracy, table, votes.is_correct, examples.columns)


def _votes(codes, values, number, size):
    """Dimension and factor of each vote, two arrays [V]; None where no two rows share a value."""
    if not len(values.usable) or not codes.shape[1]:
        return None
    variances = np.ones(codes.shape[1])  # codes are standardised
    votes = np.empty((2, number), int)
    for v in range(number):
        factor = values.factor()
        votes[:, v] = least_variance(codes[values.group(factor, size)], variances), factor
    return votes
