"""Many learning curves in one panel, in a few groups of which one stands out."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy
from tfvae.report.figures.value_axis import near

STYLES = (  # the first group is drawn last, over the others
    {"color": ORANGE, "linewidth": 2.2},
    {"color": BLUE, "linewidth": 1.0, "alpha": 0.6},
    {"color": GREY, "linewidth": 1.0, "alpha": 0.8, "linestyle": "--"},
)
MANY = 50  # curves of a group: drawn thinner
FIRST = 0.1  # share of a curve whose fall would flatten all that comes after it
LAST = 0.98  # share of what follows that the panel must hold


def many_curves(groups, x_label, y_label):
    """A line for each curve; where one ends there is a dot.

    Args:
        groups: {name: [(x [N], y [N]), ...]}, at most three; the first stands out.
        x_label: What x is, with its unit.
        y_label: What y is, with its unit.
    """
    figure = new_figure(3.2)
    axes = tidy(figure.subplots())
    for number, (name, lines) in reversed(list(enumerate(groups.items()))):
        style = STYLES[number] | ({"linewidth": 0.4} if len(lines) > MANY else {})
        for place, (x, y) in enumerate(lines):
            axes.plot(x, y, label=name if place == 0 else None, **style)
            axes.plot(x[-1:], y[-1:], marker="o", markersize=3, color=style["color"])
    _fit(axes, [line for lines in groups.values() for line in lines])
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _fit(axes, lines):
    """Shows the later part of the curves, but for those that ended far above the others."""
    highest = near([y[-1] for _, y in lines])[1]
    longest = max(len(y) for _, y in lines)
    late = [np.asarray(y, "float64")[int(FIRST * longest) :] for _, y in lines if y[-1] <= highest]
    late = np.concatenate([values[np.isfinite(values)] for values in late] or [np.empty(0)])
    if len(late) and np.ptp(late) > 0:
        low, high = late.min(), np.quantile(late, LAST)
        margin = 0.08 * (high - low)
        axes.set_ylim(low - margin, high + margin)
