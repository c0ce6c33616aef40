"""Charts over a few choices, evenly spaced: what each makes of several quantities, and ranges with a value in each."""

import numpy as np

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy

FAR = 10.0  # times the median distance from the median: what lies further leaves the frame


def over_choices(choices, panels, x_label="", joined=True):
    """Panels below one another, in each a point with its error for each choice.

    Args:
        choices: Texts, [N].
        panels: {label of y: (values [N], standard errors [N] or None)}.
        x_label: What the choices are.
        joined: Whether they are ordered, and a line joins the points.
    """
    figure, places = new_figure(1.5 * len(panels) + 0.5), np.arange(len(choices))
    cells = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, (values, errors)) in zip(cells, panels.items(), strict=True):
        errors = None if errors is None else np.nan_to_num(errors)
        style = {"color": BLUE, "ecolor": GREY, "marker": "o", "markersize": 5, "capsize": 2}
        tidy(axes).errorbar(places, values, yerr=errors, linestyle="-" if joined else "", **style)
        axes.set_ylabel(label, fontsize=9)
        axes.margins(x=0.1, y=0.15)
        if joined:  # else a point outside could not be seen to be there
            _keep_near(axes, np.asarray(values, "float64"))
    cells[-1].set_xticks(places, choices)
    cells[-1].set_xlabel(x_label)
    return figure


def ranges(names, lows, highs, values, errors, x_label):
    """A bar from low to high for each name, and on it the value that was found; the axis is logarithmic from 0.1 on.

    Args:
        names: Texts, [N].
        lows: Where each range begins, [N], from 0 up.
        highs: Where it ends, [N].
        values: What was found, [N].
        errors: Standard errors, [N].
        x_label: What they are.
    """
    figure, places = new_figure(0.9 + 0.32 * len(names)), np.arange(len(names))
    axes = tidy(figure.subplots())
    lows, highs = np.asarray(lows), np.asarray(highs)
    axes.barh(places, highs - lows, left=lows, height=0.6, color=GREY, alpha=0.45, label="theory")
    style = {"color": ORANGE, "marker": "o", "markersize": 5, "linestyle": "", "capsize": 2}
    axes.errorbar(values, places, xerr=np.nan_to_num(errors), label="found", **style)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(places, names, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel(x_label)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _keep_near(axes, values):
    """Fits the panel to the values that are not far off from the rest."""
    distances = np.abs(values - np.median(values))
    near = values[distances <= FAR * max(np.median(distances), np.finfo("float32").tiny)]
    if len(near) > len(values) / 2 and len(near) < len(values) and np.ptp(near) > 0:
        margin = 0.15 * np.ptp(near)
        axes.set_ylim(near.min() - margin, near.max() + margin)
