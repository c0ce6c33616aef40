"""Reconstruction: originals beside what the model makes of their codes, the worst and the best, the error by class."""

import numpy as np

from tfvae.data import pipeline
from tfvae.evaluation.metrics import jackknife, mean_of, metric
from tfvae.report import walks
from tfvae.report.figures import maps
from tfvae.report.figures.bars import bars_of_names
from tfvae.report.figures.captioned import Block, captioned_rows
from tfvae.report.figures.histograms import histograms
from tfvae.report.section import Section
from tfvae.report.sections import SMALL_IMAGE, one_of_each
from tfvae.report.wording import counted, fixed, measured, number
from tfvae.studies.costs import costs_of
from tfvae.studies.counts import need_counts
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
NATS = "nats/example"
SQUARES = "squared grey value/pixel"
MOST_CLASSES = 30  # bars: more would not fit on a phone


def run(bench, *, num_examples=10000, num_shown=16):
    """Trains the experiment, rebuilds test images from their codes, and asks which are rebuilt badly.

    Args:
        bench: A `Workbench`.
        num_examples: Number of test examples, the first ones.
        num_shown: Number of images in each picture.
    """
    bench.need_images()
    need_counts(bench, num_examples=num_examples, num_shown=num_shown)
    trained = bench.base()
    costs = costs_of(trained.model, trained.batches("test", num_examples), trained.experiment.seed)
    order = np.argsort(costs.error, kind="stable")
    classes = _by_class(costs, trained.splits.test.class_names)
    sections = [
        _typical(trained, costs, num_shown),
        _worst(trained, costs, order[::-1][:num_shown]),
        _best(trained, costs, order[:num_shown]),
        _histogram(costs),
        _class_section(classes) if len(classes) > 1 else None,
    ]
    numbers = _numbers(costs, _deviations(trained, num_examples), classes)
    return Findings(_headline(numbers), [section for section in sections if section], numbers)


def _by_class(costs, class_names):
    """{name: (error, squared error)} of each class with a label, each as `mean_of` makes it; the hardest first."""
    found = {}
    for label in np.unique(costs.label[costs.label >= 0]):
        rows = costs.label == label
        name = maps.class_name(label, class_names)
        found[name] = mean_of(costs.error[rows], NATS), mean_of(costs.squared_error[rows], SQUARES)
    return dict(sorted(found.items(), key=lambda item: -item[1][0]["value"]))


def _deviations(trained, num_examples):
    """Mean squared difference of each test image from the mean of all, [N]: what an empty code would cost."""
    batches = [np.asarray(batch["x"], "float64") for batch in trained.batches("test", num_examples)]
    mean = sum(x.sum(axis=0) for x in batches) / sum(map(len, batches))
    return np.concatenate([np.mean((x - mean) ** 2, axis=(1, 2, 3)) for x in batches])


def _typical(trained, costs, num_shown):
    rows = one_of_each(costs.label)[:num_shown]
    of_classes = " of all classes in turn" if len(np.unique(costs.label)) > 1 else ""
    return _picture(
        trained,
        costs,
        rows,
        "reconstructions",
        "Originals and reconstructions",
        f"The first test images{of_classes}, not chosen by how well they come out. Good: the same thing in the same "
        "pose, perhaps a little softer. Bad: another object, or the same blurred image everywhere.",
    )


def _worst(trained, costs, rows):
    return _picture(
        trained,
        costs,
        rows,
        "worst",
        "The worst",
        f"The test images with the largest error.{_who(trained, costs, rows)} Good: images that are odd to the eye "
        "too. Bad: ordinary ones, which says that the code leaves out a kind of image.",
    )


def _best(trained, costs, rows):
    return _picture(
        trained,
        costs,
        rows,
        "best",
        "The best",
        f"The test images with the smallest error.{_who(trained, costs, rows)} What is easy is often what has little "
        "in it, and no sign of a good model by itself.",
    )


def _picture(trained, costs, rows, name, title, caption):
    """Originals, reconstructions, and the error of each."""
    batch = pipeline.batch_of(trained.splits.test, costs.index[rows])
    originals = np.asarray(batch["x"])
    condition = np.asarray(batch["condition"]) if "condition" in batch else None
    rebuilt = walks.at(trained.model, condition).reconstruct(originals).numpy()
    columns = 8 if max(originals.shape[1:3]) <= SMALL_IMAGE else 5
    block = Block({"original": originals, "rebuilt": rebuilt}, [fixed(error, 1) for error in costs.error[rows]])
    return Section(
        name,
        title,
        captioned_rows([block], min(columns, max(4, len(rows)))),
        f"{counted(len(rows), 'test image')}, below each what the model rebuilds from its code, and the error in nats.",
        f"{caption} Below each pair: the error, {_ERROR}.{_drawn(trained)}",
        {
            "index": costs.index[rows].tolist(),
            "label": costs.label[rows].tolist(),
            "error": costs.error[rows].tolist(),
            "squared_error": costs.squared_error[rows].tolist(),
        },
    )


