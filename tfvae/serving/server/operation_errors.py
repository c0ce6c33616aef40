"""TensorFlow's errors as a client may see them: the code stays, nodes, stacks and paths go."""

import re

import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2

from tfvae.serving.server.errors import ServingError

_CODE_NAMES = {number: name for name, number in error_codes_pb2.Code.items()}
# "\n\t [[{{node a/b}}]]", or "[[{{function_node f}}{{node a}}]]", and what follows it: hints, original stack traces.
_NODE = re.compile(r"\s*\[\[\{\{(?:function_)?node .*", re.DOTALL)
# What tf.data puts around the message of an op: "{{function_node f}} ... [Op:IteratorGetNext] name: ".
_EAGER = re.compile(r"^\{\{function_node [^}]*\}\} | \[Op:\w+\].*$", re.DOTALL)
# An absolute path: a slash at the beginning or after what cannot belong to a name ("dense/bias" is a name).
_PATH = re.compile(r"(?<![\w.\]})/-])(?:[a-z][a-z0-9+.-]*:/)?/+[^\s:;,'\"()\[\]{}<>/][^\s:;,'\"()\[\]{}<>]*")
_MAX_LENGTH = 1024


def run_error(error):
    """The ServingError of a tf.errors.OpError that a call raised."""
    return ServingError(_CODE_NAMES[error.error_code], clean(error.message))


def load_error(error, directory):
    """The ServingError of anything that loading `directory` raised."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        return run_error(error)
    if not tf.io.gfile.glob(f"{directory}/saved_model.pb*"):
        return ServingError("NOT_FOUND", "Could not find SavedModel .pb or .pbtxt at supplied export directory path")
    message = clean(str(error).replace(str(directory), "the model's directory"))
    if isinstance(error, RuntimeError):  # no MetaGraphDef with the tag "serve"
        return ServingError("NOT_FOUND", message)
    return ServingError("DATA_LOSS" if isinstance(error, OSError) else "UNKNOWN", message)


def clean(message):
    """A message without nodes, stacks and absolute paths, and of bounded length."""
    return _PATH.sub("<path>", _EAGER.sub("", _NODE.sub("", message)))[:_MAX_LENGTH]
