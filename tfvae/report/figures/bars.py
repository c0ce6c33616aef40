"""Bars with error bars, a panel for each quantity: of classes side by side, of latent dimensions below one another."""

import numpy as np

from tfvae.report.figures.canvas import BLUE, GREY, new_figure, tidy

_MOST_TICKS = 17


def bars_of_names(names, panels):
    """Horizontal bars: names down the side, panels side by side.

    Args:
        names: Texts, [N].
        panels: {label: (values [N], standard errors [N])}.
    """
    figure = new_figure(0.9 + 0.24 * len(names))
    place = np.arange(len(names))
    for axes, (label, (values, errors)) in zip(_panels(figure, 1, len(panels)), panels.items(), strict=True):
        tidy(axes).barh(place, values, xerr=np.nan_to_num(errors), color=BLUE, ecolor=GREY, capsize=2)
        axes.set_yticks(place, names, fontsize=9)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=4)
    axes.invert_yaxis()  # which all panels share
    return figure


def bars_of_dimensions(dimensions, panels, is_dead):
    """Vertical bars: dimensions along the bottom, panels below one another, dead dimensions grey.

    Args:
        dimensions: Numbers of the latent dimensions in the order to draw, [N].
        panels: {label: (values [N], standard errors [N] or None)}.
        is_dead: Whether each is dead, [N].
    """
    figure = new_figure(0.4 + 1.9 * len(panels))
    place, colours = np.arange(len(dimensions)), np.where(is_dead, GREY, BLUE)
    for axes, (label, (values, errors)) in zip(_panels(figure, len(panels), 1), panels.items(), strict=True):
        errors = None if errors is None else np.nan_to_num(errors)
        tidy(axes).bar(place, values, yerr=errors, color=colours, ecolor=GREY, capsize=2)
        axes.set_ylabel(label)
    step = -(-len(place) // _MOST_TICKS)  # more labels would touch each other
    axes.set_xticks(place[::step], [str(dimension) for dimension in dimensions[::step]], fontsize=8)
    axes.set_xlabel("latent dimension")
    return figure


def _panels(figure, rows, columns):
    return figure.subplots(rows, columns, squeeze=False, sharex=rows > 1, sharey=columns > 1).ravel()
