"""What PNG and JPEG make of the same images, all of them on one sheet, so that a file's header counts once."""

import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image


class Coded(NamedTuple):
    """Images after a codec.

    Attributes:
        bits_per_dimension: Size of the file in bits, for each pixel and channel.
        images: What comes back, float32 [N, H, W, C].
    """

    bits_per_dimension: float
    images: np.ndarray


def can_be_coded(image_shape):
    """Whether PNG and JPEG have this number of channels."""
    return image_shape[-1] in (1, 3)


def png(images):
    """Images [N, H, W, C] in [0, 1] as one PNG, with one bit for each pixel where all are black or white."""
    is_binary = images.shape[-1] == 1 and not np.any((images != 0) & (images != 1))
    return _coded(images, "1" if is_binary else None, format="PNG", optimize=True)


def jpeg(images, quality):
    """Images as one JPEG of the given quality, 1 to 95."""
    return _coded(images, None, format="JPEG", quality=quality, optimize=True)


def _coded(images, mode, **options):
    sheet, file = _sheet(images), io.BytesIO()
    picture = Image.fromarray(sheet.squeeze(-1) if sheet.shape[-1] == 1 else sheet)
    (picture.convert(mode, dither=Image.Dither.NONE) if mode else picture).save(file, **options)
    decoded = np.asarray(Image.open(file).convert("L" if sheet.shape[-1] == 1 else "RGB"), "float32") / 255
    return Coded(8 * file.tell() / images.size, _images(decoded.reshape(sheet.shape), images.shape))


def _sheet(images):
    """[N, H, W, C] in [0, 1] -> uint8 [R H, columns W, C], filled up with black images."""
    n, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(n))
    padded = np.zeros((columns * math.ceil(n / columns), height, width, channels), "uint8")
    padded[:n] = np.rint(images * 255)
    rows = padded.reshape(-1, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, columns * width, channels)


def _images(sheet, shape):
    """The opposite of `_sheet`."""
    n, height, width, channels = shape
    rows = sheet.reshape(sheet.shape[0] // height, height, sheet.shape[1] // width, width, channels)
    return rows.transpose(0, 2, 1, 3, 4).reshape(-1, height, width, channels)[:n]