_ERROR = "\N{MINUS SIGN}log p(x|code) in nats"


def _drawn(trained):
    if trained.experiment.data.binarize == "none":
        return ""
    return " The originals are binarised as the model saw them; the noise of that draw is error that no code foretells."


def _who(trained, costs, rows):
    """Which class stands out among the images."""
    if len(np.unique(costs.label)) == 1:
        return ""
    label = max(np.unique(costs.label[rows]), key=lambda label: np.sum(costs.label[rows] == label))
    name = maps.class_name(label, trained.splits.test.class_names)
    share, of_all = np.mean(costs.label[rows] == label), np.mean(costs.label == label)
    return f" Class {name} is {share:.0%} of them and {of_all:.0%} of all."


def _histogram(costs):
    order = np.argsort(costs.error, kind="stable")
    median = float(np.median(costs.error))
    ninth = float(np.quantile(costs.error, 0.9))
    return Section(
        "errors",
        "The error of all test images",
        histograms({"test": costs.error}, f"error: {_ERROR}", [("median", median)]),
        f"Histogram of the reconstruction error of {counted(len(order), 'test image')}, median {number(median, 3)}.",
        f"Half of the images cost at most {number(median, 3)} nats, nine of ten at most {number(ninth, 3)}, the worst "
        f"{number(float(costs.error.max()), 3)}. Good: one hump, narrow and far to the left. Bad: a second hump to the "
        "right, of images of a kind that the code leaves out.",
        {
            "index": costs.index[order].tolist(),
            "error": costs.error[order].tolist(),
            "squared_error": costs.squared_error[order].tolist(),
        },
    )


def _class_section(classes):
    shown = dict(list(classes.items())[:MOST_CLASSES])
    names, (hardest, easiest) = list(shown), _ends(classes)
    panels = {
        label: ([row[i]["value"] for row in shown.values()], [row[i]["standard_error"] for row in shown.values()])
        for i, label in enumerate(("error in nats", "squared error per pixel"))
    }
    left_out = len(classes) - len(shown)
    more = f" The {left_out} easier classes are not drawn." if left_out else ""
    return Section(
        "error_by_class",
        "The error of each class",
        bars_of_names(names, panels),
        f"Bar charts of the reconstruction error in nats and in squared grey values for {len(shown)} classes.",
        f"Mean over the test images of each class, with its standard error. {hardest} is the hardest class, "
        f"{_measured(classes[hardest][0])} nats, and {easiest} the easiest, {_measured(classes[easiest][0])}. Good: "
        f"bars of about the same length. Bad: one far longer than the rest, a class with too few examples or too much "
        f"variety for the code.{more}",
        {
            "class": names,
            "error": panels["error in nats"][0],
            "error_standard_error": panels["error in nats"][1],
            "squared_error": panels["squared error per pixel"][0],
            "squared_error_standard_error": panels["squared error per pixel"][1],
        },
    )


def _ends(classes):
    """Names of the hardest and the easiest class."""
    names = list(classes)
    return names[0], names[-1]


def _measured(value):
    return measured(value["value"], value["standard_error"])


def _numbers(costs, deviations, classes):
    numbers = {
        "reconstruction_error": mean_of(costs.error, NATS) | {"num_examples": len(costs.error)},
        "distortion": mean_of(costs.distortion, NATS),
        "squared_error": mean_of(costs.squared_error, SQUARES),
    }
    if deviations.sum() > 0:  # images that are all the same have nothing to explain
        share, error = jackknife(lambda e, d: 1 - e.sum() / d.sum(), costs.squared_error, deviations)
        numbers["explained_variance"] = metric(share, "share", None if np.isnan(error) else error)
    if len(classes) > 1:
        hardest, easiest = _ends(classes)
        numbers["error_of_hardest_class"] = classes[hardest][0] | {"class": hardest}
        numbers["error_of_easiest_class"] = classes[easiest][0] | {"class": easiest}
    return numbers


def _headline(numbers):
    error = numbers["reconstruction_error"]
    sentence = f"Rebuilt from its code, a test image costs {_measured(error)} nats"
    if "explained_variance" in numbers:
        share = max(numbers["explained_variance"]["value"], 0.0)  # below 0 it is worse than the mean image
        sentence += f", and {share:.0%} of the variance between images is explained"
    if "error_of_hardest_class" in numbers:
        hardest, easiest = numbers["error_of_hardest_class"], numbers["error_of_easiest_class"]
        sentence += f"; {hardest['class']} is the hardest class ({number(hardest['value'], 3)} nats), "
        sentence += f"{easiest['class']} the easiest ({number(easiest['value'], 3)})"
    return sentence + "."
