"""Responses: one quantity over the values of several parameters, a panel for each parameter."""

from typing import NamedTuple

import numpy as np

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy
from tfvae.report.figures.value_axis import ValueAxis, frame

MOST_IN_ONE_COLUMN = 3  # panels
MANY = 60  # trials: their points are smaller
JITTER = 0.22
TREND = "#3f9e5f"


class Response(NamedTuple):
    """What one panel shows.

    Attributes:
        axis: The `ValueAxis` of the parameter.
        x: Place of each trial on it, [N].
        y: What the trial reached, [N].
        error: Its standard error, [N]; NaN where there is none.
        best: Index of the trial to mark, or None.
        trend: (left, right, lower quartile, median, upper quartile) of the trials in each range.
        failed: Places of trials that failed, [F].
    """

    axis: ValueAxis
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray
    best: int | None
    trend: list
    failed: np.ndarray


def responses(panels, y_label, keep=()):
    """Points with error bars, and in each range of values the median and the quartiles of the trials in it.

    All panels share one scale; a trial far off from the others is a small triangle at the edge. Failed trials are
    crosses along the bottom.

    Args:
        panels: `Response`s.
        y_label: What was reached, with its unit.
        keep: Values that must be in the frame.
    """
    columns = 1 if len(panels) <= MOST_IN_ONE_COLUMN else 2
    rows = -(-len(panels) // columns)
    figure = new_figure((2.4 if columns == 1 else 2.0) * rows + 0.5)
    cells = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    low, high = frame(np.concatenate([panel.y for panel in panels]), 0.12, keep)
    for axes, panel in zip(cells, panels, strict=False):
        axes.set_ylim(low, high)
        _draw(tidy(axes), panel, low, high)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    figure.supylabel(y_label, fontsize=9)
    _legend(figure, cells, panels)
    return figure


def outside(y, low, high):
    """Which values leave a frame: [(marker, where the triangle stands, indices)]."""
    return [("^", high, np.flatnonzero(np.asarray(y) > high)), ("v", low, np.flatnonzero(np.asarray(y) < low))]


def _draw(axes, panel, low, high):
    for left, right, lower, middle, upper in panel.trend:
        axes.fill_between([left, right], lower, upper, color=TREND, alpha=0.22, linewidth=0, label="quartiles")
        axes.plot([left, right], [middle, middle], color=TREND, linewidth=2, label="median", zorder=4)
    style = {"color": BLUE, "ecolor": GREY, "marker": "o", "linestyle": "", "elinewidth": 1, "alpha": 0.85}
    size, x = 4 if len(panel.x) <= MANY else 2.5, panel.axis.spread(panel.x, JITTER)
    axes.errorbar(x, panel.y, yerr=np.nan_to_num(panel.error), label="trial", zorder=3, markersize=size, **style)
    for marker, edge, which in outside(panel.y, low, high):
        place = np.full(len(which), edge)
        axes.scatter(x[which], place, marker=marker, s=18, color=BLUE, clip_on=False, zorder=4)
    if panel.best is not None:
        place = x[panel.best], panel.y[panel.best]
        axes.scatter(*place, marker="*", s=110, color=ORANGE, zorder=5, label="best trial")
    if len(panel.failed):
        bottom = np.full(len(panel.failed), 0.03)
        transform = axes.get_xaxis_transform()
        failed = panel.axis.spread(panel.failed, JITTER)
        axes.scatter(failed, bottom, marker="x", s=22, color=GREY, transform=transform, label="failed")
    panel.axis.draw(axes, "x")
    axes.tick_params(axis="y", labelsize=8)


def _legend(figure, cells, panels):
    found = {}
    for axes in cells[: len(panels)]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    names = [name for name in ("trial", "best trial", "median", "quartiles", "failed") if name in found]
    handles = [found[name] for name in names]
    figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=8, handlelength=1.4)
