"""SAP: how much better one dimension alone predicts a factor than any other dimension alone."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.leading_gap import gaps_of
from tfvae.evaluation.metrics import metric


class SAP(NamedTuple):
    """Separated attribute predictability.

    Attributes:
        score: Mean of the gaps; `highest` is the largest that it can be.
        standard_error: Over the draw of the examples that it is tested on.
        gaps: Of each factor, [F].
        accuracy: Held-out balanced accuracy from each dimension, [L, F].
        highest: Mean over factors of 1 - 1 / K_f, as the second best dimension is right by chance.
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    score: float
    standard_error: float
    gaps: np.ndarray
    accuracy: np.ndarray
    highest: float
    columns: tuple

    def metrics(self):
        return {"sap": metric(self.score, "share", self.standard_error, highest=self.highest)}


def sap(codes, factors, num_examples=NUM_EXAMPLES, seed=0):
    """Mean gap between the two best balanced accuracies of predicting a factor from one dimension.

    A factor of K_f classes is predicted by K_f - 1 thresholds, found one after the other by a decision tree that weighs
    classes alike, on one half of the rows, and tested on the other half. This is the paper's score for categorical
    factors, but for the greedy search; disentanglement_lib has a linear classifier instead, which cannot tell a middle
    class from one dimension.

    A dimension that never varies has the accuracy 1 / K_f of chance, and so has the second best where there is one
    dimension only. With one factor the score is that factor's gap.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_examples: Number of rows to look at.
        seed: Integer that keys the draws.

    Returns:
        A `SAP`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Kumar et al., 2018. Variational Inference of Disentangled Latent Concepts from Unlabeled Observations,
        section 3. https://arxiv.org/abs/1711.00848
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    train, test = examples.halves(seed)
    chance = 1 / examples.num_classes
    values = np.empty((len(test), *examples.codes.shape[1:], len(chance)))
    for f, labels in enumerate(examples.factors.T):
        weights = _balanced(labels[test])
        for a, code in enumerate(examples.codes.T):
            values[:, a, f] = weights * (_predicted(code, labels, train, test) == labels[test])
    gaps = gaps_of(values, np.ones(len(chance)), chance)
    accuracy = np.stack([examples.in_given_order(v, c) for v, c in zip(values.mean(axis=0).T, chance, strict=True)], 1)
    return SAP(*gaps, accuracy, float(np.mean(1 - chance)), examples.columns)


def _balanced(labels):
    """Weights of mean 1 that make an accuracy count all classes alike, [N]."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])


def _predicted(code, labels, train, test):
    from sklearn.tree import DecisionTreeClassifier

    num_classes = len(np.unique(labels[train]))
    tree = DecisionTreeClassifier(max_leaf_nodes=max(num_classes, 2), class_weight="balanced", random_state=0)
    return tree.fit(code[train, np.newaxis], labels[train]).predict(code[test, np.newaxis])
