"""A table of numbers as colours, each number written on its cell."""

import numpy as np

from tfvae.report.figures.canvas import new_figure


def heatmap(values, row_labels, column_labels, decimals=2):
    """A matrix [R, C] with a label for each row and column; dark on light paper is the highest value.

    Args:
        values: Numbers from 0 up, [R, C]; estimates a little below it are drawn as 0.
        row_labels: Texts, [R].
        column_labels: Texts, [C].
        decimals: Of the numbers on the cells.
    """
    values = np.asarray(values, "float64")
    figure = new_figure(0.8 + 0.32 * len(values))
    axes = figure.subplots()
    top = max(float(values.max(initial=0)), np.finfo("float32").tiny)
    for (row, column), value in np.ndenumerate(values):
        _cell(axes, row, column, float(np.clip(value / top, 0, 1)), f"{max(value, 0):.{decimals}f}")
    axes.set(xlim=(-0.5, values.shape[1] - 0.5), ylim=(len(values) - 0.5, -0.5))
    axes.set_xticks(range(values.shape[1]), column_labels, fontsize=9)
    axes.set_yticks(range(len(values)), row_labels, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _cell(axes, row, column, share, text):
    # A patch with an opacity, and not imshow: it is right on light and on dark paper.
    axes.fill_between([column - 0.48, column + 0.48], row - 0.46, row + 0.46, color="#3987c9", alpha=0.8 * share, lw=0)
    axes.text(column, row, text, ha="center", va="center", fontsize=9)
