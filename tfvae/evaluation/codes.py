"""The codes of a data set, out of core: images may be more than memory holds, their codes are not."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.evaluation.importance_sampling import no_progress


class Codes(NamedTuple):
    """What a model makes of examples, and what is known of them.

    Attributes:
        codes: The code of each example, [N, L].
        stddevs: Standard deviation of q(z|x), [N, L], or None where it has none.
        labels: Class of each example, [N], or None.
        factors: Class of each factor, [N, F], or None.
        index: Place of each example in its source, [N].
    """

    codes: np.ndarray
    stddevs: np.ndarray | None
    labels: np.ndarray | None
    factors: np.ndarray | None
    index: np.ndarray


def codes_of(model, batches, progress=no_progress):
    """Encodes batches one after the other.

    The code of a conditional model is made with the condition at hand: where that is the class, a probe of such codes
    finds what the encoder was told, and not what it saw.

    Args:
        model: A `LatentVariableModel`.
        batches: Iterable of {"x": [B, *event], "index": [B], maybe "label", "factors", "condition"}.
        progress: Makes a progress bar from a total and a unit.
    """
    encode = tf.function(lambda batch: _encode(model, batch), reduce_retracing=True)
    parts = []
    with progress(None, "batch") as bar:
        for batch in batches:
            known = {name: batch[name] for name in ("label", "factors", "index") if name in batch}
            parts.append({name: np.asarray(value) for name, value in {**known, **encode(batch)}.items()})
            bar.update(1)
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    names = ("code", "stddev", "label", "factors")
    return Codes(*(found.get(name) for name in names), found.get("index", np.arange(len(found["code"]))))


def _encode(model, batch):
    given, x = model.given(batch), batch["x"]
    code = given.code(x)
    stddev = given.inference(x, code[tf.newaxis]).stddev if model.is_stochastic else None
    return {"code": code} if stddev is None else {"code": code, "stddev": tf.ensure_shape(stddev, code.shape)}
