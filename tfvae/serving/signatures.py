"""Signatures: what a served model can be asked, each a function of tensors whose first axis is the batch.

Every answer depends on its own row alone, noise included: TF Serving merges the rows of many clients into one batch.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfvae.data import preprocessing
from tfvae.objectives.objective import distortion, rate
from tfvae.serving.calibration import total

POSTERIOR, PRIOR, LIKELIHOOD = 1, 2, 3  # streams of noise that never meet; that of the pixels is 0
SEED = tf.TensorSpec([None], "int64", "seed")


class Signature(NamedTuple):
    """A function that clients call by name.

    Attributes:
        function: Tensors -> {output: float32 [B, ...]}.
        inputs: A spec, [None, ...] and named, for each argument.
    """

    function: Callable
    inputs: tuple[tf.TensorSpec, ...]


def signatures(model, interface, calibration=None):
    """The signatures of a built model, by name; what it cannot do is left out.

    Args:
        model: A `LatentVariableModel`.
        interface: How clients send and receive x: `Images`, or the columns of a table.
        calibration: A `Calibration`, from which scores get their percentile; without one they have none.

    Returns:
        {name: `Signature`}, "serving_default" first.
    """
    x, z = interface.specs, tf.TensorSpec([None, model.latent_size], "float32", "z")
    draws = (SEED,) if model.is_stochastic else ()
    scored = functools.partial(score, calibration)
    asked = {
        "serving_default": (reconstruct, x),
        "reconstruct": (reconstruct, x),
        "encode": (encode, x),
        "decode": (decode, (z,)),
        "score": (scored, (*x, *draws)),
    }
    if model.is_stochastic:
        asked["encode_sample"] = (encode_sample, (*x, SEED))
    if model.can_sample:
        asked["sample"] = (sample, (SEED,))
    if model.can_classify:
        asked["classify"] = (classify, x)
    if interface.file_specs:
        asked["encode_bytes"] = (encode, interface.file_specs)
        asked["score_bytes"] = (scored, (*interface.file_specs, *draws))
    return {name: _signature(answer, model, interface, specs) for name, (answer, specs) in asked.items()}


def left_out(model):
    """{name: reason} of the signatures that a model cannot have."""
    reasons = {}
    if not model.is_stochastic:
        reasons["encode_sample"] = "its code is no draw, but a function of x"
    if not model.can_sample:
        reasons["sample"] = "it has no prior to draw codes from"
    return reasons


def reconstruct(model, interface, inputs):
    """The mean of p(x|z) at the code of x."""
    x = interface.x(inputs)
    return interface.reconstructions(x, model.reconstruct(x))


def encode(model, interface, inputs):
    """The code of x, [B, L]: the mean of q(z|x) where it has one; and its standard deviation, if it has one."""
    x = interface.x(inputs)
    code = model.code(x)
    stddev = model.inference(x, code[tf.newaxis]).stddev if model.is_stochastic else None
    return {"z_mean": code} if stddev is None else {"z_mean": code, "z_stddev": tf.ensure_shape(stddev, code.shape)}


def encode_sample(model, interface, inputs):
    """z ~ q(z|x), [B, L]."""
    return {"z": _posterior_sample(model, interface.x(inputs), inputs)[0]}


def decode(model, interface, inputs):
    """The mean of p(x|z)."""
    return interface.outputs(model.decode(inputs["z"]).mean())


def sample(model, interface, inputs):
    """z ~ p(z), [B, L], and what p(x|z) makes of it: its mean for an image, a draw for the row of a table."""
    z = model.prior_sample(preprocessing.row_seeds(inputs["seed"], PRIOR))
    return {**interface.samples(model, z, preprocessing.row_seeds(inputs["seed"], LIKELIHOOD)), "z": z}


def classify(model, interface, inputs):
    """Probability of each class, [B, K]."""
    return {"probabilities": model.classify(interface.x(inputs))}


def score(calibration, model, interface, inputs):
    """Distortion and rate of each row at one z ~ q(z|x), and their sum, in nats: [B] each; the rate if there is one.

    With a calibration also the percentile of the sum, or of the distortion alone: the share of the validation examples
    that were likelier.
    """
    scores = _scores(model, interface, inputs)
    return scores if calibration is None else {**scores, "percentile": calibration.percentile(total(scores))}


def _scores(model, interface, inputs):
    x = interface.x(inputs)
    inference = model.inference(x, _posterior_sample(model, x, inputs))
    d = distortion(inference)[0]
    if not model.has_rate:
        return {"distortion": d}
    r = tf.reshape(rate(inference), tf.shape(d))  # [B], or [1, B] where it depends on the sample
    return {"negative_elbo": d + r, "distortion": d, "rate": r}


def _posterior_sample(model, x, inputs):
    if not model.is_stochastic:
        return model.code(x)[tf.newaxis]
    return model.encode_sample(x, preprocessing.row_seeds(inputs["seed"], POSTERIOR))


def _signature(answer, model, interface, specs):
    """The signature of an answer. A conditional model takes one more input and answers for that condition."""
    if model.condition_size:
        specs = (*specs, tf.TensorSpec([None, model.condition_size], "float32", "condition"))
    names = [spec.name for spec in specs]

    def function(*tensors):
        inputs = dict(zip(names, tensors, strict=True))
        outputs = answer(model.given(inputs), interface, inputs)
        return {name: _as_served(value) for name, value in outputs.items()}

    return Signature(_answering_nothing(function, specs), tuple(specs))


def _as_served(value):
    """REST cannot carry the float16 of a model of mixed precision."""
    return tf.cast(value, "float32") if value.dtype.is_floating else value


def _answering_nothing(function, inputs):
    """Answers an empty batch without asking the layers: fused convolutions and TFP's samplers fail on it."""

    @functools.cache
    def outputs():
        return tf.function(function, autograph=False).get_concrete_function(*inputs).structured_outputs

    def nothing():
        return {name: tf.zeros([0, *spec.shape[1:]], spec.dtype) for name, spec in outputs().items()}

    def something_or_nothing(*tensors):
        return tf.cond(tf.shape(tensors[0])[0] > 0, lambda: function(*tensors), nothing)

    return something_or_nothing
