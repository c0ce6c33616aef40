"""Traversal: what each latent dimension does, as a sheet and an animation, and how much it changes an image."""

import numpy as np

from tfvae.evaluation.metrics import mean_of, metric
from tfvae.report.figures.animation import tiles
from tfvae.report.figures.bars import bars_of_dimensions
from tfvae.report.figures.grids import DEAD_RATE, MAX_DIMENSIONS
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.wording import MINUS, counted, fixed, listed, number
from tfvae.studies.counts import need_counts
from tfvae.studies.dimensions import DEAD_CHANGE, REACH, dimensions_of, has_levels, images_along
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
SQUARES = "squared grey value/pixel"
LEVEL = (
    " They are those of level 1, all that the decoder of images sees; their rates, given the level above, do not say "
    "how much they carry."
)


def run(bench, *, num_images=16, steps=7, num_tiles=24, num_frames=32, num_examples=5000):
    """Trains the experiment and moves each latent dimension, all others as they are.

    Args:
        bench: A `Workbench`.
        num_images: Number of test images that the walks start from; the pictures show the first.
        steps: Number of images from -3 to 3.
        num_tiles: Largest number of dimensions in the animation.
        num_frames: Number of frames of the animation.
        num_examples: Number of test examples, the first ones, that rates are averaged over.
    """
    bench.need_images()
    need_counts(bench, num_images=num_images, num_tiles=num_tiles, num_examples=num_examples)
    need_counts(bench, 2, steps=steps, num_frames=num_frames)
    bench.need(
        bench.model.is_euclidean, "This study moves a code along its dimensions, and here that gives no other code."
    )
    trained = bench.base()
    dimensions = dimensions_of(trained, num_images, steps, num_examples)
    level = LEVEL if has_levels(trained) else ""
    sections = [
        _sheet(trained.model, dimensions, steps, level),
        _moving(trained.model, dimensions, num_tiles, num_frames),
        _bars(dimensions, level),
    ]
    numbers = _numbers(dimensions)
    return Findings(_headline(numbers, dimensions), sections, numbers)


def _label(dimensions, dimension):
    dead = " (dead)" if dimensions.is_dead[dimension] else ""
    if dimensions.rates is None:
        return f"z{dimension}{dead}"
    rate = max(dimensions.rates[dimension], 0.0)
    return f"z{dimension}{dead}\n{fixed(rate, 2 if rate >= 0.1 else 3)} nats"


def _order(dimensions):
    return "the change they make" if dimensions.rates is None else "their rate"


def _sheet(model, dimensions, steps, level):
    shown, positions = dimensions.order[:MAX_DIMENSIONS], np.linspace(-REACH, REACH, steps)
    images = images_along(model, dimensions, shown, positions)
    hidden = len(dimensions.order) - len(shown)
    more = f" {hidden} more are not shown." if hidden else ""
    return Section(
        "traversals",
        "What each latent dimension does",
        labelled_rows(
            {_label(dimensions, dimension): row for dimension, row in zip(shown, images, strict=True)},
            [f"{position:.3g}".replace("-", MINUS) for position in positions],
        ),
        f"{counted(len(shown), 'row')} of {steps} images; in each, one latent dimension goes from {MINUS}3 to 3.",
        f"The code of one test image, one dimension at a time moved from {MINUS}3 to 3 in units of {dimensions.words}; "
        f"dimensions in the order of {_order(dimensions)}.{level}{more} Good: each row changes something you could "
        f"name, such as slant or thickness. {_dead_words(dimensions)}",
        {
            "dimension": np.repeat(shown, steps).tolist(),
            "position": np.tile(positions, len(shown)).tolist(),
            "value": dimensions.values(shown, positions).ravel().tolist(),
            "mean_grey_value": images.mean(axis=(2, 3, 4)).ravel().tolist(),
        },
    )


