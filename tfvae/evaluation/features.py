"""Features: what images are compared by, from an extractor that is named, or from any function."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

NAMED_LAYER = ".keras:"


class Extractor(NamedTuple):
    """Images -> features. Figures made from features can be compared for the same extractor only.

    Attributes:
        function: Images [B, H, W, C] in [0, 1] -> features [B, F].
        name: What it is called in reports.
        sha256: Hash of its weights, hexadecimal; None where they are not known.
    """

    function: Callable
    name: str
    sha256: str | None = None

    def __call__(self, x):
        return self.function(x)


def features_of(extractor, batches):
    """Features of batches of {"x": [B, H, W, C], ...}, out of core: float32 [N, F].

    Raises:
        ValueError: If what the extractor gives is not [B, F], or not finite.
    """
    return np.concatenate([features_of_batch(extractor, batch["x"]) for batch in batches])


def features_of_batch(extractor, x):
    """Features of images [B, H, W, C] as a NumPy array, float32 [B, F]; the errors are those of `features_of`."""
    features = np.asarray(extractor(x), "float32")
    if features.ndim != 2 or len(features) != len(x):
        raise ValueError(f"An extractor must give features [{len(x)}, F]. Received: {list(features.shape)}")
    if not np.all(np.isfinite(features)):
        raise ValueError("An extractor must give finite features. Received: NaN or infinite values")
    return features


def load_extractor(path, image_shape):
    """The extractor that a path names, fitted to images.

    A Keras file gives its output, or with "model.keras:layer" that of the layer of this name; a SavedModel the output
    of "serving_default". Images are fitted to what the model takes: resized (bilinear, without aliasing), and one grey
    channel repeated. They come in [0, 1]: a scaling to other values must be part of the model.

    Args:
        path: A Keras file, with a layer's name or without, or the folder of a SavedModel.
        image_shape: Height, width and number of channels of the images.

    Raises:
        ValueError: If there is no such model or layer, or its input or output is another one than images -> features.
    """
    path = str(path)
    if path.endswith(".keras") or NAMED_LAYER in path:
        function, inputs, outputs, sha256 = _from_keras(path)
    elif (Path(path) / "saved_model.pb").is_file():
        function, inputs, outputs, sha256 = _from_saved_model(Path(path))
    else:
        raise ValueError(f"An extractor must be a Keras file or the folder of a SavedModel. Received: {path}")
    _check(path, inputs, outputs, image_shape)
    fitted = tf.function(lambda x: function(_fitted(x, inputs)), reduce_retracing=True)
    return Extractor(fitted, path, sha256)


def keras_extractor(model, name, layer=None):
    """The `Extractor` of a Keras model's output, or of the output of one of its layers.

    Raises:
        ValueError: If there is no such layer.
    """
    function = model if layer is None else _up_to(model, layer)
    return Extractor(tf.function(function, reduce_retracing=True), name, sha256_of_weights(function))


def sha256_of_weights(model):
    """Hexadecimal SHA-256 of the weights of a Keras model, with their shapes and in their order."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(repr((weight.dtype.str, weight.shape)).encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _from_keras(path):
    """(function, shape of its input, shape of its output, hash)."""
    import keras

    file, named, layer = path.partition(NAMED_LAYER)
    file = file + ".keras" if named else path
    if not Path(file).is_file():
        raise ValueError(f"An extractor must be a file that exists. Received: {file}")
    try:
        model = keras.models.load_model(file, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"{file} cannot be loaded: {_first_line(error)}") from error
    model = _up_to(model, layer) if named and getattr(model, "inputs", None) else model
    if len(getattr(model, "inputs", None) or ()) != 1 or len(model.outputs) != 1:
        raise ValueError(f"An extractor must be a functional Keras model of one input and one output. Received: {path}")
    return model, tuple(model.inputs[0].shape), tuple(model.outputs[0].shape), sha256_of_weights(model)


def _up_to(model, layer):
    """The part of a functional model that ends with a layer."""
    import keras

    names = [part.name for part in model.layers]
    if layer not in names:
        raise ValueError(f"`{layer}` must be one of the model's layers. Received: {', '.join(names)}")
    return keras.Model(model.inputs, model.get_layer(layer).output)


def _from_saved_model(path):
    """(function, shape of its input, shape of its output, hash of its files)."""
    try:
        model = tf.saved_model.load(str(path))
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise ValueError(f"{path} cannot be loaded: {_first_line(error)}") from error
    signature = model.signatures.get("serving_default")
    if signature is None:
        raise ValueError(f"An extractor must have the signature `serving_default`. Received: {path}")
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"`serving_default` must have one input and one output. Received: {[*inputs]}, {[*outputs]}")
    ((key, spec),), ((output, result),) = inputs.items(), outputs.items()
    if spec.dtype != tf.float32:
        raise ValueError(f"`serving_default` must take float32 images. Received: {spec.dtype.name}")
    function = lambda x, model=model: signature(**{key: x})[output]  # noqa: E731 (the model has to stay alive)
    return function, _shape(spec), _shape(result), _sha256_of_files(path)


def _first_line(error):
    return str(error).partition("\n")[0]


def _shape(spec):
    return tuple(spec.shape) if spec.shape.rank is not None else ()


def _sha256_of_files(path):
    digest = hashlib.sha256()
    for file in [path / "saved_model.pb", *sorted((path / "variables").glob("*"))]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _check(path, inputs, outputs, image_shape):
    if len(inputs) != 4 or inputs[0] is not None:
        raise ValueError(f"An extractor must take batches of images [B, H, W, C]. Received: {path} of {list(inputs)}")
    channels = image_shape[-1]
    if inputs[3] not in (None, channels) and channels != 1:
        raise ValueError(f"An extractor must take images of {channels} channels. Received: {path} of {list(inputs)}")
    if len(outputs) != 2:
        raise ValueError(
            "An extractor must give features [B, F]; name a layer that does, as in model.keras:layer. "
            f"Received: {path} of {list(outputs)}"
        )


def _fitted(x, shape):
    """Images in the size and with the channels of a shape (B, H, W, C), in which None leaves them as they are."""
    size = [wanted or own for wanted, own in zip(shape[1:3], x.shape[1:3], strict=True)]
    if size != list(x.shape[1:3]):
        x = tf.image.resize(x, size, antialias=True)
    return tf.repeat(x, shape[3], axis=3) if shape[3] and x.shape[3] == 1 else x
