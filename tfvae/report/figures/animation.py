"""Moving pictures: tiles that change together, each with its name."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfvae.report.figures.grids import rgba
from tfvae.report.section import Animation

TILE = 64  # pixels
GAP, LETTERS = 6, 11  # pixels
PAPER, INK = 255, 35  # grey levels; one file serves light and dark pages
MOST_ENLARGED = 24  # times


def tiles(images, labels, columns, seconds=0.08, tile=TILE):
    """Tiles in rows, each with a text below it.

    Args:
        images: Frames of all tiles, [T, N, H, W, C] in [0, 1].
        labels: Text of each tile, [N]; may have several lines.
        columns: Number of tiles in a row.
        seconds: How long each frame is shown.
        tile: Longer side of a tile in pixels, at least; smaller images are enlarged.
    """
    factor = min(MOST_ENLARGED, -(-tile // max(np.shape(images)[2:4])))
    num_channels = 3 if np.shape(images)[-1] == 3 else 1  # grey frames make a file of a third of the size
    frames = np.rint(255 * rgba(images)[..., :num_channels]).astype("uint8").repeat(factor, 2).repeat(factor, 3)
    num_frames, number, height, width, _ = frames.shape
    below = LETTERS * max(1 + label.count("\n") for label in labels) + GAP
    places = [(GAP + i // columns * (height + below + GAP), GAP + i % columns * (width + GAP)) for i in range(number)]
    paper = _paper(places, labels, height, (places[-1][0] + height + below, GAP + min(columns, number) * (width + GAP)))
    moving = np.tile(paper[..., np.newaxis], (num_frames, 1, 1, num_channels))
    for place, (top, left) in enumerate(places):
        moving[:, top : top + height, left : left + width] = frames[:, place]
    return Animation(moving if num_channels == 3 else moving[..., 0], seconds)


def _paper(places, labels, height, size):
    """The texts, uint8 [H, W]."""
    image = Image.new("L", (size[1], size[0]), PAPER)
    font = ImageFont.load_default(LETTERS)
    for (top, left), label in zip(places, labels, strict=True):
        ImageDraw.Draw(image).text((left, top + height + 1), label, INK, font, spacing=0)
    return np.asarray(image)
