"""Families of curves: the same quantities over the epochs for several runs, a panel for each quantity."""

import matplotlib
import numpy as np

from tfvae.report.figures.canvas import new_figure, tidy
from tfvae.report.figures.curves import COLOURS

LOWEST = 1e-3  # of a logarithmic panel
SHOWN = (0.08, 0.88)  # of the colour map: its ends cannot be seen on white or on black paper


def families(panels, x_label, logarithmic=(), is_ordered=False):
    """Panels below one another, in each a line for each run, of one colour in all panels.

    Args:
        panels: {label of y: {run: (x [N], y [N])}}.
        x_label: What x is, with its unit.
        logarithmic: Labels of the panels with a logarithmic scale, which ends at 0.001.
        is_ordered: Whether the runs are an ordered family, and their colours a scale.
    """
    names = list(next(iter(panels.values())))
    colours = dict(zip(names, _scale(len(names)) if is_ordered else np.resize(COLOURS, len(names)), strict=True))
    figure = new_figure(2.1 * len(panels) + 0.4 + 0.2 * -(-len(names) // 4))
    cells = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, lines) in zip(cells, panels.items(), strict=True):
        _draw(tidy(axes), lines, colours, label in logarithmic)
        axes.set_ylabel(label, fontsize=9)
    cells[-1].set_xlabel(x_label)
    figure.legend(*cells[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _draw(axes, lines, colours, is_logarithmic):
    for name, (x, y) in lines.items():
        y = np.maximum(y, LOWEST) if is_logarithmic else np.asarray(y)
        axes.plot(x, y, color=colours[name], label=name, linewidth=1.5, marker="o" if len(y) == 1 else None)
    if is_logarithmic:
        axes.set_yscale("log")
        return
    late = np.concatenate([np.asarray(y)[len(y) // 10 :] for _, y in lines.values()])  # the first fall hides the rest
    margin = 0.08 * np.ptp(late)
    if margin > 0:
        axes.set_ylim(late.min() - margin, late.max() + margin)


def _scale(number):
    return matplotlib.colormaps["viridis"](np.linspace(*SHOWN, number))
