"""Sections: which figures a report shows, and what it says about each."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from tfvae.report import figures, walks, wording
from tfvae.report.figures.charts import curve_terms
from tfvae.report.figures.grids import DEAD_RATE, MAX_DIMENSIONS
from tfvae.report.figures.maps import drawn

SMALL_IMAGE = 32  # pixels: up to here, ten images in a row can be made out
SEED = (0, 1)  # of the prior samples: the same model draws the same page


class Section(NamedTuple):
    """One figure with its texts; `name` is that of its file."""

    name: str
    title: str
    figure: Figure
    alt: str
    caption: str


def sections(model, batch, class_names, history, metrics):
    """The sections of a report, those left out for which there is nothing to show.

    Args:
        model: A built model.
        batch: Test examples as the model sees them: {"x": [N, *event], "label": integers [N]}, and for a conditional
            model "condition", [N, K].
        class_names: Names of the classes, may be empty.
        history: One dict for each epoch.
        metrics: What the evaluation measured; see `write_report`.
    """
    rates = metrics["metrics"].get("rate_per_dimension", {}).get("value", ())
    rates = rates if len(rates) == model.latent_size else None  # a group of latents may have one rate for all
    of_images = _of_images(model, batch, rates) if batch["x"].ndim == 4 else []
    found = [
        _learning_curves(history) if history else None,
        *of_images,
        _latent_map(model, batch, class_names),
        _rate_bars(rates) if rates else None,
    ]
    return [section for section in found if section]


def _of_images(model, batch, rates):
    columns = 10 if max(batch["x"].shape[1:3]) <= SMALL_IMAGE else 6
    order = one_of_each(batch["label"])
    few = {name: value[order[: 2 * columns]] for name, value in batch.items()}
    x, condition = few["x"], few.get("condition")
    return [
        _reconstructions(model, x, condition, columns),
        _prior_samples(model, condition, columns) if model.can_sample else None,
        _interpolations(model, x[:10], condition) if len(x) > 1 and model.is_euclidean else None,
        _traversals(model, x, condition, rates) if model.is_euclidean else None,
    ]


def one_of_each(labels):
    """Indices [N] of the examples, one of each class first, then a second of each, and so on."""
    labels = np.asarray(labels)
    occurrence = np.zeros(len(labels), int)
    for label in np.unique(labels):
        occurrence[labels == label] = np.arange(np.sum(labels == label))
    return np.lexsort((labels, occurrence))


def _learning_curves(history):
    terms = ", ".join(wording.words(term) for term in curve_terms(history))
    return Section(
        "learning_curves",
        "Learning curves",
        figures.learning_curves(history),
        f"Line charts of {terms} over {wording.counted(len(history), 'epoch')}. {_ends(history[-1])}",
        "Good: both lines move together and level off (the first, steep epochs may lie outside the frame). Still "
        "falling at the end: train longer. Validation rising while training falls: the model learns its examples by "
        "heart. A rate that drops to 0: the code is being ignored.",
    )


def _ends(row):
    ends = [
        f"{split} {wording.number(row[split]['loss'])}"
        for split in ("train", "validation")
        if "loss" in (row.get(split) or {})
    ]
    return f"The loss ends at {' and '.join(ends)} nats per example."


def _reconstructions(model, x, condition, columns):
    return Section(
        "reconstructions",
        "Reconstructions",
        figures.reconstructions(x, np.asarray(walks.at(model, condition).reconstruct(x)), columns),
        f"{wording.counted(len(x), 'test image')}, and below each what the model rebuilds from its code.",
        "Test images, never seen in training, and what the model rebuilds from their codes alone. Good: the same thing "
        "in the same pose, perhaps a little softer. Bad: another object, or the same blurred image everywhere.",
    )


def _prior_samples(model, condition, columns):
    given = None if condition is None else np.resize(condition, (4 * columns, condition.shape[1]))
    images = np.asarray(walks.at(model, given).sample(4 * columns, seed=SEED))
    return Section(
        "prior_samples",
        "Samples from the prior",
        figures.image_grid(images, columns),
        f"A grid of {len(images)} images that the model made up from random codes.",
        "Images the model invents from random codes. Good: varied, and most could pass for data. Bad: shapeless "
        "blends, or the same image again and again.",
    )


def _interpolations(model, x, condition):
    return Section(
        "interpolations",
        "Interpolations",
        figures.interpolations(model, x, condition=condition),
        f"{wording.counted(len(x) // 2, 'row')} of images, each changing in steps from one test image into another.",
        "Each row walks in a straight line from the code of one test image to that of another. Good: a smooth change "
        "through believable images. Bad: two images that fade into each other, or a sudden jump.",
    )


def _traversals(model, x, condition, rates):
    order = "the most informative dimension first" if rates else "in the model's order"
    num_shown = min(model.latent_size, MAX_DIMENSIONS)
    dead = f" A dead dimension, below {DEAD_RATE} nats, should change next to nothing." if rates else ""
    return Section(
        "traversals",
        "What each latent dimension does",
        figures.traversals(model, x, rates, condition=condition),
        f"{wording.counted(num_shown, 'row')} of images, {order}: in each row one latent dimension goes from -3 to 3.",
        f"The code of one test image, with one dimension at a time moved from {wording.MINUS}3 to 3; {order}. Good: "
        f"each row changes something you could name, such as slant or thickness.{dead}",
    )


def _latent_map(model, batch, class_names):
    shown = drawn(len(batch["x"]))
    few = {name: value[shown] for name, value in batch.items()}
    codes, labels = walks.encode(model, few["x"], few.get("condition")), few["label"]
    kind = "Histogram" if codes.shape[1] == 1 else "Scatter plot"
    num_classes = len(np.unique(labels))
    coloured = f", coloured by their {num_classes} classes" if num_classes > 1 else ""
    what = "Similar examples should lie close together." if num_classes == 1 else "Good: each class keeps to a region."
    untold = "" if model.condition_size or model.can_classify else " The model was never told the classes."
    projection = " The plane is the one in which the codes vary most (PCA)." if codes.shape[1] > 2 else ""
    return Section(
        "latent_map",
        "Map of the test codes",
        figures.latent_map(codes, labels, class_names),
        f"{kind} of the codes of {wording.counted(len(codes), 'test example')}{coloured}.",
        f"Where the model puts each test example. {what}{untold} Bad: everything in one small blot, the sign of a code "
        f"that says nothing.{projection}",
    )


def _rate_bars(rates):
    num_alive = sum(rate >= DEAD_RATE for rate in rates)
    return Section(
        "rates",
        "How much each dimension says",
        figures.rate_bars(rates),
        f"Bar chart of the rate of {wording.counted(len(rates), 'latent dimension')}; {num_alive} carry at least "
        f"{DEAD_RATE} nats, the highest {wording.number(max(rates), 3)} nats.",
        f"What each dimension of the code tells about an example, {wording.number(sum(rates), 3)} nats in all. Bars of "
        f"zero are dimensions the model does not use: some are normal, all of them mean that the code is ignored.",
    )