def _dead_words(dimensions):
    below = (
        f"below {DEAD_RATE} nats" if dimensions.rates is not None else f"below {DEAD_CHANGE:.0%} of the largest change"
    )
    num_dead = int(dimensions.is_dead.sum())
    if not num_dead:
        return f"No dimension is dead, {below}."
    return f"{num_dead} of {len(dimensions.is_dead)} dimensions are dead, {below}: their rows should stand still."


def _moving(model, dimensions, num_tiles, num_frames):
    shown = dimensions.order[:num_tiles]
    positions = REACH * np.sin(2 * np.pi * np.arange(num_frames) / num_frames)
    frames = np.clip(images_along(model, dimensions, shown, positions), 0, 1).swapaxes(0, 1)
    columns = 6 if max(frames.shape[2:4]) <= 64 else 4
    which = "all dimensions" if len(shown) == len(dimensions.order) else f"the first {len(shown)} dimensions"
    return Section(
        "traversals_moving",
        "All of them, moving",
        tiles(frames, [_label(dimensions, dimension) for dimension in shown], min(columns, len(shown))),
        f"An animation of {counted(len(shown), 'tile')}, one for each latent dimension, which swings to and fro.",
        f"The same code, {which} in the order of {_order(dimensions)}, each swinging from {MINUS}3 to 3 in a tile of "
        "its own. Good: each tile moves in its own way. Bad: many that move alike. Dead ones should stand still.",
        {
            "frame": np.arange(num_frames).tolist(),
            "position": positions.tolist(),
            "mean_grey_value": frames.mean(axis=(1, 2, 3, 4)).tolist(),
        },
    )


def _bars(dimensions, level):
    order, change = dimensions.order, [mean_of(column, SQUARES) for column in dimensions.change.T]
    of_order = [change[dimension] for dimension in order]
    values, errors = [c["value"] for c in of_order], [c["standard_error"] for c in of_order]
    panels = {} if dimensions.rates is None else {"rate in nats": (dimensions.rates[order], None)}
    panels["pixel variance"] = values, errors
    rates = {} if dimensions.rates is None else {"rate": dimensions.rates[order].tolist()}
    starts = counted(len(dimensions.codes), "test image")
    return Section(
        "rates_and_changes",
        "How much each dimension says, and does",
        bars_of_dimensions(order, panels, dimensions.is_dead[order]),
        f"Bar charts of {' and '.join(panels)} for {counted(len(order), 'latent dimension')}.",
        f"{'Above, what a dimension tells about an example; below, how' if rates else 'How'} much the decoded image "
        f"varies as it goes from {MINUS}3 to 3 (variance of a pixel along the way, mean over {starts} to start from)."
        f"{level} Good: what costs nats changes the image. Grey: dead dimensions, which should change nothing. "
        f"{_dead_words(dimensions)}",
        {"dimension": order.tolist(), **rates, "change": values, "change_standard_error": errors},
    )


def _numbers(dimensions):
    change, is_dead = dimensions.change, dimensions.is_dead
    numbers = {"alive": {"value": int(np.sum(~is_dead)), "unit": "dimensions", "of": len(is_dead)}}
    for name, rows in (("alive", ~is_dead), ("dead", is_dead)):
        if rows.any():
            numbers[f"change_of_{name}"] = mean_of(change[:, rows].mean(axis=1), SQUARES)
    if dimensions.rates is not None:
        numbers["rate"] = metric(dimensions.rates.sum(), "nats/example")
        numbers["rate_per_dimension"] = {"value": dimensions.rates.tolist(), "unit": "nats/example"}
    return numbers | {"change_per_dimension": {"value": change.mean(axis=0).tolist(), "unit": SQUARES}}


def _headline(numbers, dimensions):
    changes = {name: numbers.get(f"change_of_{name}") for name in ("alive", "dead")}
    said = listed(f"{number(float(np.sqrt(m['value'])), 2)} by one that is {name}" for name, m in changes.items() if m)
    return (
        f"{numbers['alive']['value']} of {len(dimensions.order)} latent dimensions are alive; moved from {MINUS}3 to 3 "
        f"a pixel, black 0 and white 1, is changed {said} (root mean square)."
    )
