"""Sections of images: what a model rebuilds, invents, and makes of walks through its latent space."""

import numpy as np

from tfvae.report import figures, walks, wording
from tfvae.report.figures.grids import DEAD_RATE, MAX_DIMENSIONS
from tfvae.report.section import Section

SEED = (0, 1)  # of the prior samples: the same model draws the same page
ENDS = 10  # images that interpolations go between
STEPS_BETWEEN, STEPS_ALONG = 8, 7


def reconstructions(model, batch, columns):
    """Test images {"x": [N, H, W, C], "index", "label", maybe "condition"} and their reconstructions."""
    x = batch["x"]
    rebuilt = np.asarray(walks.at(model, batch.get("condition")).reconstruct(x))
    return Section(
        "reconstructions",
        "Reconstructions",
        figures.reconstructions(x, rebuilt, columns),
        f"{wording.counted(len(x), 'test image')}, and below each what the model rebuilds from its code.",
        "Test images, never seen in training, and what the model rebuilds from their codes alone. Good: the same thing "
        "in the same pose, perhaps a little softer. Bad: another object, or the same blurred image everywhere.",
        {
            "place": range(len(x)),
            "index": batch["index"],
            "label": batch["label"],
            "squared_error": np.mean((x - rebuilt) ** 2, axis=(1, 2, 3), dtype="float64"),
        },
    )


def prior_samples(model, condition, columns):
    """Four rows of samples; those of a conditional model go through the conditions [N, K] in turn."""
    given = None if condition is None else np.resize(condition, (4 * columns, condition.shape[1]))
    images = np.asarray(walks.at(model, given).sample(4 * columns, seed=SEED))
    return Section(
        "prior_samples",
        "Samples from the prior",
        figures.image_grid(images, columns),
        f"A grid of {len(images)} images that the model made up from random codes.",
        "Images the model invents from random codes. Good: varied, and most could pass for data. Bad: shapeless "
        "blends, or the same image again and again.",
        {
            "place": range(len(images)),
            "seed": [" ".join(map(str, SEED))] * len(images),
            "mean_grey_value": images.mean(axis=(1, 2, 3), dtype="float64"),
        },
    )


def interpolations(model, batch):
    """Walks between the first images and the second ones of pairs."""
    few = {name: value[:ENDS] for name, value in batch.items()}
    num_rows = len(few["x"]) // 2
    firsts, seconds = (few["index"][start : 2 * num_rows : 2] for start in (0, 1))
    row, column = np.indices((num_rows, STEPS_BETWEEN)).reshape(2, -1)
    return Section(
        "interpolations",
        "Interpolations",
        figures.interpolations(model, few["x"], STEPS_BETWEEN, few.get("condition")),
        f"{wording.counted(num_rows, 'row')} of images, each changing in steps from one test image into another.",
        "Each row walks in a straight line from the code of one test image to that of another. Good: a smooth change "
        "through believable images. Bad: two images that fade into each other, or a sudden jump.",
        {
            "row": row,
            "column": column,
            "first_index": np.asarray(firsts)[row],
            "second_index": np.asarray(seconds)[row],
            "share_of_second": column / (STEPS_BETWEEN - 1),
        },
    )


def traversals(model, batch, rates):
    """The first image's code, one dimension at a time moved."""
    order = "the most informative dimension first" if rates else "in the model's order"
    dimensions = figures.order_of(model.latent_size, rates)
    dead = f" A dead dimension, below {DEAD_RATE} nats, should change next to nothing." if rates else ""
    row, column = np.indices((len(dimensions), STEPS_ALONG)).reshape(2, -1)
    columns = {"row": row, "column": column, "dimension": dimensions[row], "z": walks.values(STEPS_ALONG)[column]}
    columns["index"] = np.full(len(row), batch["index"][0])
    if rates:
        columns["rate"] = np.asarray(rates)[dimensions[row]]
    return Section(
        "traversals",
        "What each latent dimension does",
        figures.traversals(model, batch["x"], rates, STEPS_ALONG, batch.get("condition")),
        f"{wording.counted(min(model.latent_size, MAX_DIMENSIONS), 'row')} of images, {order}: in each row one latent "
        "dimension goes from -3 to 3.",
        f"The code of one test image, with one dimension at a time moved from {wording.MINUS}3 to 3; {order}. Good: "
        f"each row changes something you could name, such as slant or thickness.{dead}",
        columns,
    )
