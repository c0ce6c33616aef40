"""fingerprint: what is the same in two exports of the same model, and different in two exports of different ones.

The hashes of TensorFlow's own fingerprint.pb are no help: they depend on names of layers and on the order in which
variables were found, both of which differ from one export of a model to the next.
"""

import hashlib
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfvae.errors import GateError
from tfvae.serving.interfaces import MANIFEST
from tfvae.storage import read_json, sha256_of_arrays, sha256_of_json

# Attributes that hold names, or what TensorFlow notes for itself; functions are named too.
NAME_ATTRIBUTES = {"shared_name", "container", "debug_name", "config_proto", "executor_type"}
BOOKKEEPING = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")


def fingerprint(directory):
    """Hexadecimal SHA-256 of an export's operations, signatures, weights and classes, whatever layers are called.

    Raises:
        GateError: If the export cannot be read.
    """
    try:
        meta_graph = _saved_model(directory).meta_graphs[0]
        found = [_operations(meta_graph.graph_def), _interfaces(meta_graph), _weights(directory)]
        return sha256_of_json([*found, _classes(directory, meta_graph)])
    except (DecodeError, IndexError, tf.errors.OpError, RuntimeError, ValueError) as error:
        raise GateError(f"{directory} cannot be read: {error}") from error


def _saved_model(directory):
    return saved_model_pb2.SavedModel.FromString((Path(directory) / "saved_model.pb").read_bytes())


def _operations(graph_def):
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    return sorted(hashlib.sha256(_operation(node).encode()).hexdigest() for node in nodes)


def _operation(node):
    """The operation and its attributes. A string constant is left out: it is a name or a message."""
    is_string = node.op == "Const" and node.attr["dtype"].type == tf.string.as_datatype_enum
    kept = [name for name in sorted(node.attr) if not name.startswith("_") and name not in NAME_ATTRIBUTES]
    values = [(name, node.attr[name]) for name in kept if not (is_string and name == "value")]
    attributes = {
        name: value.SerializeToString(deterministic=True) for name, value in values if not _is_function(value)
    }
    return repr((node.op, attributes))


def _is_function(value):
    return value.HasField("func") or bool(value.list.func)


def _interfaces(meta_graph):
    """Names, types and shapes of the inputs and outputs of each signature."""
    return sorted(
        [name, kind, key, tensor.dtype, [dim.size for dim in tensor.tensor_shape.dim]]
        for name, signature in meta_graph.signature_def.items()
        for kind, tensors in (("input", signature.inputs), ("output", signature.outputs))
        for key, tensor in tensors.items()
    )


def _weights(directory):
    reader = tf.train.load_checkpoint(str(Path(directory) / "variables" / "variables"))
    keys = set(reader.get_variable_to_shape_map()) - set(BOOKKEEPING)
    return sorted(sha256_of_arrays([reader.get_tensor(key)]) for key in keys)


def _classes(directory, meta_graph):
    """What clients call categories and classes, texts that the operations leave out; [] for what has none."""
    path = Path(directory) / MANIFEST
    manifest = read_json(path) if path.is_file() else {}
    found = [column["categories"] for column in manifest.get("columns", []) if "categories" in column]
    asked = {name for signature in meta_graph.signature_def.values() for name in signature.inputs}
    knows_classes = "condition" in asked or "classify" in meta_graph.signature_def
    return found + ([manifest.get("data", {}).get("class_names", [])] if knows_classes else [])
