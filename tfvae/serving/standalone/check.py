"""check: every problem of an export that a server or its clients would meet."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from . import call_checks, graph_checks
from .prediction_log import Call, read_calls
from .served_model import ServedModel

LARGEST_WARMUP = 1000  # records; TF Serving refuses to load a model with more
EXTRA = "assets.extra"


def check(directory):
    """Checks an export.

    Args:
        directory: Path of the SavedModel.

    Returns:
        {"problems": [sentence, ...], "facts": {...}}; the export may be served if there are no problems.
    """
    directory = Path(directory)
    try:
        model = ServedModel(directory)
    except Exception as error:  # whatever ails the file, TensorFlow has an exception of its own for it
        return {"problems": [f"TensorFlow cannot load it: {' '.join(str(error).split())[:300]}"], "facts": {}}
    probes, problems = recorded_probes(directory)
    problems += graph_problems(model)
    for name, signature in sorted(model.signatures.items()):
        problems += signature_problems(model, name, signature, probes)
    warmup, warmup_problems = replay_warmup(directory, model)
    return {"problems": problems + warmup_problems, "facts": facts(model, probes, warmup) if not problems else {}}


def recorded_probes(directory):
    """The calls that the training process recorded, by signature, and the problems of an export without them."""
    problems = [
        f"It was not made by `tfvae export`: there is no {EXTRA}/{name}."
        for name in ("tfvae_manifest.json", "tfvae_probes")
        if not (directory / EXTRA / name).is_file()
    ]
    if problems:
        return {}, problems
    try:
        return {call.signature: call for call in read_calls(directory / EXTRA / "tfvae_probes")}, []
    except ValueError as error:
        return {}, [f"{EXTRA}/tfvae_probes cannot be used: {error}."]


def graph_problems(model):
    """Problems that need no call."""
    yield from graph_checks.signature_set_problems(model.signatures)
    yield from graph_checks.operation_problems(model.meta_graph.graph_def)


def signature_problems(model, name, signature, probes):
    """Problems of one signature. It is called if its interface is in order, by made-up inputs if none were recorded."""
    problems = list(graph_checks.interface_problems(name, signature))
    if problems:
        return problems
    probe = probes.get(name)
    if probes and probe is None:
        problems.append(f"Signature `{name}` was not recorded by the training process.")
    if probe is not None and set(probe.inputs) != set(signature.inputs):
        return [f"Signature `{name}` has other inputs than the training process recorded."]
    if probe is None and any(tensor.dtype == tf.string.as_datatype_enum for tensor in signature.inputs.values()):
        return problems  # nobody can make up what strings it understands
    probe = probe or Call(name, made_up_inputs(signature), {})
    return problems + list(call_checks.call_problems(call_checks.Probe(model, probe)))


def made_up_inputs(signature):
    """Three rows of something for each input, by its type; free axes get the length 1."""
    rng = np.random.default_rng(0)
    inputs = {}
    for name, tensor in signature.inputs.items():
        shape = (3, *(max(dim.size, 1) for dim in tensor.tensor_shape.dim[1:]))
        inputs[name] = rng.random(shape).astype(tf.as_dtype(tensor.dtype).as_numpy_dtype)
    return inputs


def replay_warmup(directory, model):
    """The number of warm-up requests, and the problems that would keep a server from loading the model."""
    path = directory / EXTRA / "tf_serving_warmup_requests"
    if not path.is_file():
        return 0, [f"There is no {EXTRA}/{path.name}: the first requests would be slow."]
    try:
        calls = read_calls(path)
    except ValueError as error:
        return 0, [f"The warm-up file cannot be used: {error}."]
    problems = [f"The warm-up file has {len(calls)} records, and TF Serving takes {LARGEST_WARMUP}."]
    problems = problems if len(calls) > LARGEST_WARMUP else []
    missing = sorted(set(model.signatures) - {call.signature for call in calls})
    problems += [f"The warm-up file has no request for signature `{name}`." for name in missing]
    for index, call in enumerate(calls):
        problems += warmup_problems(model, f"Record {index} of the warm-up file", call)
    return len(calls), problems


def warmup_problems(model, where, call):
    """Problems of one warm-up request: TF Serving loads no model of which one request fails."""
    if call.signature not in model.signatures:
        yield f"{where} calls a signature `{call.signature}` that does not exist."
        return
    signature = model.signatures[call.signature]
    if set(call.inputs) != set(signature.inputs):
        yield f"{where} has the inputs {sorted(call.inputs)} and not those of signature `{call.signature}`."
        return
    try:
        model.call(call.signature, call.inputs)
    except tf.errors.OpError as error:
        yield f"{where} fails with {call_checks.describe(error)}"


def facts(model, probes, num_warmup_requests):
    """What a good export is known by."""
    differences = [
        call_checks.difference(value, probe.outputs[name])
        for probe in probes.values()
        for name, value in model.call(probe.signature, probe.inputs).items()
        if name not in call_checks.TOLERANCES
    ]
    return {
        "signatures": sorted(model.signatures),
        "num_warmup_requests": num_warmup_requests,
        "largest_difference": max(differences),
        "tensorflow": tf.__version__,
    }
