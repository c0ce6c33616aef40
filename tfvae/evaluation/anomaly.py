"""Anomaly detection: how well a score tells examples of a kind that was not trained on from the others."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.latent_space import rate_of_rows
from tfvae.evaluation.metrics import GROUPS, jackknife, metric
from tfvae.seeds import row_seeds


class Detection(NamedTuple):
    """What a score is worth as a detector.

    Attributes:
        auroc: Probability that an anomaly scores higher than an ordinary example, ties counted half.
        auroc_standard_error: Over the draw of both kinds of examples; None with fewer than 2 of a kind.
        average_precision: Mean precision over the anomalies as they are found from the highest score down.
        average_precision_standard_error: Over the draw of examples; None with fewer than 10 of a kind.
        share_of_anomalies: What average precision a score by chance has.
        placements: For each example the share of those of the other kind that it is on the right side of, ties counted
            half, [N]; their mean over either kind is the AUROC.
    """

    auroc: float
    auroc_standard_error: float | None
    average_precision: float
    average_precision_standard_error: float | None
    share_of_anomalies: float
    placements: np.ndarray

    def metrics(self):
        """Both figures, each with the share of anomalies; an error that cannot be known is left out."""
        more = {"share_of_anomalies": self.share_of_anomalies, "num_examples": len(self.placements)}
        precision, error = self.average_precision, self.average_precision_standard_error
        return {
            "anomaly_auroc": metric(self.auroc, "share", self.auroc_standard_error, **more),
            "anomaly_average_precision": metric(precision, "share", error, **more),
        }


def anomaly_detection(scores, is_anomaly, seed=0):
    """Measures a score, [N], higher for what is more anomalous, against the truth, booleans [N].

    Args:
        scores: Of each example, [N].
        is_anomaly: Whether each is an anomaly, [N].
        seed: Integer that keys the groups of the jackknife, which gives the error of average precision.

    Raises:
        ValueError: If there are not both kinds of examples, or a score is not finite.

    Reference:
        DeLong et al., 1988. Comparing the areas under two or more correlated receiver operating characteristic curves:
        the error of the AUROC. https://doi.org/10.2307/2531595
    """
    from sklearn.metrics import average_precision_score

    scores, is_anomaly = np.asarray(scores, "float64"), np.asarray(is_anomaly, bool)
    if not np.all(np.isfinite(scores)):
        raise ValueError("Every score must be finite.")
    if is_anomaly.all() or not is_anomaly.any():
        raise ValueError(
            "Anomaly detection is measured on ordinary examples and anomalies, and there is one kind only."
        )
    placements = _placements(scores, is_anomaly)
    rarer = min(np.sum(is_anomaly), np.sum(~is_anomaly))
    precision, error = average_precision_score(is_anomaly, scores), None
    if rarer >= GROUPS:  # with fewer a group that is left out may take all of a kind
        precision, error = map(float, jackknife(average_precision_score, is_anomaly, scores, seed=seed))
    area_error = _error_of_area(placements, is_anomaly) if rarer > 1 else None
    area, share = float(placements[is_anomaly].mean()), float(is_anomaly.mean())
    return Detection(area, area_error, float(precision), error, share, placements)


def scores_of(model, batches, seed=0, progress=no_progress):
    """The score of each example as the served signature `score` gives it: [N], nats.

    The negative ELBO at one z ~ q(z|x), or the distortion of a model without a rate.

    Args:
        model: A `LatentVariableModel`.
        batches: Iterable of {"x": [B, *event], "index": [B], ...}.
        seed: Integer; the noise of an example is keyed by it and the example's index.
        progress: Makes a progress bar from a total and a unit.
    """
    score, parts = tf.function(lambda batch: _scores(model, batch, seed), reduce_retracing=True), []
    with progress(None, "batch") as bar:
        for batch in batches:
            parts.append(score(batch).numpy())
            bar.update(1)
    return np.concatenate(parts)


def _scores(model, batch, seed):
    x, given = batch["x"], model.given(batch)
    seeds = row_seeds(seed, batch["index"])
    z = given.encode_sample(x, seeds) if model.is_stochastic else given.code(x)[tf.newaxis]
    inference = given.inference(x, z)
    distortion = -inference.likelihood.log_prob(x)[0]
    return distortion + tf.reduce_sum(rate_of_rows(inference), axis=-1) if model.has_rate else distortion


def _placements(scores, is_anomaly):
    """For each example the share of those of the other kind that it is on the right side of, ties half: [N]."""
    anomalies, ordinary = scores[is_anomaly], scores[~is_anomaly]
    placements = np.empty(len(scores))
    placements[is_anomaly] = _share_below(np.sort(ordinary), anomalies)
    placements[~is_anomaly] = 1 - _share_below(np.sort(anomalies), ordinary)
    return placements


def _error_of_area(placements, is_anomaly):
    kinds = (placements[is_anomaly], placements[~is_anomaly])
    return float(np.sqrt(sum(kind.var(ddof=1) / len(kind) for kind in kinds)))


def _share_below(sorted_values, points):
    """For each point the share of the values that are lower, equal ones counted half."""
    lower, not_higher = (np.searchsorted(sorted_values, points, side) for side in ("left", "right"))
    return (lower + not_higher) / (2 * len(sorted_values))
