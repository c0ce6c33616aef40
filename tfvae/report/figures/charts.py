"""Charts of numbers: how training went, and what each latent dimension costs."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from tfvae.report.figures.canvas import BLUE, GREY, ORANGE, new_figure, tidy
from tfvae.report.figures.grids import DEAD_RATE
from tfvae.report.wording import words

SPLITS = {"train": BLUE, "validation": ORANGE}
ORDER = ("loss", "negative_elbo", "distortion", "rate")  # then what else was reported
NATS = "nats per example"
UNITS = {"accuracy": "of 1", "multiplier": "factor", "perplexity": "codes"}  # of the few terms that are not in nats


def learning_curves(history):
    """One panel for each term over the epochs, for training and, where there is one, validation.

    Args:
        history: [{"epoch": 1, "train": {term: nats per example}, "validation": {...}}, ...], at least one epoch.
    """
    terms = curve_terms(history)
    figure = new_figure(1.75 * len(terms) + 0.3)
    panels = figure.subplots(len(terms), 1, sharex=True, squeeze=False)[:, 0]
    for axes, term in zip(panels, terms, strict=True):
        _draw_term(tidy(axes), history, term)
    panels[0].legend(frameon=False)
    panels[-1].set_xlabel("epochs")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def curve_terms(history):
    """The terms worth a panel: without `loss` where it is the negative ELBO."""
    terms = sorted(history[-1]["train"], key=lambda term: ORDER.index(term) if term in ORDER else len(ORDER))
    is_elbo = all(np.isclose(r["train"].get("loss", np.nan), r["train"].get("negative_elbo", np.nan)) for r in history)
    return [term for term in terms if not (term == "loss" and is_elbo)]


def rate_bars(rates):
    """Rate of each latent dimension, [L], in nats per example, the highest first."""
    rates = np.asarray(rates)
    order = np.argsort(-rates, kind="stable")
    figure = new_figure(2.8)
    axes = tidy(figure.subplots())
    colours = [BLUE if rates[i] >= DEAD_RATE else GREY for i in order]
    axes.bar(range(len(order)), rates[order], color=colours)
    axes.set_ylim(min(0, rates.min()), max(1.05 * rates.max(), 10 * DEAD_RATE))  # dead ones must look dead
    axes.set_ylabel(NATS)
    axes.set_xlabel("latent dimension")
    step = -(-len(order) // 16)  # more labels would touch each other
    axes.set_xticks(range(0, len(order), step), order[::step], fontsize=9)
    return figure


def _draw_term(axes, history, term):
    for split, colour in SPLITS.items():
        rows = [row for row in history if term in (row.get(split) or {})]
        if rows:
            epochs, values = [row["epoch"] for row in rows], [row[split][term] for row in rows]
            marker = "o" if len(rows) < 15 else None  # a line through one epoch is invisible
            axes.plot(epochs, values, color=colour, label=split, marker=marker, markersize=4)
    axes.set_title(words(term), fontsize=10, loc="left")
    axes.set_ylabel(UNITS.get(term, NATS), fontsize=9)
    _show_what_follows_the_start(axes, history, term)


def _show_what_follows_the_start(axes, history, term):
    """Fits the panel to all epochs but the first tenth, whose fall would flatten all that comes after it."""
    late = [
        row[split][term] for row in history[len(history) // 10 :] for split in SPLITS if term in (row.get(split) or {})
    ]
    low, high = np.min(late), np.max(late)
    margin = 0.08 * (high - low)
    if np.isfinite(margin) and margin > 0:
        axes.set_ylim(low - margin, high + margin)
    if term == "rate":
        axes.set_ylim(bottom=0)  # so that a collapse looks like one
