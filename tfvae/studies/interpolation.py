"""Interpolation: straight and spherical walks between codes of test images, and a round through the class means."""

from typing import NamedTuple

import numpy as np

from tfvae.data import pipeline
from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.metrics import mean_of
from tfvae.report.figures.captioned import Block, captioned_rows
from tfvae.report.figures.curves import curves
from tfvae.report.section import Section
from tfvae.report.walks import decode
from tfvae.report.wording import measured
from tfvae.studies import walks
from tfvae.studies.class_names import short_names
from tfvae.studies.closed_walk import closed_walk
from tfvae.studies.costs import costs_of, in_batches
from tfvae.studies.counts import need_counts
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
LINE, ARC, FADE = "straight", "spherical", "pixel fade"


class Pairs(NamedTuple):
    """Test images two by two, and what lies between them.

    Attributes:
        names: Class of the first and the second image of each pair, texts [P][2]; empty ones without classes.
        images: {path: decoded images [P, T, H, W, C]}; a direct fade between the pixels of the ends is one of them.
        costs: {path: negative ELBO of each image, in nats, [P, T]}; without a rate the reconstruction error.
        norms: {path: distance of each code from the centre, [P, T]}.
    """

    names: list
    images: dict
    costs: dict
    norms: dict


def run(bench, *, num_pairs=50, steps=9, num_shown=4, num_examples=5000):
    """Trains the experiment and walks between the codes of its test images.

    Args:
        bench: A `Workbench`.
        num_pairs: Number of pairs that are measured.
        steps: Number of images on the way, both ends counted; odd, so that one lies halfway.
        num_shown: Number of pairs in the picture.
        num_examples: Number of test examples, the first ones, that pairs and class means are taken from.
    """
    bench.need_images()
    need_counts(bench, num_pairs=num_pairs, num_shown=num_shown, num_examples=num_examples)
    need_counts(bench, 3, steps=steps)
    bench.need(steps % 2, f"`study.steps` must be odd. Received: study.steps={steps}")
    euclidean = bench.model.is_euclidean
    bench.need(euclidean, "This study walks straight through the latent space, and here it is no real space.")
    trained = bench.base()
    model = trained.model
    codes = codes_of(model, trained.batches("test", num_examples))
    bench.need(len(codes.codes) > 1, "This study walks between test images, and there is only one.")
    pairs = _pairs(trained, codes, num_pairs, steps)
    sections = [_pictures(pairs, num_shown), _cost_section(pairs, model), _step_section(pairs)]
    if model.condition_size is None:  # else a mean of codes has no condition to be decoded for
        sections += closed_walk(trained, codes, steps)
    numbers = _numbers(pairs, _cost_name(model))
    return Findings(_headline(numbers, _cost_name(model)), sections, numbers)


