"""The signatures that classify and regress take, and the results that their outputs become."""

import numpy as np

from tfvae.serving.server.errors import ServingError


def classify_outputs(signature):
    """The outputs to fetch for classify: `classes`, `scores` or both.

    Raises:
        ServingError: If the signature cannot be classified with.
    """
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise _invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise _precondition("No classification inputs found in SignatureDef: ", signature)
    names = [name for name in ("classes", "scores") if name in signature.outputs]
    if not names:
        text = 'Expected classification signature outputs to contain at least one of "classes" or "scores". '
        raise _precondition(f"{text}Signature was: ", signature)
    return names


def regress_outputs(signature):
    """The one output to fetch for regress: `outputs`.

    Raises:
        ServingError: If the signature cannot be regressed with.
    """
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise _invalid("Expected one output Tensor.")
    for role, names in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if role not in names:
            raise _precondition(f"No regression {role} found in SignatureDef: ", signature)
    return ["outputs"]


def classes(outputs, size):
    """Labels [B, C] and scores [B, C], each None if the model does not give it.

    Raises:
        ServingError: If a shape or type is not that of a classification of `size` examples.
    """
    for name, dtype, type_name in (("classes", object, "DT_STRING"), ("scores", np.float32, "DT_FLOAT")):
        if name in outputs:
            _check_classes(name, outputs[name], dtype, type_name, size)
    labels, scores = outputs.get("classes"), outputs.get("scores")
    if labels is not None and scores is not None and labels.shape != scores.shape:
        widths = f"{labels.shape[1]} vs. {scores.shape[1]}"
        raise _invalid(f"Tensors class and score should match in dim_size(1). Got {widths}")
    return labels, scores


def values(outputs, size):
    """One value for each example, [B], from [B] or [B, 1].

    Raises:
        ServingError: If the shape or type is not that of a regression of `size` examples.
    """
    array = outputs["outputs"]
    if array.ndim != 1 and array.shape[1:] != (1,):
        text = "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got"
        raise _invalid(f"{text} {_shape(array)}")
    if len(array) != size:
        raise _invalid(f"Input batch size did not match output batch size: {size} vs. {len(array)}")
    if array.dtype != np.float32:
        raise _invalid(f"Expected output Tensor of DT_FLOAT.  Got: {_enum(array)}")
    return array.reshape(size)


def _check_classes(name, array, dtype, type_name, size):
    if array.ndim != 2:
        raise _invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if array.dtype != dtype:
        raise _invalid(f"Expected {name} Tensor of {type_name}. Got: {_enum(array)}")
    if len(array) != size:
        raise _invalid(f"Expected {name} output batch size of {size}. Got: {len(array)}")


def _shape(array):
    return f"[{','.join(map(str, array.shape))}]"


def _enum(array):
    name = {"float32": "float", "float64": "double", "object": "string"}.get(array.dtype.name, array.dtype.name)
    return f"DT_{name.upper()}"


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)


def _precondition(message, signature):
    return ServingError("FAILED_PRECONDITION", message + " ".join(str(signature).split()))
