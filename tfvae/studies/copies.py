"""Copies: whether samples lie closer to training images than what is rebuilt of images that were never trained on."""

import numpy as np

from tfvae.data import pipeline
from tfvae.evaluation.memorisation import memorisation
from tfvae.report.figures.captioned import Block, captioned_rows
from tfvae.report.figures.histograms import histograms
from tfvae.report.section import Section
from tfvae.report.sections import SMALL_IMAGE
from tfvae.report.wording import listed, number
from tfvae.studies.sample_sets import REBUILT

BATCH = 500  # training images that are looked at together
DISTANCE = "root mean squared difference of pixels"


def copies(trained, images, progress):
    """Two `Section`s, and the numbers by the name of the samples.

    Args:
        trained: The `Run` of a model.
        images: {name: samples [N, H, W, C]}, among them `REBUILT`, the reconstructions of test images.
        progress: Makes a progress bar from a total and a unit.
    """
    samples = {name: x for name, x in images.items() if name != REBUILT}
    training = pipeline.ordered_batches(trained.splits.train, BATCH)
    together = memorisation(samples.values(), [images[REBUILT]], training, progress=progress)  # read once for all
    ends = np.cumsum([len(x) for x in samples.values()])
    found = {
        name: together._replace(samples=_part(together.samples, rows), is_close=together.is_close[rows])
        for name, rows in zip(samples, np.split(np.arange(ends[-1]), ends[:-1]), strict=True)
    }
    nearest = {name: result.samples for name, result in found.items()} | {REBUILT: together.held_out}
    numbers = {name: result.metrics() for name, result in found.items()}
    sections = [_closest(trained, images, nearest), _distances(nearest, together.threshold, numbers)]
    return sections, numbers


def _closest(trained, images, nearest):
    columns = 8 if max(trained.model.event_shape[:2]) <= SMALL_IMAGE else 5
    rows = {name: np.argsort(near.distance, kind="stable")[:columns] for name, near in nearest.items()}
    blocks = [
        _block(trained, name, images[name][rows[name]], _part(near, rows[name])) for name, near in nearest.items()
    ]
    return Section(
        "nearest_training_images",
        "The samples that are closest to training images",
        captioned_rows(blocks, columns),
        f"The {columns} images of each kind with the nearest training image, each above that image.",
        "Of each kind the images that lie closest to a training image, that image below them, and the distance: "
        f"{DISTANCE}. The last kind, test images rebuilt from their codes, are no copies, and show how close is close. "
        "Good: samples no closer than these. Bad: samples that repeat a training image stroke by stroke.",
        {
            "images": [name for name, found in rows.items() for _ in found],
            "sample": [int(row) for found in rows.values() for row in found],
            "training_index": [int(nearest[name].index[row]) for name, found in rows.items() for row in found],
            "distance": [float(nearest[name].distance[row]) for name, found in rows.items() for row in found],
        },
    )


def _part(near, rows):
    return near._replace(distance=near.distance[rows], index=near.index[rows])


def _block(trained, name, images, near):
    training = np.asarray(pipeline.batch_of(trained.splits.train, near.index)["x"])
    return Block({name: images, "training": training}, [f"{distance:.3f}" for distance in near.distance])


def _distances(nearest, threshold, numbers):
    shares = {name: metrics["close_to_training_share"] for name, metrics in numbers.items()}
    said = listed(f"{m['value']:.1%} from the {name}" for name, m in shares.items())
    return Section(
        "distances_to_training",
        "How close samples are to training images",
        histograms({name: near.distance for name, near in nearest.items()}, DISTANCE, [("closest 5 %", threshold)]),
        f"Histograms of the distance to the nearest training image of {listed(nearest)}.",
        f"Distances to the nearest training image. Of the test images, rebuilt, 5 % lie closer than "
        f"{number(threshold, 3)}; of the samples {said}. Good: about 5 %, or less. Bad: far more, the model copies; or "
        "simple shapes are drawn too often, which look like training images because these have many of them.",
        {
            "images": [name for name, near in nearest.items() for _ in near.distance],
            "distance": [float(distance) for near in nearest.values() for distance in near.distance],
            "training_index": [int(index) for near in nearest.values() for index in near.index],
        },
    )
