"""Histograms of one quantity for several groups of examples, on one axis."""

import numpy as np

from tfvae.report.figures.canvas import new_figure, tidy
from tfvae.report.figures.curves import COLOURS

MOST_BINS = 40


def histograms(groups, x_label, marks=()):
    """Shares of each group, outlined so that none hides another; a single group is filled.

    Args:
        groups: {name: values [N]}; the groups may differ in size.
        x_label: What the values are, with their unit.
        marks: (text, value) pairs, drawn as lines across.
    """
    values = np.concatenate([np.asarray(group, "float64") for group in groups.values()])
    edges = np.histogram_bin_edges(values, int(np.clip(np.sqrt(len(values)), 5, MOST_BINS)))
    figure = new_figure(2.8)
    axes = tidy(figure.subplots())
    for (name, group), colour in zip(groups.items(), COLOURS, strict=False):
        weights = np.full(len(group), 1 / len(group))
        style = {"histtype": "step", "linewidth": 1.8} if len(groups) > 1 else {}
        axes.hist(group, edges, weights=weights, color=colour, label=name, **style)
    axes.margins(y=0.12)  # room for the texts of the marks
    for text, value in marks:
        axes.axvline(value, color=COLOURS[-1], linestyle="--", linewidth=1)
        axes.annotate(
            text, (value, 1), xycoords=("data", "axes fraction"), xytext=(3, -9), textcoords="offset points", fontsize=9
        )
    axes.set(xlabel=x_label, ylabel="share of examples")
    if len(groups) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure
