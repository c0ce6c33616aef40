"""Examples in an .npz or .npy file: images and labels as `tfvae.data` names them, or any inputs by their own names."""

from itertools import repeat

import numpy as np

from tfvae.data.factors import FACTOR_KEYS, NAMES_KEY
from tfvae.data.files import IMAGE_KEYS, LABEL_KEYS
from tfvae.errors import ConfigError, DataError
from tfvae.scoring.examples.inputs import check_shape, check_wanted, fingerprint_of_files
from tfvae.scoring.examples.stored_array import StoredArray, array_names
from tfvae.scoring.rows import Rows, indices_of

NUM_PROBED = 1024  # images of dSprites to tell by that 1 is white


class ArrayExamples:
    """Rows of arrays. Images are integers from 0 to 255, booleans, or floating-point numbers from 0 to 1, as they are.

    Args:
        path: The file.
        interface: The `Interface` of the model. What it asks for is the array of that name, `z` for `decode`; images
            may also be called `x` or `imgs`, or `x_train` and `x_test`. In an .npy file it is the only array.
        split: "train" or "test" where the file has both; None takes "test" where there is one, else "train".

    Raises:
        ConfigError: If the file does not hold what the signature asks for.
        DataError: If it is damaged, an array has another shape than the model takes, or labels are no integers.
    """

    name, class_names = None, ()

    def __init__(self, path, interface, split=None):
        self.path, self.wanted = path, interface.wanted
        keys, label = _keys(path, array_names(path), interface.wanted, split)
        self.arrays = {name: StoredArray(path, key) for name, key in keys.items()}
        self.label = None if label is None else StoredArray(path, label)
        self.has_labels = label is not None
        sizes = {array.shape[0] if array.shape else 0 for array in [*self.arrays.values(), *filter(None, [self.label])]}
        self.num_examples = min(sizes)
        if len(sizes) > 1 or not self.num_examples:
            raise DataError(f"`{path}` must hold as many labels as examples, and at least one. Their numbers: {sizes}.")
        if self.has_labels and (self.label.dtype.kind not in "bui" or self.label.shape[1:] not in ((), (1,))):
            received = f"dtype {self.label.dtype}, shape {list(self.label.shape)}"
            raise DataError(f"{self.label.place}: labels must be integers, one for each example. Received: {received}")
        for name, array in self.arrays.items():
            check_shape(self._shape(name, array), self.wanted[name].shape, array.place)
        self.scales = {name: self._highest(name, array) for name, array in self.arrays.items()}

    def fingerprint(self):
        return fingerprint_of_files(self.path.parent, [self.path.name])

    def read(self, cut, parts):
        streams = {name: array.read(cut.batches(parts)) for name, array in self.arrays.items()}
        labels = self.label.read(cut.batches(parts)) if self.has_labels else repeat(None)
        batches = zip(*streams.values(), strict=True)
        for span, values, classes in zip(cut.batches(parts), batches, labels, strict=False):
            inputs = {name: self._values(name, value) for name, value in zip(streams, values, strict=True)}
            names = None if classes is None else [str(int(label)) for label in classes.ravel()]
            yield Rows(indices_of(span), inputs, labels=names)

    def _values(self, name, values):
        dtype, shape = self.wanted[name]
        values = values.reshape(len(values), *shape) if None not in shape else values
        return values.astype(dtype) / np.array(self.scales[name], dtype) if name == "images" else values.astype(dtype)

    def _shape(self, name, array):
        """The shape of an example; grey images need no axis of channels."""
        return (*array.shape[1:], 1) if name == "images" and len(array.shape) == 3 else array.shape[1:]

    def _highest(self, name, array):
        """What is white."""
        if name != "images" or array.dtype.kind in "fb":
            return 1
        is_dsprites = "latents_classes" in array_names(self.path)  # 0 and 1, as `tfvae.data` knows
        probed = next(array.read([range(min(NUM_PROBED, self.num_examples))])) if is_dsprites else np.array(255)
        return 1 if probed.max() <= 1 else 255


def _keys(path, names, wanted, split):
    """{input: name of its array}, and the name of the array of labels or None."""
    if names == [""]:
        check_wanted(wanted, list(wanted)[:1], f"`{path}`")
        return {name: "" for name in wanted}, None
    split = split or ("test" if "x_test" in names else "train")
    ending = f"_{split}" if f"x_{split}" in names else ""
    labels = [f"y{ending}"] if ending else LABEL_KEYS
    label = next((key for key in labels if key in names), None)
    if set(wanted) == {"images"}:
        images = [f"x{ending}"] if ending else _images_among(names)
        if len(images) != 1:
            raise ConfigError(f"`{path}` must hold one array of images, `x` or `images`. Its arrays: {sorted(names)}.")
        return {"images": images[0]}, label
    check_wanted(wanted, names, f"`{path}`")
    return {name: name for name in wanted}, label


def _images_among(names):
    others = {*LABEL_KEYS, *FACTOR_KEYS, NAMES_KEY, "metadata", "latents_values"}
    known = [key for key in IMAGE_KEYS if key in names]
    return known[:1] or [key for key in names if key not in others]
