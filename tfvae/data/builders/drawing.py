"""The drawn shapes: their grid of factors, their geometry, and the rendering of any of their 737,280 images.

The factor grid is that of dSprites (https://github.com/google-deepmind/dsprites-dataset) without its constant colour;
the drawings are our own:

* Each outline has its centroid at the position and, at scale 1, an area of 22.6^2 = 510.8 pixels: neither the number of
  white pixels nor their centre of mass tells one shape from another.
* Orientation k turns the shape counter-clockwise by 2 pi k / 40. dSprites takes `linspace(0, 2 pi, 40)`, whose first
  and last orientations are the same.
* Position k is the centre of pixel 16 + k, columns from the left and rows from the top: a step is one pixel exactly.
* A pixel is 255 if its centre lies inside the outline, else 0: no anti-aliasing, as in dSprites. Outlines larger or
  smaller by a millionth would change no pixel: rounding cannot, so every machine draws the same images.
* The farthest point of any outline is 16 pixels from its centre: nothing is ever cut off.
"""

import functools

import numpy as np
import tensorflow as tf

FACTORS = ("shape", "scale", "orientation", "x_position", "y_position")
SIZES = (3, 6, 40, 32, 32)
SHAPES = ("square", "ellipse", "heart")
VALUES = (
    np.arange(1.0, 4.0),
    np.linspace(0.5, 1.0, 6),
    2 * np.pi * np.arange(40) / 40,
    np.linspace(0.0, 1.0, 32),
    np.linspace(0.0, 1.0, 32),
)
NUM_IMAGES = int(np.prod(SIZES))
IMAGE_SHAPE = (64, 64, 1)

SIDE = 22.6  # pixels, of the square at scale 1; an integer or 16 sqrt(2) would put pixel centres on an outline
FIRST_CENTRE = 16  # pixel
REACH = 17  # pixels from the centre to the edge of a stamp; the outermost ring is empty
ELLIPSE_AXES = (np.sqrt(1.5 / np.pi), np.sqrt(1 / 1.5 / np.pi))  # sides; area 1, axes 3 : 2
HEART_AREA, HEART_CENTROID = 3.661972, 0.293480  # of (u^2 + v^2 - 1)^3 <= u^2 v^3, by numerical integration

STRIDES = NUM_IMAGES // np.cumprod(SIZES)


def classes_of(indices):
    """Factor classes of images by their index in C order, the last factor fastest: int64 [...] -> int64 [..., 5]."""
    return indices[..., None] // STRIDES % np.array(SIZES)


def indices_of(classes):
    """Index of each image in C order, the inverse of `classes_of`: int64 [..., 5] -> int64 [...]."""
    return tf.reduce_sum(classes * STRIDES, -1)


def factor_values(classes):
    """Values of factor classes as dSprites counts them: int64 [..., 5] -> float32 [..., 5].

    Shape 1, 2, 3; scale 0.5 to 1; orientation in radians, counter-clockwise; positions 0 to 1, rightward and downward.
    """
    columns = [tf.gather(tf.constant(v, "float32"), classes[..., i]) for i, v in enumerate(VALUES)]
    return tf.stack(columns, -1)


def render(classes):
    """Draws images from their factor classes: int64 [B, 5] -> uint8 [B, 64, 64, 1], each pixel 0 or 255."""
    shape, scale, orientation, x, y = tf.unstack(tf.cast(classes, "int32"), axis=1)
    pose = (shape * SIZES[1] + scale) * SIZES[2] + orientation
    row, column = _stamp_pixels(y), _stamp_pixels(x)
    width = 2 * REACH + 1
    pixels = ((pose[:, None] * width + row) * width)[:, :, None] + column[:, None, :]
    return tf.gather(stamps(), pixels)[..., None]


@functools.cache
def stamps():
    """Every shape, scale and orientation drawn around its centre, flat, uint8 [3 * 6 * 40 * 35 * 35]."""
    # Outside any graph and off any accelerator: tf.data takes it by reference, on the CPU.
    with tf.init_scope(), tf.device("CPU:0"):
        return tf.constant(np.ravel(levels(REACH) <= 0) * np.uint8(255))


def levels(reach):
    """How far inside each outline the pixels around its centre lie: below 0 inside, 0 on it, above 0 outside.

    Args:
        reach: Number R of pixels from the centre to the edge of the window.

    Returns:
        float64 [3, 6, 40, 2 R + 1, 2 R + 1]: shape, scale, orientation, row, column.
    """
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    angle = VALUES[2][:, None, None]
    side = SIDE * VALUES[1][:, None, None, None]
    u = (np.cos(angle) * right - np.sin(angle) * down) / side
    v = (-np.sin(angle) * right - np.cos(angle) * down) / side
    return np.stack([_square(u, v), _ellipse(u, v), _heart(u, v)])


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - 0.5


def _ellipse(u, v):
    return np.hypot(u / ELLIPSE_AXES[0], v / ELLIPSE_AXES[1]) - 1


def _heart(u, v):
    u, v = u * np.sqrt(HEART_AREA), v * np.sqrt(HEART_AREA) + HEART_CENTROID
    return (u**2 + v**2 - 1) ** 3 - u**2 * v**3


def _stamp_pixels(position):
    """Which row or column of the stamp each one of the image shows, int32 [B, 64]; beyond it, the empty outermost."""
    offset = tf.range(IMAGE_SHAPE[0]) - FIRST_CENTRE - position[:, None]
    return tf.clip_by_value(offset, -REACH, REACH) + REACH
