"""The mutual information gap, as its authors define it and as disentanglement_lib computes it."""

from typing import NamedTuple

import numpy as np

from tfvae.evaluation.disentanglement.examples import NUM_EXAMPLES, examples_of
from tfvae.evaluation.disentanglement.leading_gap import gaps_of
from tfvae.evaluation.disentanglement.mutual_information import (
    NUM_BINS,
    NUM_SAMPLES,
    binned,
    entropies,
    information_of_samples,
    mutual_information_of_classes,
)
from tfvae.evaluation.disentanglement.standard_error import score_and_error
from tfvae.evaluation.metrics import metric

SAMPLED, BINNED = "samples of q(z|x)", "bins"


class MutualInformationGap(NamedTuple):
    """How much more one dimension knows of a factor than any other, as a share of what there is to know.

    Attributes:
        name: "mig" or "mig_binned".
        score: Mean of the gaps; from 0 to 1.
        standard_error: Over the draw of examples; None where there are fewer than ten.
        gaps: Of each factor, [F].
        mutual_information: I(z_l; v_f) in nats, [L, F].
        entropies: H(v_f) in nats, [F].
        estimator: What the mutual information is computed from.
        columns: Columns of the given factors that the F factors are; the others are constant.
    """

    name: str
    score: float
    standard_error: float | None
    gaps: np.ndarray
    mutual_information: np.ndarray
    entropies: np.ndarray
    estimator: str
    columns: tuple

    def metrics(self):
        return {self.name: metric(self.score, "share", self.standard_error, estimator=self.estimator)}


def mutual_information_gap(
    means, stddevs, factors, num_samples=NUM_SAMPLES, num_examples=NUM_EXAMPLES, seed=0, num_bins=NUM_BINS
):
    """MIG as Chen et al. define it: I(z_l; v_f) under q(z_l|v_f), the mean of q(z_l|x) over x with that v_f.

    I(z_l; v_f) = E_q(z_l, v_f)[log q(z_l|v_f) - log q(z_l)], and the gap between the two highest is divided by H(v_f).
    q(z|x) is taken for normal with the given moments. The mixtures are over the examples looked at; where these are a
    draw of the data, I is too high, the more so the fewer examples a class has. The standard error is that of the draw
    of z for the examples, with the two leading dimensions held fixed.

    Codes without noise are points: any two that differ give away the example, so that I would be H(v_f) for every
    dimension. They are put into bins as in `binned_mutual_information_gap`, and the result says so. With one dimension
    the second highest I is 0, that of a dimension which knows nothing.

    Args:
        means: Means of q(z|x), [N, L].
        stddevs: Standard deviations of q(z|x), [N, L], or None for codes without noise.
        factors: Integer classes, [N, F].
        num_samples: Number of examples of which a z is drawn.
        num_examples: Number of rows that the mixtures are over.
        seed: Integer that keys the draws.
        num_bins: Number of bins, for codes without noise.

    Returns:
        A `MutualInformationGap`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Chen et al., 2018. Isolating Sources of Disentanglement in VAEs, section 4.1. https://arxiv.org/abs/1802.04942
    """
    if stddevs is None:
        return binned_mutual_information_gap(means, factors, num_bins, num_examples, seed)._replace(name="mig")
    examples = examples_of(means, factors, stddevs, num_examples, seed)
    values = information_of_samples(examples, num_samples, seed)
    entropy = entropies(examples.factors)
    gaps = gaps_of(values, entropy, np.zeros(len(entropy)))
    matrix = examples.in_given_order(values.mean(axis=0))
    return MutualInformationGap("mig", *gaps, matrix, entropy, SAMPLED, examples.columns)


def binned_mutual_information_gap(codes, factors, num_bins=NUM_BINS, num_examples=NUM_EXAMPLES, seed=0):
    """MIG as disentanglement_lib computes it: codes in bins of equal width between their extremes, no noise.

    The mutual information of two tables of counts is too high by about (bins - 1)(classes - 1) / 2N nats. With one
    dimension the second highest is 0. A dimension is turned round where needed before it is put into bins, so that
    codes which lie on an edge do not depend on their sign.

    Args:
        codes: [N, L].
        factors: Integer classes, [N, F].
        num_bins: Number of bins.
        num_examples: Number of rows to look at.
        seed: Integer that keys the draw of rows.

    Returns:
        A `MutualInformationGap`.

    Raises:
        ValueError: If the arrays do not belong together, or no factor varies.

    Reference:
        Locatello et al., 2019. Challenging Common Assumptions in the Unsupervised Learning of Disentangled
        Representations, appendix C. https://arxiv.org/abs/1811.12359
    """
    examples = examples_of(codes, factors, None, num_examples, seed)
    bins = binned(examples.unscaled, num_bins)
    score, error = score_and_error(lambda b, v: _binned_gaps(b, v).score, bins, examples.factors, seed=seed)
    gaps, matrix = _binned_gaps(bins, examples.factors), mutual_information_of_classes(bins, examples.factors)
    return MutualInformationGap(
        "mig_binned",
        score,
        error,
        gaps.per_factor,
        examples.in_given_order(matrix),
        entropies(examples.factors),
        BINNED,
        examples.columns,
    )


def _binned_gaps(bins, classes):
    entropy = entropies(classes)
    # A factor may be constant in what the jackknife leaves: it has nothing to know then.
    scale = np.where(entropy > 0, entropy, 1.0)
    return gaps_of(mutual_information_of_classes(bins, classes)[np.newaxis], scale, np.zeros(len(entropy)))
