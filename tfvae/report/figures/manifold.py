"""A decoded plane of codes: an image at each point of a grid."""

from tfvae.report.figures import grids
from tfvae.report.wording import fixed

LABELS = 5  # along an axis: more would touch each other


def manifold(images, across, down):
    """Images [R, C, H, W, channels] with the coordinates of some columns and rows.

    Args:
        images: The decoded grid.
        across: First coordinate of each column, [C].
        down: Second coordinate of each row, [R].
    """
    return grids.draw_rows(images, _texts(down, "z1 = "), _texts(across, ""))


def _texts(values, prefix):
    """A text for about five of the values, the first and the last among them, and nothing for the others."""
    last = len(values) - 1
    shown = {round(i * last / (LABELS - 1)) for i in range(LABELS)}
    return [prefix + fixed(value, 1) if i in shown else "" for i, value in enumerate(values)]
