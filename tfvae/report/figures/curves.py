"""Curves: one quantity over another, for several models, with error bars."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy

COLOURS = (BLUE, ORANGE, "#3f9e5f", "#a864c4", "#c9a227", "#d1495b", "#2a9d9d", GREY)
MARKERS = "osD^vPX*"
MOST_TICKS = 10


def curves(series, x_label, y_label, log_x=False, log_y=False, lines=True, height=3.2):
    """One line with marks for each series.

    Args:
        series: {name: {"x": [N], "y": [N], "error": [N] or None, "labels": texts [N] or None}}; `labels` stand at the
            points. A name that begins with an underscore stays out of the legend.
        x_label: What x is, with its unit.
        y_label: What y is, with its unit.
        log_x: Whether x is drawn by its logarithm.
        log_y: Whether y is.
        lines: Whether the points of a series are joined.
        height: Of the figure, in inches.
    """
    figure = new_figure(height)
    axes = tidy(figure.subplots())
    for number, (name, points) in enumerate(series.items()):
        _draw(axes, name, points, number, lines)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
    for axis in [axis for axis, is_log in ((axes.xaxis, log_x), (axes.yaxis, log_y)) if is_log]:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    places = sorted({float(x) for points in series.values() for x in points["x"]})
    if log_x and len(places) <= MOST_TICKS and len(places) <= max(len(points["x"]) for points in series.values()):
        axes.set_xticks(places)  # the values that were tried, where all series share them
    if len([name for name in series if not name.startswith("_")]) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


def _draw(axes, name, points, number, lines):
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    x, y, error = np.asarray(points["x"]), np.asarray(points["y"]), points.get("error")
    axes.errorbar(
        x,
        y,
        yerr=None if error is None else np.nan_to_num(np.asarray(error)),
        color=colour,
        marker=marker if len(x) < 30 else None,
        markersize=5,
        linestyle="-" if lines else "",
        capsize=2,
        label=name,
    )
    for text, *point in zip(points.get("labels") or (), x, y, strict=False):
        axes.annotate(text, point, xytext=(4, 4), textcoords="offset points", fontsize=8)
