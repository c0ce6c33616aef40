"""DCI: disentanglement, completeness and informativeness, by what a random forest finds important."""

import warnings
from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.metrics import mean_of, metric

NUM_TREES = 20
LEAVES = (100, 20, 5, 1)  # least rows of a leaf
STANDARD_ERRORS = 3  # that accuracy must be above chance for importance to be more than chance


class Spread(NamedTuple):
    """How concentrated a matrix of importances is.

    Attributes:
        disentanglement: Mean over dimensions, weighted by their importance.
        completeness: Mean over factors.
        per_dimension: Disentanglement of each dimension, [L].
        per_factor: Completeness of each factor, [F].
    """

    disentanglement: float
    completeness: float
    per_dimension: np.ndarray
    per_factor: np.ndarray


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness.

    Attributes:
        disentanglement: 1 where each dimension matters for one factor only.
        completeness: 1 where one dimension only matters for each factor.
        informativeness: Mean over factors of the held-out accuracy.
        standard_error: Of the informativeness, over the draw of the examples that it is tested on.
        training_informativeness: The same accuracy on what the forests were trained on.
        importance: Of each dimension for each factor, [L, F]; columns sum to 1, or to 0 where nothing was found.
        accuracy: Held-out accuracy for each factor, [F].
        chance: Share of the most frequent class, mean over factors.
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    standard_error: float
    training_informativeness: float
    importance: np.ndarray
    accuracy: np.ndarray
    chance: float
    columns: tuple

    def metrics(self):
        more = {"training": self.training_informativeness, "chance": self.chance}
        return {
            "disentanglement": metric(self.disentanglement, "share"),
            "completeness": metric(self.completeness, "share"),
            "informativeness": metric(self.informativeness, "share", self.standard_error, **more),
        }


def dci(codes, factors, num_examples=NUM_EXAMPLES, seed=0):
    """Disentanglement, completeness and informativeness from one random forest for each factor.

    Importance is the mean decrease of impurity over trees that may use every dimension at every split; forests that
    choose among a few would find importance in useless ones. So would leaves that are too small: their size is the
    largest that no smaller one beats by a standard error of the out-of-bag accuracy, as the paper chooses the depth by
    validation. Where even that is within 3 standard errors of the commonest class, no dimension is important: what such
    a forest splits at is accidental. Informativeness
    is an accuracy, as in disentanglement_lib, where the paper has an error; forests learn from one half of the rows,
    the other half is for the test.

    Dimensions that never vary are not counted, so that completeness does not depend on them: entropies have the number
    of varying dimensions as their base. With one factor any dimension that matters has disentanglement 1, with one
    dimension any factor has completeness 1. A code that never varies has 0 of both and the informativeness of chance.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_examples: Number of rows to look at.
        seed: Integer that keys draws and forests.

    Returns:
        A `DCI`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Eastwood and Williams, 2018. A Framework for the Quantitative Evaluation of Disentangled Representations,
        section 2. https://openreview.net/forum?id=By-7dz-AZ
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    train, test = examples.halves(seed)
    found = [_forest(examples.codes, column, train, test, seed) for column in examples.factors.T]
    importance, correct, trained = (np.stack(parts, axis=-1) for parts in zip(*found, strict=True))
    spread = dci_of(importance)
    informativeness = mean_of(correct.mean(axis=1), "share")
    shares = [np.bincount(column).max() / len(column) for column in examples.factors.T]
    return DCI(
        spread.disentanglement,
        spread.completeness,
        informativeness["value"],
        informativeness["standard_error"],
        float(np.mean(trained)),
        examples.in_given_order(importance),
        correct.mean(axis=0),
        float(np.mean(shares)),
        examples.columns,
    )


def dci_of(importance):
    """Disentanglement and completeness of a matrix of importances, [L, F], none of them negative.

    D_l = 1 - H(P_l) / log F for the shares P_l of the factors in row l, weighted by the sums of rows, and
    C_f = 1 - H(P_f) / log L for the shares of the dimensions in column f, all columns alike. A row or a column of zeros
    has 0. An entropy over one thing is 0.

    Returns:
        A `Spread`.
    """
    importance = np.asarray(importance, "float64")
    rows, columns = _concentration(importance), _concentration(importance.T)
    weights = importance.sum(axis=1) / max(importance.sum(), np.finfo("float64").tiny)
    return Spread(float(rows @ weights), float(columns.mean()), rows, columns)


def _concentration(importance):
    """1 - entropy of each row over its largest possible value; 0 for a row of zeros."""
    total = importance.sum(axis=1, keepdims=True)
    shares = np.divide(importance, total, out=np.zeros_like(importance), where=total > 0)
    entropy = -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=1)
    return np.where(total[:, 0] > 0, 1 - entropy / np.log(max(importance.shape[1], 2)), 0.0)


def _forest(codes, labels, train, test, seed):
    """Importances [A], whether each of `test` is right [T], and the training accuracy."""
    if not codes.shape[1]:
        commonest = np.bincount(labels[train]).argmax()
        return np.zeros(0), labels[test] == commonest, np.mean(labels[train] == commonest)
    forest = _trained(codes[train], labels[train], seed)
    correct = [forest.predict(codes[rows]) == labels[rows] for rows in (test, train)]
    chance = np.bincount(labels[train]).max() / len(train)
    is_found = forest.oob_score_ > chance + STANDARD_ERRORS * _standard_error(chance, len(train))
    return forest.feature_importances_ * is_found, correct[0], correct[1].mean()


def _trained(codes, labels, seed):
    """The forest of the largest leaves that no smaller ones beat by a standard error out of bag; see `dci`."""
    from sklearn.ensemble import RandomForestClassifier

    best, to_beat = None, -1.0
    for leaf in LEAVES:
        forest = RandomForestClassifier(NUM_TREES, max_features=None, min_samples_leaf=leaf, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")  # of two examples, say
            forest.set_params(oob_score=_accuracy).fit(codes, labels)
        if forest.oob_score_ > to_beat:
            best, to_beat = forest, forest.oob_score_ + _standard_error(forest.oob_score_, len(labels))
        elif forest.oob_score_ < best.oob_score_:
            break
    return best


def _accuracy(labels, predicted):
    return np.mean(np.ravel(labels) == np.ravel(predicted))


def _standard_error(share, number):
    return np.sqrt(share * (1 - share) / number)
