"""Trade-offs: what trials make of two quantities at once, and the front that none of them passes."""

from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, WIDTH, new_figure, tidy
from tfvae.report.figures.value_axis import frame, near

MARK = "#a864c4"
NUM_SUMS = 5  # lines of equal sum


class TradeOff(NamedTuple):
    """What one panel shows of N trials.

    Attributes:
        labels: What x and what y is, with their units.
        directions: "min" or "max" of x and of y.
        x: [N].
        y: [N].
        x_error: Standard errors, [N]; NaN where there is none.
        y_error: Standard errors, [N].
        front: Whether each is on the front, [N].
        outlawed: Whether each breaks a bound, [N].
    """

    labels: tuple
    directions: tuple
    x: np.ndarray
    y: np.ndarray
    x_error: np.ndarray
    y_error: np.ndarray
    front: np.ndarray
    outlawed: np.ndarray


def trade_off(panels, joined=True, marks=None, sums=False):
    """Trials as points with error bars in two directions, those on the front in another colour.

    Args:
        panels: `TradeOff`s, below one another.
        joined: Whether a staircase joins the front: what lies beyond it no trial reached.
        marks: {text: index of the trial}; "default" is a diamond, any other a star.
        sums: Whether lines of equal x + y are drawn.
    """
    figure = new_figure(0.8 * WIDTH * len(panels))
    cells = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, panel in zip(cells, panels, strict=True):
        x_limits, y_limits = limits(panel, marks)
        axes.set(xlim=x_limits, ylim=y_limits)
        if sums:
            _draw_sums(axes, panel.x + panel.y)
        _draw(tidy(axes), panel, joined)
        for text, index in (marks or {}).items():
            style = {"s": 60, "marker": "D"} if text == "default" else {"s": 190, "marker": "*"}
            style |= {"facecolors": "none", "edgecolors": MARK, "linewidths": 1.6}
            axes.scatter(panel.x[index], panel.y[index], label=text, zorder=6, **style)
        axes.set_xlabel(panel.labels[0], fontsize=9)
        axes.set_ylabel(panel.labels[1], fontsize=9)
        axes.tick_params(labelsize=8)
    handles, labels = cells[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def limits(panel, marks=None):
    """The frame of a panel, ((left, right), (bottom, top)): trials far off leave it, but neither front nor marks."""
    kept = panel.front.copy()
    kept[list((marks or {}).values())] = True
    return tuple(frame(values, 0.1, values[kept]) for values in (panel.x, panel.y))


def num_outside(panel, marks=None):
    """Number of trials that leave the frame."""
    (left, right), (bottom, top) = limits(panel, marks)
    return int(np.sum((panel.x < left) | (panel.x > right) | (panel.y < bottom) | (panel.y > top)))


def _draw(axes, panel, joined):
    plain = ~panel.front & ~panel.outlawed
    groups = (("trial", plain, BLUE, BLUE), ("breaks a bound", panel.outlawed, GREY, "none"))
    for label, which, colour, fill in (*groups, ("on the front", panel.front, ORANGE, ORANGE)):
        if which.any():
            errors = {"xerr": np.nan_to_num(panel.x_error[which]), "yerr": np.nan_to_num(panel.y_error[which])}
            style = {"marker": "o", "linestyle": "", "markersize": 5, "elinewidth": 0.9, "ecolor": GREY}
            style |= {"markeredgecolor": colour, "markerfacecolor": fill, "zorder": 3 + panel.front[which].any()}
            axes.errorbar(panel.x[which], panel.y[which], label=label, **errors, **style)
    if joined and panel.front.sum() > 1:
        order = np.flatnonzero(panel.front)[np.argsort(panel.x[panel.front], kind="stable")]
        where = "steps-post" if panel.directions[0] == "min" else "steps-pre"
        axes.plot(panel.x[order], panel.y[order], drawstyle=where, color=ORANGE, linewidth=1.2, zorder=2)


def _draw_sums(axes, totals):
    """Dotted lines of equal x + y over the range of the trials, each with its value where it enters the frame."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    line = np.array([left, right])
    low, high = near(totals)
    for total in MaxNLocator(NUM_SUMS).tick_values(low, high) if high > low else ():
        axes.plot(line, total - line, color=GREY, linewidth=0.7, linestyle=":", zorder=1)
        place = (left, total - left) if total - left < top else (total - top, top)
        if bottom < place[1] and left <= place[0] < left + 0.9 * (right - left):
            axes.annotate(f"{total:g}", place, xytext=(3, -9), textcoords="offset points", fontsize=7)