def _pairs(trained, codes, num_pairs, steps):
    order = np.random.RandomState(trained.experiment.seed).permutation(len(codes.codes))
    order = order[: 2 * min(num_pairs, len(order) // 2)]
    batch = pipeline.batch_of(trained.splits.test, codes.index[order[0::2]])
    condition = np.asarray(batch["condition"]) if "condition" in batch else None
    centre = 0.0 if trained.model.has_rate else codes.codes.mean(axis=0)
    ends = codes.codes[order[0::2]], codes.codes[order[1::2]]
    z = {LINE: walks.linear(*ends, steps), ARC: walks.spherical(*ends, steps, centre)}
    images = {path: np.clip(decode(trained.model, walk, condition), 0, 1) for path, walk in z.items()}
    images[FADE] = _fade(images[LINE], steps)
    norms = {path: np.linalg.norm(walk - centre, axis=-1) for path, walk in z.items()}
    return Pairs(_names(trained, codes.labels, order), images, _costs(trained, images, condition), norms)


def _names(trained, labels, order):
    if labels is None or len(np.unique(labels)) < 2:
        return [("", "")] * (len(order) // 2)
    names = short_names(labels[order], trained.splits.test.class_names)
    return list(zip(names[0::2], names[1::2], strict=True))


def _fade(images, steps):
    """From the first image to the last one by their pixels: [P, T, H, W, C]."""
    share = walks.shares(steps)[:, np.newaxis, np.newaxis, np.newaxis]
    return (images[:, :1] * (1 - share) + images[:, -1:] * share).astype("float32")


def _costs(trained, images, condition):
    """What the model makes of images {path: [P, T, H, W, C]}, each as an example of its own: {path: [P, T]}."""
    shape = images[LINE].shape
    x = np.concatenate([walk.reshape(-1, *shape[2:]) for walk in images.values()])
    if trained.model.likelihood.discrete and not trained.model.likelihood.binary:
        x = np.rint(255 * x) / np.float32(255)  # grey levels, which alone have a probability
    place = np.tile(np.arange(shape[0] * shape[1]), len(images))  # the same noise on all paths
    examples = {"x": x, "index": place}
    if condition is not None:
        examples["condition"] = condition[place // shape[1]]
    costs = costs_of(trained.model, in_batches(examples, trained.experiment.data.batch_size), trained.experiment.seed)
    return dict(zip(images, costs.total.reshape(len(images), *shape[:2]), strict=True))


def _cost_name(model):
    return "negative ELBO" if model.has_rate else "reconstruction error"


def _excess(costs):
    """Costs [P, T] above what lies between those of the two ends."""
    share = walks.shares(costs.shape[1])
    return costs - costs[:, :1] * (1 - share) - costs[:, -1:] * share


def _squared_steps(images):
    """Squared step from each image to the next, in units of the step of a direct fade: [P, T, ...] -> [P, T - 1].

    Pairs whose ends are the same image are left out.
    """
    pixels = images.reshape(*images.shape[:2], -1).astype("float64")
    of_fade = np.sum((pixels[:, -1] - pixels[:, 0]) ** 2, axis=-1) / (pixels.shape[1] - 1) ** 2
    steps = np.sum(np.diff(pixels, axis=1) ** 2, axis=-1)
    return steps[of_fade > 0] / of_fade[of_fade > 0, np.newaxis]


def _pictures(pairs, num_shown):
    order = sorted(range(len(pairs.names)), key=lambda pair: pairs.names[pair][0] == pairs.names[pair][1])[:num_shown]
    steps = pairs.images[LINE].shape[1]
    blocks = [
        Block(
            {path: pairs.images[path][p] for path in (LINE, ARC)},
            [pairs.names[p][0], *[""] * (steps - 2), pairs.names[p][1]],
        )
        for p in order
    ]
    share = np.tile(walks.shares(steps), len(order) * 2)
    return Section(
        "lines_and_arcs",
        "Straight and spherical",
        captioned_rows(blocks, steps),
        f"{len(order)} pairs of rows of {steps} images, which change from one test image, rebuilt, into another.",
        f"The ends are test images as the model rebuilds them. {LINE.capitalize()}: the code goes in a straight line. "
        f"{ARC.capitalize()}: it goes along an arc around the centre of the latent space, and so keeps its distance "
        "from it. Good: a smooth change through believable images. Bad: two images that fade into each other, a "
        "sudden jump, or a grey blend halfway.",
        {
            "pair": np.repeat(np.arange(len(order)), 2 * steps).tolist(),
            "path": [path for _ in order for path in (LINE, ARC) for _ in range(steps)],
            "share": share.tolist(),
            "cost": np.concatenate([pairs.costs[path][p] for p in order for path in (LINE, ARC)]).tolist(),
        },
    )


def _cost_section(pairs, model):
    series = {path: _points(walks.shares(costs.shape[1]), _excess(costs)) for path, costs in pairs.costs.items()}
    return Section(
        "cost_on_the_way",
        "How believable the images are on the way",
        curves(series, "share of the way", "nats above the ends"),
        f"Line chart of the {_cost_name(model)} along three paths between {len(pairs.names)} pairs of test images.",
        f"The {_cost_name(model)} of each image, given to the model as an example, above what lies between its ends; "
        f"means over {len(pairs.names)} pairs. Low: the model finds the images on the way as believable as the ends. "
        f"High: it does not know such images. A {FADE} of the end images, without any latent space, is what to beat.",
        _columns(series),
    )


def _step_section(pairs):
    steps = pairs.images[LINE].shape[1]
    middle = (walks.shares(steps)[1:] + walks.shares(steps)[:-1]) / 2
    series = {path: _points(middle, _squared_steps(pairs.images[path])) for path in (LINE, ARC, FADE)}
    return Section(
        "steps",
        "How even the steps are",
        curves(series, "share of the way", "squared pixel step"),
        f"Line chart of the squared pixel step along three paths between {len(pairs.names)} pairs of test images.",
        f"How much the image changes from one step to the next, in units of a {FADE}, the shortest way between two "
        "images, whose steps are all 1. Good: flat lines above 1, as where a shape moves. Bad: lines close to 1, the "
        "images fade into each other after all; or a peak, a sudden jump.",
        _columns(series),
    )


def _points(x, values):
    """A line of `curves`: means over pairs, values [P, T], and their standard errors."""
    found = [mean_of(column, "") for column in values.T] if len(values) else []
    return {
        "x": list(map(float, x[: len(found)])),
        "y": [m["value"] for m in found],
        "error": [m["standard_error"] for m in found],
    }


def _columns(series):
    return {
        "path": [path for path, points in series.items() for _ in points["x"]],
        "share": [x for points in series.values() for x in points["x"]],
        "value": [y for points in series.values() for y in points["y"]],
        "standard_error": [error for points in series.values() for error in points["error"]],
    }


def _numbers(pairs, cost_name):
    middle, unit = pairs.images[LINE].shape[1] // 2, "nats/example"
    excess = {path: _excess(costs)[:, middle] for path, costs in pairs.costs.items()}
    numbers = {f"{_key(cost_name)}_halfway_{_key(path)}": mean_of(values, unit) for path, values in excess.items()}
    numbers["spherical_minus_straight_halfway"] = mean_of(excess[ARC] - excess[LINE], unit)
    for path in (LINE, ARC):
        steps = _squared_steps(pairs.images[path])
        if len(steps):
            numbers[f"squared_step_{_key(path)}"] = mean_of(steps.mean(axis=1), "ratio to a fade")
            numbers[f"largest_squared_step_{_key(path)}"] = mean_of(steps.max(axis=1), "ratio to a fade")
        ends = (pairs.norms[path][:, 0] + pairs.norms[path][:, -1]) / 2
        if np.all(ends > 0):
            numbers[f"norm_halfway_{_key(path)}"] = mean_of(pairs.norms[path][:, middle] / ends, "ratio to the ends")
    return {name: found | {"num_pairs": len(pairs.names)} for name, found in numbers.items()}


def _key(words):
    return words.lower().replace(" ", "_")


def _headline(numbers, cost_name):
    halfway = [numbers[f"{_key(cost_name)}_halfway_{_key(path)}"] for path in (LINE, ARC, FADE)]
    line, arc, fade = (measured(found["value"], found["standard_error"]) for found in halfway)
    return (
        f"Halfway between two test images a {LINE} walk through the latent space has a {cost_name} {line} nats above "
        f"its ends, a {ARC} one {arc}, and a {FADE} {fade}."
    )
