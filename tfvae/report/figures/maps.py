"""A map of the codes of a data set."""

import matplotlib
import numpy as np
from matplotlib.lines import Line2D

from tfvae.report.figures.canvas import BLUE, WIDTH, new_figure, tidy

MAX_POINTS = 5000
MAX_LEGEND = 20
MAX_NAME = 40  # letters: a longer legend would squeeze the map
MIN_RANGE = 3.0  # units of z: on a closer view a collapsed model's noise would look like structure


def latent_map(codes, labels, class_names=()):
    """Codes in a plane, coloured by label: as they are for L = 2, by PCA for more, as a histogram for L = 1.

    Args:
        codes: z_mean of each example, [N, L]; at most `MAX_POINTS`, evenly spread, are drawn.
        labels: Class of each example, integers [N].
        class_names: Names of the classes 0, 1, ...; a class without one is called by its number.
    """
    shown = drawn(len(codes))
    classes, index = np.unique(np.asarray(labels), return_inverse=True)
    colours = class_colours(len(classes))
    draw = _draw_histogram if codes.shape[1] == 1 else _draw_points
    figure = new_figure(WIDTH)
    axes = tidy(figure.subplots())
    draw(axes, np.asarray(codes)[shown], index[shown], colours)
    if 1 < len(classes) <= MAX_LEGEND:
        draw_legend(figure, [class_name(c, class_names) for c in classes], colours)
    return figure


def drawn(num_examples):
    """Indices of the examples that are drawn: all, or `MAX_POINTS` spread evenly over them."""
    return np.linspace(0, num_examples - 1, min(num_examples, MAX_POINTS)).astype(int)


def plane(codes):
    """Two coordinates of codes [N, L], L > 1: -> [N, 2], and the names of the two axes."""
    if codes.shape[1] == 2:
        return codes, ("z0", "z1")
    centred = codes - codes.mean(0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:2]
    points = np.zeros((len(codes), 2))
    points[:, : len(components)] = centred @ components.T  # a single code has a single component
    variance = points.var(0) / max(codes.var(0).sum(), np.finfo("float32").tiny)
    return points, [f"component {i + 1} ({v:.0%} of variance)" for i, v in enumerate(variance)]


def _draw_points(axes, codes, index, colours):
    points, names = plane(codes)
    limit = max(MIN_RANGE, 1.05 * np.abs(points).max())
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel=names[0], ylabel=names[1])
    size = np.clip(4000 / len(points), 3, 30)
    # One collection in the order of the data: drawn class by class, the last class would cover the others.
    axes.scatter(*points.T, c=colours[index], s=size, alpha=0.8, linewidths=0)


def _draw_histogram(axes, codes, index, colours):
    groups = [codes[index == i, 0] for i in range(len(colours))]
    limit = max(MIN_RANGE, 1.05 * np.abs(codes).max())
    axes.hist(groups, bins=40, range=(-limit, limit), stacked=True, color=list(colours))
    axes.set(xlabel="z0", ylabel="examples")


def draw_legend(figure, names, colours):
    """A legend below the figure, row by row."""
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=5, color=colour, label=name)
        for name, colour in zip(names, colours, strict=True)
    ]
    columns = int(np.clip(50 // (max(map(len, names)) + 6), 1, 5))
    by_row = [handle for i in range(columns) for handle in handles[i::columns]]  # matplotlib fills column by column
    figure.legend(handles=by_row, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)


def class_name(label, class_names):
    """The name of a class, cut short, or its number where it has none."""
    name = class_names[label] if 0 <= label < len(class_names) else str(label)
    name = name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 3]}..."
    return name.replace("$", r"\$")  # or matplotlib reads a formula


def class_colours(num_classes):
    """[num_classes, 4]."""
    if num_classes == 1:
        return np.array([matplotlib.colors.to_rgba(BLUE)])
    name = "tab10" if num_classes <= 10 else "tab20" if num_classes <= 20 else "turbo"
    colormap = matplotlib.colormaps[name]
    return colormap(np.arange(num_classes) if num_classes <= 20 else np.linspace(0, 1, num_classes))
