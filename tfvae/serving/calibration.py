"""Calibration: where a score stands among those of the validation examples, a number that means the same everywhere."""

import numpy as np
import tensorflow as tf

from tfvae.errors import GateError
from tfvae.serving.interfaces import request_of

# A row's score differs by some 1e-6, relative, with the size of the batch it stands in. Scores closer than this count
# as equal, so that a row's percentile depends on the row alone.
MARGIN = 1e-5
MOST_SCORES = 10_000


class Calibration:
    """The scores of the validation examples, sorted, as a table of at most `MOST_SCORES`.

    Args:
        scores: What the model's `score` signature gives for each validation example, in nats, [N]: the negative ELBO,
            or the distortion where there is no rate.

    Raises:
        GateError: If there are none, or one is not finite.
    """

    def __init__(self, scores):
        scores = np.sort(np.asarray(scores, "float64"))
        if not len(scores) or not np.all(np.isfinite(scores)):
            raise GateError("The model must not be served: its scores of the validation examples are not all numbers.")
        self.num_examples, self.scores = len(scores), _thinned(scores)

    def percentile(self, score):
        """Share of the validation examples that were likelier: of those whose score is lower, not equal.

        Args:
            score: float32 [B].

        Returns:
            float32 [B], from 0 to 1.
        """
        passed = (self.scores + MARGIN * np.maximum(1, np.abs(self.scores))).astype("float32")
        number = tf.searchsorted(tf.constant(passed), score, side="left")
        # In float64: TensorFlow multiplies by a reciprocal, which in float32 would not give the nearest number.
        return tf.cast(tf.cast(number, "float64") / len(passed), "float32")

    def facts(self):
        """What the manifest says of it."""
        return {"num_examples": self.num_examples, "median": float(np.median(self.scores))}


def total(scores):
    """The one score of a row among the outputs of a `score` signature."""
    return scores["negative_elbo"] if "negative_elbo" in scores else scores["distortion"]


def calibration_of(signature, interface, batches):
    """The `Calibration` of a `score` signature by validation examples, whose seeds are their indices.

    Args:
        signature: A `Signature`.
        interface: How clients send x.
        batches: Iterable of {"x": [B, ...], "index": int64 [B], maybe "condition": [B, K]}.
    """
    with tf.device("/cpu:0"):  # as the probes: a GPU rounds more than `MARGIN`
        function = tf.function(signature.function, autograph=False, input_signature=list(signature.inputs))
        return Calibration(np.concatenate([_scores(function, signature, interface, batch) for batch in batches]))


def _scores(function, signature, interface, batch):
    inputs = request_of(interface, batch, [spec.name for spec in signature.inputs])
    return total(function(*[tf.constant(value) for value in inputs.values()])).numpy()


def _thinned(scores):
    """At most `MOST_SCORES` of them, at equal steps of rank."""
    if len(scores) <= MOST_SCORES:
        return scores
    return scores[((np.arange(MOST_SCORES) + 0.5) * len(scores) / MOST_SCORES).astype(int)]
