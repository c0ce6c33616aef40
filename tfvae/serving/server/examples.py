"""tf.Example: what classify and regress take, from JSON and from gRPC's Input, as serialised examples."""

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2 as types

from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.json_document import show, string_bytes
from tfvae.serving.server.json_values import decode_base64, float_precision, is_base64, json_type


def read_examples(document):
    """The examples of a JSON request, each after the shared `context`, if there is one.

    Returns:
        Serialised tf.Examples, bytes [B].

    Raises:
        ServingError: With the feature that is wrong.
    """
    fields = document.fields
    context = _example(fields["context"]) if "context" in fields else b""
    if "examples" not in fields:
        text = "When method is classify, key 'examples' is expected and was not found"
        raise _invalid(f"JSON Value: {show(fields)} {text}")
    examples = fields["examples"]
    if not isinstance(examples, list):
        raise _invalid(f"JSON Value: {show(fields)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise _invalid(f"JSON Value: {show(fields)} 'examples' value is an empty array")
    return _array([context + _example(example) for example in examples])


def serialise(request_input):
    """The examples of a gRPC Input, bytes [B].

    Raises:
        ServingError: If there is none.
    """
    kind = request_input.WhichOneof("kind")
    examples = getattr(request_input, kind).examples if kind else ()
    if not examples:
        raise _invalid("Input is empty.")
    # Two serialised messages in a row are their union: so a context is shared.
    context = request_input.example_list_with_context.context.SerializeToString()
    return _array([context + example.SerializeToString() for example in examples])


def _example(value):
    if not isinstance(value, dict):
        raise _invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    example = tf.train.Example()
    for name, content in value.items():
        _fill(example.features.feature[name], name, content if isinstance(content, list) else [content])
    return example.SerializeToString(deterministic=True)


def _fill(feature, name, values):
    for value in values:
        kind, element = _element(name, value)
        if feature.WhichOneof("kind") not in (None, kind):
            expected = feature.WhichOneof("kind").removesuffix("_list")
            raise _invalid(f"Unexpected element type in feature: {name} expecting type: {expected}")
        getattr(feature, kind).value.append(element)


def _element(name, value):
    """The kind of feature list that a JSON value belongs to, and the element: 2 is an int64 and 2.0 a float."""
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, str):
        return "bytes_list", string_bytes(value)
    if is_base64(value):
        return "bytes_list", decode_base64(value)
    if isinstance(value, int):
        if value >= 2**63:
            raise _invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        return "int64_list", value
    if isinstance(value, float):
        float_precision(value, types.DT_FLOAT)
        return "float_list", value
    raise _invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")


def _array(examples):
    array = np.empty(len(examples), object)
    array[:] = examples
    return array


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
