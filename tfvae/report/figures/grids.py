"""Grids of images: what the model rebuilds, invents, and makes of walks through the latent space."""

import numpy as np

from tfvae.report import walks
from tfvae.report.figures.canvas import WIDTH, new_figure
from tfvae.report.wording import MINUS

MAX_DIMENSIONS = 128  # rows of a traversal: beyond it the picture would outgrow a browser
DEAD_RATE = 0.01  # nats: a dimension with less tells the decoder next to nothing
MIN_COLUMNS = 4  # so that two images do not fill the page
EDGE = 0.04  # inches


def image_grid(images, columns=10):
    """Images [N, H, W, C], row by row."""
    return draw_rows(in_rows(images, _columns(images, columns)))


def reconstructions(x, reconstructed, columns=10):
    """Images x [N, H, W, C], and below each row of them the row of their reconstructions."""
    columns = _columns(x, columns)
    pairs = np.stack([in_rows(x, columns), in_rows(reconstructed, columns)], 1)
    labels = ["original", "rebuilt"] * len(pairs)
    return draw_rows(pairs.reshape(-1, *pairs.shape[2:]), labels)


def interpolations(model, x, steps=8, condition=None):
    """Straight lines in the latent space between the images 0 and 1, 2 and 3, ... of x [N, H, W, C], decoded."""
    ends = ["first\nimage", *[""] * (steps - 2), "second\nimage"]
    return draw_rows(walks.interpolate(model, x, steps, condition), column_labels=ends)


def traversals(model, x, rates=None, steps=7, condition=None):
    """The code of x[0], one dimension at a time set to values from -3 to 3, decoded; x [N, H, W, C].

    Args:
        model: A model whose z may be any real vector.
        x: Images; the first is the one whose code is changed.
        rates: Rate of each dimension, [L], in nats per example: the order of the rows. None keeps the model's order.
        steps: Number of values.
        condition: What each image depends on, [N, K], for a conditional model.
    """
    shown = order_of(model.latent_size, rates)
    images = walks.traverse(model, x[:1], shown, walks.values(steps), None if condition is None else condition[:1])
    hidden = model.latent_size - len(shown)
    note = f"{hidden} more dimensions are not shown" if hidden else ""
    labels = [_dimension_label(i, rates) for i in shown]
    return draw_rows(images, labels, [f"{value:.3g}".replace("-", MINUS) for value in walks.values(steps)], note)


def order_of(latent_size, rates=None):
    """The latent dimensions in the order of a traversal's rows: by their rates [L], the highest first, if there are."""
    order = np.arange(latent_size) if rates is None else np.argsort(-np.asarray(rates), kind="stable")
    return order[:MAX_DIMENSIONS]


def _dimension_label(i, rates):
    if rates is None:
        return f"z{i}"
    return f"z{i}{' (dead)' if rates[i] < DEAD_RATE else ''}\n{max(rates[i], 0):.2f} nats"


def _columns(images, columns):
    return min(columns, max(MIN_COLUMNS, len(images)))


def in_rows(images, columns):
    """[N, H, W, C] -> RGBA [R, columns, H, W, 4], the last row filled up with transparent images."""
    images = rgba(images)
    blank = np.zeros((-len(images) % columns, *images.shape[1:]), "float32")
    return np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])


def rgba(images):
    """[..., C] -> [..., 4] in [0, 1]; grey, and the first channel of what is neither grey nor RGB, as grey."""
    images = np.clip(np.asarray(images, "float32"), 0, 1)
    colours = images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, -1)
    return np.concatenate([colours, np.ones_like(colours[..., :1])], -1)


def mosaic_of(images):
    """[R, columns, H, W, C] -> one RGBA image, small pixels enlarged, with gaps that let the paper through."""
    images = images if images.shape[-1] == 4 else rgba(images)
    factor = -(-64 // max(images.shape[2:4]))  # no browser may blur an 8x8 image
    images = images.repeat(factor, 2).repeat(factor, 3)
    gap = max(2, images.shape[3] // 24)
    images = np.pad(images, [(0, 0), (0, 0), (gap, gap), (gap, gap), (0, 0)])
    rows, columns, height, width, channels = images.shape
    return images.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)


def draw_rows(images, row_labels=(), column_labels=(), note=""):
    """A figure of [R, columns, H, W, C] whose cells keep the images' proportions, and the texts around it."""
    mosaic = mosaic_of(images)
    left = EDGE + (0.9 if row_labels else 0)
    bottom = EDGE + 0.18 * max([0, *(1.2 + label.count("\n") for label in column_labels)])
    bottom += 0.25 if note else 0
    width = WIDTH - left - EDGE
    height = width * mosaic.shape[0] / mosaic.shape[1]
    figure = new_figure(bottom + height + EDGE, layout=None)
    total = figure.get_size_inches()[1]
    axes = figure.add_axes([left / WIDTH, bottom / total, width / WIDTH, height / total])
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    axes.set_yticks(centres(mosaic.shape[0], images.shape[0])[: len(row_labels)], row_labels)
    axes.set_xticks(centres(mosaic.shape[1], images.shape[1])[: len(column_labels)], column_labels)
    figure.text(0.5, EDGE / total, note, ha="center", va="bottom", fontsize=9)
    return figure


def centres(size, count):
    """Where the middles of `count` cells lie along `size` pixels: [count]."""
    return (np.arange(count) + 0.5) * size / count - 0.5
