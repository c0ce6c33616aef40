"""asking: an export asked over REST and gRPC as its clients will, and its answers held against the training process."""

from pathlib import Path

import numpy as np

from tfvae.errors import GateError, TfvaeError
from tfvae.serving.client import Client
from tfvae.serving.standalone.call_checks import answer_problems
from tfvae.serving.standalone.prediction_log import read_calls

TIMEOUT = 120.0  # seconds for one request: the first one to a signature may be slow


def ask(directory, urls, model):
    """Asks servers of an export every signature, three rows at a time and one.

    Args:
        directory: The export, whose probes hold the answers of the training process.
        urls: Where servers of it listen: http://HOST:PORT for REST, grpc://HOST:PORT for gRPC.
        model: Name of the model there.

    Returns:
        {"urls": [...], "num_requests": ...}.

    Raises:
        ConfigError: If a URL is none, or gRPC's is given where that is not installed.
        GateError: If an answer is missing or another one, one line for each.
    """
    calls = read_calls(Path(directory) / "assets.extra" / "tfvae_probes")
    problems = [problem for url in urls for problem in _problems(url, model, calls)]
    if problems:
        raise GateError("\n".join([f"{directory} must not be served:", *problems]))
    return {"urls": list(urls), "num_requests": 2 * len(calls) * len(urls)}


def _problems(url, model, calls):
    asked = Client(url, model, timeout=TIMEOUT)  # a wrong URL is no fault of the export
    try:
        with asked as client:
            there, expected = set(client.signatures), {call.signature for call in calls}
            if there != expected:
                yield f"{url}: it has the signatures {sorted(there)}, and the training process {sorted(expected)}."
                return
            for call in calls:
                yield from _call_problems(url, client, call)
    except TfvaeError as error:
        yield f"{url}: {error}"


def _call_problems(url, client, call):
    for rows in (slice(None), slice(1)):
        inputs, expected = (
            {name: value[rows] for name, value in tensors.items()} for tensors in (call.inputs, call.outputs)
        )
        where = f"{url}, signature `{call.signature}`, {len(next(iter(inputs.values())))} rows"
        yield from answer_problems(where, _as_recorded(client.predict(call.signature, inputs)), expected)


def _as_recorded(outputs):
    """Texts as the bytes that TensorFlow has for them."""
    return {name: _encoded(value) if value.dtype == object else value for name, value in outputs.items()}


def _encoded(texts):
    return np.array([text.encode() if isinstance(text, str) else text for text in texts.ravel()], object).reshape(
        texts.shape
    )
