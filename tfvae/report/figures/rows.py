"""Rows of images under one another, each with its name: the same images as several models see them."""

import numpy as np

from tfvae.report.figures import grids


def labelled_rows(images_of, column_labels=()):
    """One row for each entry of {label: images [N, H, W, C]}, all of the same N.

    Args:
        images_of: The rows; a line break in a label stands.
        column_labels: Texts below the columns, [N] or none.
    """
    return grids.draw_rows(
        np.stack([np.asarray(images) for images in images_of.values()]), list(images_of), column_labels
    )
