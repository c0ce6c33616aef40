"""What can be read off a SavedModel without running it: the interface of its signatures and the operations in it."""

import tensorflow as tf

DEFAULT_SIGNATURE = "serving_default"
# What TF Serving's REST interface reads and writes; it answers anything else with an error.
REST_DTYPES = (
    *(tf.float32, tf.float64, tf.bool, tf.string),
    *(tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64),
)
PYTHON_OPERATIONS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}  # they call the Python process that made the graph
XLA_ATTRIBUTES = ("_XlaMustCompile", "_XlaCompile")


def signature_set_problems(signatures):
    """Problems of the signatures as a whole."""
    if not signatures:
        yield "It has no signatures."
    elif DEFAULT_SIGNATURE not in signatures:
        yield f"It has no signature `{DEFAULT_SIGNATURE}`, which a request without a name calls."


def interface_problems(name, signature):
    """Problems of one signature's inputs and outputs: batching needs a free first axis on every one of them."""
    if not signature.inputs:
        yield f"Signature `{name}` has no inputs, and REST cannot call it."
    for kind, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        for key, tensor in sorted(tensors.items()):
            where = f"Signature `{name}`, {kind} `{key}`"
            dims = tensor.tensor_shape.dim
            if tensor.tensor_shape.unknown_rank:
                yield f"{where}: its rank is not known, so nor is its batch axis."
            elif not dims:
                yield f"{where}: it is a scalar, without a batch axis."
            elif dims[0].size != -1:
                yield f"{where}: its batch size is fixed at {dims[0].size}."
            if tf.as_dtype(tensor.dtype) not in REST_DTYPES:
                yield f"{where}: REST cannot carry {tf.as_dtype(tensor.dtype).name}."


def operation_problems(graph_def):
    """Operations that a server cannot run: Python's, and XLA's, which TF Serving switches off by default.

    An operation that TensorFlow does not know never comes so far: the graph does not load.
    """
    functions = graph_def.library.function
    nodes = [*graph_def.node, *(node for function in functions for node in function.node_def)]
    operations = {node.op for node in nodes}
    for operation in sorted(operations & PYTHON_OPERATIONS):
        yield f"Operation {operation} calls Python, which a server does not have."
    for operation in sorted(operations):
        if operation.lstrip("_").startswith("Xla"):
            yield f"Operation {operation} needs XLA, which TF Serving switches off by default."
    for attribute in XLA_ATTRIBUTES:
        if any(holder.attr[attribute].b for holder in (*nodes, *functions) if attribute in holder.attr):
            yield f"A function has the attribute {attribute} (jit_compile=True), and TF Serving switches XLA off."
