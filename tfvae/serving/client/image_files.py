"""Image files as rows of a request: read when their turn comes, so that a folder of any size can be asked about."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from tfvae.errors import DataError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # pillow's names of grey, colours, and colours with transparency


def are_files(x):
    """Whether x is the path of a file or its bytes, or a list of such."""
    first = x[0] if isinstance(x, list | tuple) and x else x
    return isinstance(first, str | bytes | os.PathLike)


class ImageFiles:
    """Rows of a request, `files[start:stop]`, from image files.

    Args:
        files: A path, the bytes of a file, or a list of such.
        image_shape: (H, W, C) of the model, which every file must have.
        read: The name of a file, its bytes, its image in pillow and C -> a row: `encoded` or `decoded`.
    """

    def __init__(self, files, image_shape, read):
        self._files = list(files) if isinstance(files, list | tuple) else [files]
        self._image_shape, self._read = image_shape, read

    def __len__(self):
        return len(self._files)

    def __getitem__(self, rows):
        return [self._row(file) for file in self._files[rows]]

    def _row(self, file):
        name, content = _content(file)
        try:
            image = Image.open(io.BytesIO(content))
            self._check_size(name, image)
            return self._read(name, content, image, self._image_shape[-1])
        except (OSError, EOFError, SyntaxError, Image.DecompressionBombError):
            raise DataError(f"{name} is no image that pillow can read, or a damaged one.") from None

    def _check_size(self, name, image):
        height, width, _ = self._image_shape
        if image.size != (width, height):
            size = f"{image.width} x {image.height} pixels, and the model takes {width} x {height}"
            raise DataError(f"{name} has {size}: resize it first.")


def encoded(name, content, image, channels):
    """The file as it is, for a server that decodes."""
    return content


def decoded(name, content, image, channels):
    """Pixels, float32 [H, W, C] in [0, 1], for a signature that takes those."""
    if image.mode.startswith(("I", "F")):  # pillow would cut 16 bits off at 255
        raise DataError(f"{name} has more than 8 bits for each pixel: convert it to 8 first.")
    levels = np.asarray(image.convert(MODES[channels]), "float32")
    return levels.reshape(image.height, image.width, channels) / np.float32(255)


def _content(file):
    if isinstance(file, bytes):
        return "The file", file
    try:
        return file, Path(file).read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
