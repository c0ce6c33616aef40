"""A folder of image files, of which only the names are held; a file that cannot be read costs its own row alone."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfvae.data.files import EXTENSIONS
from tfvae.data.preprocessing import decode_image, scale
from tfvae.errors import DataError
from tfvae.scoring.examples.inputs import check_wanted, fingerprint_of_files
from tfvae.scoring.rows import Rows, indices_of
from tfvae.serving.server.operation_errors import clean

OPERATION = re.compile(r"\{\{.*?\}\} ?| ?\[Op:\w+\].*", re.DOTALL)  # what TensorFlow adds to a message
READERS = 16  # threads: what is read may lie behind a network


class FolderExamples:
    """The PNG and JPEG files below a folder, in the order of their names; hidden ones are ignored.

    A file's class is the sub-folder of the folder that it lies in. For a signature of image files the model decodes,
    else this does, to the model's number of channels, in the same way.

    Args:
        path: The folder.
        interface: The `Interface` of the model.

    Raises:
        ConfigError: If the signature asks for something else than images or image files.
        DataError: If there is no such folder, or no image in it.
    """

    name = "file"

    def __init__(self, path, interface):
        if not os.path.isdir(path):
            raise DataError(f"There is no folder `{path}`.")
        check_wanted(interface.wanted, ["images", "image_bytes"], "a folder of images")
        (self.input,) = interface.wanted
        self.path, self.image_shape = path, interface.wanted[self.input].shape
        self.files = sorted(_image_names(path), key=lambda name: name.split("/"))
        if not self.files:
            raise DataError(f"`{path}` holds no images: no file that ends in {', '.join(EXTENSIONS)}.")
        self.num_examples = len(self.files)
        self.class_names = tuple(sorted({name.split("/")[0] for name in self.files if "/" in name}))
        self.has_labels = bool(self.class_names)

    def fingerprint(self):
        return fingerprint_of_files(self.path, self.files, missing_ok=True)

    def read(self, cut, parts):
        with ThreadPoolExecutor(READERS) as pool:
            for span in cut.batches(parts):
                files = self.files[span.start : span.stop]
                yield self._rows(span, files, list(pool.map(self._outcome, files)))

    def _rows(self, span, files, outcomes):
        errors = {place: error for place, (_, error) in enumerate(outcomes) if error}
        if self.input == "images":
            values = np.stack([np.zeros(self.image_shape, "uint8") if error else value for value, error in outcomes])
            values = scale(tf.constant(values)).numpy()
        else:
            values = np.array([value for value, _ in outcomes], object)
        labels = [name.split("/")[0] if "/" in name else None for name in files] if self.has_labels else None
        # A name may be any bytes, and a record holds text.
        names = [os.fsencode(name).decode("utf-8", "backslashreplace") for name in files]
        return Rows(indices_of(span), {self.input: values}, names, labels, errors)

    def _outcome(self, name):
        """(bytes or pixels, None), or (b"", why it could not be read)."""
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                content = file.read()
            return (content if self.input == "image_bytes" else self._pixels(content)), None
        except OSError as error:
            return b"", f"it cannot be read: {error.strerror}"
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            return b"", clean(OPERATION.sub("", str(error)))

    def _pixels(self, content):
        with tf.device("CPU:0"):
            return decode_image(content, self.image_shape).numpy()


def _image_names(root):
    """Names of all image files below a folder, relative to it; links to folders are followed at the top alone."""
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                yield from _images_among([entry.name])
                continue
            for folder, subfolders, names in os.walk(entry.path, onerror=_refuse):
                subfolders[:] = [name for name in subfolders if not name.startswith(".")]
                below = os.path.relpath(folder, root)
                yield from (f"{below}/{name}" for name in _images_among(names))


def _images_among(names):
    return [name for name in names if not name.startswith(".") and name.lower().endswith(EXTENSIONS)]


def _refuse(error):
    raise DataError(f"`{error.filename}` cannot be read: {error.strerror}.") from error
