"""Planes side by side: the same examples as several models, or several methods, place them."""

import numpy as np

from tfvae.report.figures.canvas import WIDTH, new_figure
from tfvae.report.figures.maps import MAX_LEGEND, MIN_RANGE, class_colours, class_name, draw_legend

MOST_COLUMNS = 3


def planes(panels, labels, class_names=(), has_scale=False):
    """Scatter plots side by side, coloured by label.

    Args:
        panels: {title: (points [N, 2], text below)}, all of the same N examples.
        labels: Class of each example, integers [N]; None, or a single class, leaves all in one colour.
        class_names: Names of the classes 0, 1, ...
        has_scale: Whether distances mean something: axes then show it, and do not zoom in on less than a prior would
            fill, where noise would look like structure.
    """
    labels = np.zeros(len(next(iter(panels.values()))[0]), int) if labels is None else np.asarray(labels)
    classes, index = np.unique(labels, return_inverse=True)
    colours = class_colours(len(classes))
    columns = min(MOST_COLUMNS, len(panels))
    rows, has_legend = -(-len(panels) // columns), 1 < len(classes) <= MAX_LEGEND
    figure = new_figure(rows * (WIDTH / columns + 0.4) + 0.6 * has_legend)
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (title, (points, text)) in zip(cells, panels.items(), strict=False):
        axes.scatter(*np.asarray(points).T, c=colours[index], s=_size(points, columns), alpha=0.8, linewidths=0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(text, fontsize=8)
        _frame(axes, np.asarray(points), has_scale)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    if has_legend:
        draw_legend(figure, [class_name(c, class_names) for c in classes], colours)
    return figure


def _size(points, columns):
    """Area of a dot in square points: what all dots cover stays about the same."""
    return float(np.clip(4000 / len(points) / columns, 1.5, 20))


def _frame(axes, points, has_scale):
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = 1.05 * np.ptp(points, axis=0).max() / 2
    reach = max(reach, MIN_RANGE if has_scale else np.finfo("float32").tiny)
    (left, bottom), (right, top) = centre - reach, centre + reach
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.locator_params(nbins=4)
    axes.tick_params(labelsize=8)
    if not has_scale:
        axes.set(xticks=[], yticks=[])
