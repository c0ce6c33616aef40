"""export: a trained model as a SavedModel that TF Serving can load, with what is needed to check it."""

import datetime
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfvae.data.options import BINARIZE_MODES
from tfvae.errors import ConfigError
from tfvae.serving.calibration import calibration_of
from tfvae.serving.interfaces import interface_of
from tfvae.serving.signatures import left_out, signatures
from tfvae.serving.staging import staged
from tfvae.serving.standalone.prediction_log import Call, write_calls
from tfvae.storage import write_json
from tfvae.versions import versions

NOT_CALIBRATED = "export() was given no validation examples, so that scores have no percentile"
PROBE_SEEDS = (0, 1, 2**40 + 1)  # int64 and not only int32


def export(model, directory, *, binarize="none", validation=None, manifest=None):
    """Writes a model as a SavedModel with the signatures of `signatures`.

    In its assets.extra/ lie `tf_serving_warmup_requests`, one call of a single row for each signature, which TF Serving
    replays before it serves; `tfvae_manifest.json`; and `tfvae_probes`, one call of three rows for each signature with
    the answers that this process gives, which `validate` compares with those of the export.

    Args:
        model: A built model of images, event_shape [H, W, C], or of a table, event_shape [D].
        directory: Where to write. It must not exist; it appears when it is complete.
        binarize: How the pixels of the training data were binarised, one of `BINARIZE_MODES`.
        validation: The validation examples, whose scores calibrate those of clients: an iterable of batches {"x",
            "index", maybe "condition"} as of `pipeline.ordered_batches`. Without them scores have no percentile.
        manifest: What else the manifest should say, a dict of JSON values: configuration, data fingerprint, metrics.

    Raises:
        ConfigError: If the directory exists, or an argument has a value that is not allowed.
        GateError: If the model's scores of the validation examples are not finite.
    """
    directory = Path(directory)
    _check(model, directory, binarize)
    interface = interface_of(model, binarize)
    json.dumps(manifest, allow_nan=False)  # fails before the work, not after it
    directory.parent.mkdir(parents=True, exist_ok=True)
    served, calibration = _calibrated(model, interface, validation)
    with staged(directory, prefix=".export-") as staging:
        write_saved_model(served, staging)
        extra = staging / "assets.extra"
        extra.mkdir()
        inputs = probe_inputs(model, interface)
        probes = [probe(name, signature, inputs) for name, signature in served.items()]
        write_calls(extra / "tfvae_probes", probes)
        write_calls(extra / "tf_serving_warmup_requests", [warmup_call(probe) for probe in probes])
        write_json(extra / "tfvae_manifest.json", {**(manifest or {}), **facts(model, interface, probes, calibration)})


def _calibrated(model, interface, validation):
    """The signatures, and the `Calibration` of their scores; None without validation examples."""
    served = signatures(model, interface)
    if validation is None:
        return served, None
    calibration = calibration_of(served["score"], interface, validation)
    return signatures(model, interface, calibration), calibration


def write_saved_model(served, directory):
    """Writes signatures by `ExportArchive`: TF Serving cannot find the variables of any other Keras 3 export.

    Nothing is tracked: the endpoints' variables are saved anyway, and tracked ones a second time.
    """
    archive = keras.export.ExportArchive()
    for name, signature in served.items():
        archive.add_endpoint(name, signature.function, input_signature=list(signature.inputs))
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    archive.write_out(str(directory), options=options, verbose=False)


def probe_inputs(model, interface):
    """Three rows of every input that a signature may ask for, by name: the same arrays for the same shapes."""
    rng, num_rows = np.random.default_rng(1), len(PROBE_SEEDS)
    return {
        **interface.examples(num_rows),
        "z": rng.normal(size=(num_rows, model.latent_size)).astype("float32"),
        "seed": np.array(PROBE_SEEDS, "int64"),
        "condition": np.eye(num_rows, model.condition_size or 1, dtype="float32"),
    }


def probe(name, signature, inputs):
    """A call of a signature's Python function, eagerly, on the CPU: a GPU rounds more than the check forgives."""
    inputs = {spec.name: inputs[spec.name] for spec in signature.inputs}
    with tf.device("/cpu:0"):
        outputs = signature.function(*[tf.constant(value) for value in inputs.values()])
    return Call(name, inputs, {name: output.numpy() for name, output in outputs.items()})


def warmup_call(probe):
    """The first row of a probe: small, and never more than a server's largest batch."""
    return Call(probe.signature, {name: value[:1] for name, value in probe.inputs.items()}, {})


def facts(model, interface, probes, calibration):
    """What the manifest says of every export."""
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **interface.facts(),
        "latent_size": model.latent_size,
        "condition_size": model.condition_size,
        "seed": model.seed,
        "left_out": left_out(model),
        "calibration": calibration.facts() if calibration else {"left_out": NOT_CALIBRATED},
        "signatures": {probe.signature: _interface(probe) for probe in probes},
        "versions": versions(),
    }


def _interface(probe):
    def describe(tensors):
        return {name: {"dtype": _dtype(value), "shape": [None, *value.shape[1:]]} for name, value in tensors.items()}

    return {"inputs": describe(probe.inputs), "outputs": describe(probe.outputs)}


def _dtype(array):
    return tf.as_dtype(array.dtype).name


def _check(model, directory, binarize):
    if binarize not in BINARIZE_MODES:
        raise ConfigError(f"`binarize` must be one of {list(BINARIZE_MODES)}. Received: binarize={binarize!r}")
    event_shape = getattr(model, "event_shape", ())
    if len(event_shape) != (1 if model.likelihood.columns else 3):
        raise ConfigError(
            "`model` must be a VAE of images [H, W, C], or of a table, and built: call it once, or load it. "
            f"Received: event_shape={event_shape}"
        )
    if directory.exists():
        raise ConfigError(f"{directory} exists, and an export is never replaced: give another directory.")
