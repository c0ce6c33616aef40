"""Figures of several runs: their learning curves over one another, their metrics with error bars."""

import matplotlib
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tfvae.report.figures.canvas import GREY, new_figure, tidy
from tfvae.report.figures.charts import NATS, UNITS
from tfvae.report.figures.curves import COLOURS, MARKERS

MOST_LETTERS = 24  # of a run's name
LEGEND_LETTERS = 52  # in a row of the legend
STYLES = {"validation": {"linestyle": "-", "linewidth": 1.6}, "train": {"linestyle": ":", "linewidth": 1.0}}


def curves_of_runs(histories, panels):
    """A panel for each term over the epochs, validation solid and training dotted, a colour for each run.

    Args:
        histories: {name of the run: its history}.
        panels: {title: (name of the term, names of the runs that are drawn)}.
    """
    figure = new_figure(1.9 * len(panels) + 0.8)
    places = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    colours = _colours(len(histories))
    for axes, (title, (term, names)) in zip(places, panels.items(), strict=True):
        for (name, history), colour in zip(histories.items(), colours, strict=True):
            if name in names:
                _draw_history(axes, history, term, colour)
        tidy(axes).set_title(title, fontsize=10, loc="left")
        axes.set_ylabel(UNITS.get(term, NATS), fontsize=9)
        _show_what_follows_the_start(axes, [histories[name] for name in names], term)
    places[-1].set_xlabel("epochs")
    places[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    drawn = {name for _, names in panels.values() for name in names}
    _legend(figure, {name: c for name, c in zip(histories, colours, strict=True) if name in drawn})
    return figure


def dots_of_runs(names, panels):
    """Values as dots with error bars, the runs down the side, a panel for each metric.

    Args:
        names: Names of the runs, [N].
        panels: {label: (values [N], standard errors [N])}, both NaN where a run has none.
    """
    figure = new_figure((0.6 + 0.24 * len(names)) * len(panels) + 0.2)
    places, colours = np.arange(len(names)), _colours(len(names))
    for axes, (label, (values, errors)) in zip(
        figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels.items(), strict=True
    ):
        for place, colour in zip(places, colours, strict=True):
            error = np.nan_to_num(errors[place])
            marker = MARKERS[place % len(MARKERS)]
            axes.errorbar(values[place], place, xerr=error, color=colour, marker=marker, capsize=3, markersize=5)
        axes.set_yticks(places, [plain(name) for name in names], fontsize=9)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.margins(x=0.12)
        tidy(axes).set_title(label, fontsize=10, loc="left")
    return figure


def plain(name):
    """A run's name as matplotlib writes it: not too long, and no formula."""
    name = name if len(name) <= MOST_LETTERS else f"...{name[3 - MOST_LETTERS :]}"
    return name.replace("$", r"\$")


def _draw_history(axes, history, term, colour):
    for split, style in STYLES.items():
        rows = [row for row in history if term in (row.get(split) or {})]
        epochs, values = [row["epoch"] for row in rows], [row[split][term] for row in rows]
        marker = "o" if len(rows) < 15 else None  # a line through one epoch is invisible
        axes.plot(epochs, values, color=colour, marker=marker, markersize=3, **style)


def _show_what_follows_the_start(axes, histories, term):
    """Fits the panel to all epochs but each run's first tenth, whose fall would flatten all that comes after it."""
    late = [
        row[split][term]
        for history in histories
        for row in history[len(history) // 10 :]
        for split in STYLES
        if term in (row.get(split) or {})
    ]
    low, high = np.min(late), np.max(late)
    margin = 0.08 * (high - low)
    if np.isfinite(margin) and margin > 0:
        axes.set_ylim(low - margin, high + margin)


def _legend(figure, colours):
    """Names of runs {name: colour}, and what solid and dotted lines are."""
    handles = [Line2D([], [], color=colour, label=plain(name)) for name, colour in colours.items()]
    handles += [
        Line2D([], [], color=GREY, label=split, linestyle=style["linestyle"]) for split, style in STYLES.items()
    ]
    longest = max(len(handle.get_label()) for handle in handles)
    columns = int(np.clip(LEGEND_LETTERS // (longest + 6), 1, 4))
    by_row = [handle for i in range(columns) for handle in handles[i::columns]]  # matplotlib fills column by column
    figure.legend(handles=by_row, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)


def _colours(number):
    if number <= len(COLOURS):
        return COLOURS[:number]
    return [matplotlib.colors.to_hex(c) for c in matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, number))]
