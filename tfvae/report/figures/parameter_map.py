"""A map over two parameters: trials as coloured points, and behind them what a model of them expects in between."""

from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tfvae.report.figures.canvas import GREY, ORANGE, new_figure, tidy
from tfvae.report.figures.value_axis import near

COLOURS = matplotlib.colormaps["viridis"]
STRONGEST = 0.65  # opacity of the field where it is surest, so that points stand out from it
JITTER = 0.32  # of the space between two choices: trials of the same choice lie beside one another
STEPS = (0.6180339887, 0.7548776662)  # whose multiples together fill a square evenly
MANY = 60  # trials: their points are smaller


class Field(NamedTuple):
    """What is expected between the trials.

    Attributes:
        x: Edges of the columns of cells, [C + 1].
        y: Edges of the rows of cells, [R + 1].
        mean: Expected value of each cell, [R, C].
        sureness: How much is known of it, from 0 (nothing) to 1 (all), [R, C].
    """

    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    sureness: np.ndarray


def parameter_map(axes_of, x, y, score, label, best=None, failed=(), field=None):
    """Points coloured by score, the best one a star, failed ones crosses.

    Args:
        axes_of: The `ValueAxis` of x and that of y.
        x: Places of trials along the bottom, [N].
        y: Places up the side, [N].
        score: What they reached, [N].
        label: What that is, with its unit.
        best: Index of the trial to mark, or None.
        failed: (x [F], y [F]) of trials that failed.
        field: A `Field`, or None.
    """
    figure = new_figure(4.0)
    axes, scale = tidy(figure.subplots()), Normalize(*_apart(*near(score)))
    if field is not None:
        colours = COLOURS(scale(field.mean))
        colours[..., 3] = STRONGEST * np.clip(field.sureness, 0, 1)
        axes.pcolormesh(field.x, field.y, colours, linewidth=0, rasterized=True)
    x, y = (axis.spread(places, JITTER, step) for axis, places, step in zip(axes_of, (x, y), STEPS, strict=True))
    size = 46 if len(x) <= MANY else 20
    axes.scatter(x, y, s=1.7 * size, color="white", linewidths=0, zorder=3, clip_on=False)  # seen on any colour
    axes.scatter(x, y, c=COLOURS(scale(score)), s=size, edgecolors="black", linewidths=0.5, zorder=3, clip_on=False)
    if best is not None:
        axes.scatter(
            x[best],
            y[best],
            marker="*",
            s=190,
            color=ORANGE,
            edgecolors="black",
            linewidths=0.8,
            zorder=5,
            clip_on=False,
        )
    if len(failed) and len(failed[0]):
        failed = [a.spread(places, JITTER, step) for a, places, step in zip(axes_of, failed, STEPS, strict=True)]
        axes.scatter(*failed, marker="x", s=30, color=GREY, zorder=4, clip_on=False)
    for side, axis in zip("xy", axes_of, strict=True):
        axis.draw(axes, side)
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=axes, location="top", aspect=40, extend="both", pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure


def _apart(low, high):
    return (low, high) if high > low else (low - 0.5, high + 0.5)
