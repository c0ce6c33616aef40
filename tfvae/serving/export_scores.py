"""export_scores: what an export, loaded as TF Serving loads it, scores examples with."""

import numpy as np
import tensorflow as tf

from tfvae.errors import GateError
from tfvae.serving.interfaces import recorded_interface, request_of
from tfvae.serving.standalone.call_checks import describe
from tfvae.serving.standalone.served_model import ServedModel


def answers_of(directory, signature, batches):
    """What a signature of an export answers to examples, each seeded by its index.

    Args:
        directory: The export.
        signature: Name of a signature that takes x.
        batches: Iterable of {"x": [B, ...], "index": int64 [B], maybe "condition": [B, K]}.

    Returns:
        {output: array [N, ...]}.

    Raises:
        GateError: If the export cannot be loaded, or does not take the examples.
    """
    interface, model = recorded_interface(directory), _loaded(directory)
    if signature not in model.signatures:
        raise GateError(f"{directory} has no signature `{signature}`.")
    names = list(model.signatures[signature].inputs)
    try:
        answers = [model.call(signature, request_of(interface, batch, names)) for batch in batches]
    except KeyError as error:
        raise GateError(f"{directory} asks for an input {error} that this data has not.") from error
    except (tf.errors.OpError, ValueError) as error:
        raise GateError(f"{directory} does not take these examples: {_sentence(error)}") from error
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def _loaded(directory):
    try:
        return ServedModel(directory)
    except Exception as error:  # whatever ails the file, TensorFlow has an exception of its own for it
        raise GateError(f"{directory} cannot be loaded: {' '.join(str(error).split())[:300]}") from error


def _sentence(error):
    return describe(error) if isinstance(error, tf.errors.OpError) else str(error)
