"""Rows of images with a text below each column: single examples and the number that belongs to each."""

from typing import NamedTuple

import numpy as np

from tfvae.report.figures.canvas import WIDTH, new_figure
from tfvae.report.figures.grids import EDGE, centres, in_rows, mosaic_of

LEFT = 0.9  # inches, for the labels of rows
LINE = 0.18  # inches, of one line of text


class Block(NamedTuple):
    """Rows of images that belong together, column by column.

    Attributes:
        rows: {label: images [N, H, W, C]}, all of the same N.
        texts: What stands below each column, [N].
    """

    rows: dict
    texts: list


def captioned_rows(blocks, columns):
    """Blocks below one another; a block of more examples than columns goes on below itself.

    Args:
        blocks: `Block`s of images of one size.
        columns: Number of columns.
    """
    lines = [line for block in blocks for line in _lines(block, columns)]
    mosaics = [mosaic_of(images) for _, images, _ in lines]
    width = WIDTH - LEFT - EDGE
    heights = [width * mosaic.shape[0] / mosaic.shape[1] for mosaic in mosaics]
    below = [LINE * (0.6 + max(1 + text.count("\n") for text in texts)) for _, _, texts in lines]
    total = sum(heights) + sum(below) + EDGE
    figure, top = new_figure(total, layout=None), total - EDGE
    for (labels, images, texts), mosaic, height, text in zip(lines, mosaics, heights, below, strict=True):
        axes = figure.add_axes([LEFT / WIDTH, (top - height) / total, width / WIDTH, height / total])
        _draw(axes, mosaic, labels, texts, images.shape[:2])
        top -= height + text
    return figure


def _lines(block, columns):
    """(labels, images [R, columns, H, W, 4], texts) of each line that a block takes."""
    for first in range(0, len(block.texts), columns):
        part = slice(first, first + columns)
        images = np.concatenate([in_rows(images[part], columns) for images in block.rows.values()])
        yield list(block.rows), images, list(block.texts[part])


def _draw(axes, mosaic, labels, texts, shape):
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    axes.set_yticks(centres(mosaic.shape[0], shape[0]), labels)
    axes.set_xticks(centres(mosaic.shape[1], shape[1])[: len(texts)], texts)
