"""Shares as bars, beside a line for what chance alone would give."""

import numpy as np

from tfvae.report.figures.canvas import BLUE, GREY, new_figure, tidy
from tfvae.report.figures.value_axis import plain


def shares(names, values, errors, chance, x_label):
    """Horizontal bars; those that do not exceed chance are grey.

    Args:
        names: Texts, [N].
        values: [N].
        errors: Their spread, [N].
        chance: What chance alone reaches.
        x_label: What the values are.
    """
    figure = new_figure(1.1 + 0.32 * len(names))
    axes, place = tidy(figure.subplots()), np.arange(len(names))
    colours = [BLUE if value > chance else GREY for value in values]
    axes.barh(place, values, xerr=errors, color=colours, ecolor=GREY, capsize=2, height=0.65)
    axes.axvline(chance, color=GREY, linestyle="--", linewidth=1)
    axes.annotate("chance", (chance, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), fontsize=8,
                  textcoords="offset points", ha="center")  # fmt: skip
    axes.set_yticks(place, [plain(name) for name in names], fontsize=9)
    axes.set_xlim(left=min(0.0, *values))
    axes.invert_yaxis()
    axes.set_xlabel(x_label, fontsize=9)
    return figure
