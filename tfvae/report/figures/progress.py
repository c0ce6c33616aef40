"""Progress of a search: what each trial reached, and the best so far."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy
from tfvae.report.figures.responses import outside
from tfvae.report.figures.value_axis import frame


def progress(numbers, values, errors, best, kinds, failed, y_label):
    """Points over the number of the trial, and a line of the best so far.

    Args:
        numbers: Number of each completed trial, [N].
        values: What it reached, [N].
        errors: Its standard error, [N]; NaN where there is none.
        best: The best so far after each, [N]; NaN before there is one.
        kinds: {text of the legend: whether each is of that kind, [N]}; the first kind is filled.
        failed: Numbers of failed trials, [F].
        y_label: What was reached, with its unit.
    """
    figure = new_figure(3.0)
    axes = tidy(figure.subplots())
    low, high = frame(values, 0.1, best[np.isfinite(best)][-1:])
    for number, (label, which) in enumerate(kinds.items()):
        if which.any():
            style = {"marker": "os^"[number], "linestyle": "", "markersize": 4.5, "elinewidth": 1, "ecolor": GREY}
            style |= {"color": BLUE} if number == 0 else {"markeredgecolor": GREY, "markerfacecolor": "none"}
            axes.errorbar(numbers[which], values[which], yerr=np.nan_to_num(errors[which]), label=label, **style)
    for marker, edge, which in outside(values, low, high):
        axes.scatter(numbers[which], np.full(len(which), edge), marker=marker, s=18, color=BLUE, clip_on=False)
    if len(failed):
        transform = axes.get_xaxis_transform()
        axes.scatter(failed, [0.03] * len(failed), marker="x", s=22, color=GREY, transform=transform, label="failed")
    axes.plot(numbers, best, color=ORANGE, drawstyle="steps-post", linewidth=1.8, label="best so far")
    axes.set_ylim(low, high)
    axes.set_xlabel("trial")
    axes.set_ylabel(y_label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure
