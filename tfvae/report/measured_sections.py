"""Sections of numbers: how training went, where the codes lie, what each dimension costs, what damage is repaired."""

import numpy as np

from tfvae.report import figures, walks, wording
from tfvae.report.figures.charts import SPLITS, curve_terms
from tfvae.report.figures.curves import curves
from tfvae.report.figures.grids import DEAD_RATE
from tfvae.report.figures.maps import drawn, plane
from tfvae.report.section import Section

RESTORATIONS = {  # title, the axis, and {metric over levels of damage: name of its line}
    "denoising": (
        "Denoising",
        "standard deviation of the noise",
        {
            "denoising_psnr": "model",
            "denoising_damaged_psnr": "noisy image",
            "corrupted_psnr": "noisy image",
            "denoising_filtered_psnr": "median filter",
            "filtered_psnr": "median filter",
        },
    ),
    "imputation": (
        "Filling in missing pixels",
        "share of missing pixels",
        {"imputation_psnr": "model", "imputation_damaged_psnr": "mean grey in the holes"},
    ),
}


def learning_curves(history):
    """The terms of the loss over epochs."""
    terms = ", ".join(wording.words(term) for term in curve_terms(history))
    return Section(
        "learning_curves",
        "Learning curves",
        figures.learning_curves(history),
        f"Line charts of {terms} over {wording.counted(len(history), 'epoch')}. {_ends(history[-1])}",
        "Good: both lines move together and level off (the first, steep epochs may lie outside the frame). Still "
        "falling at the end: train longer. Validation rising while training falls: the model learns its examples by "
        "heart. A rate that drops to 0: the code is being ignored.",
        history_columns(history),
    )


def history_columns(history):
    """{"epoch", "split", term: values} of a history, a row for each epoch and split."""
    rows = [(row["epoch"], split, row[split]) for row in history for split in SPLITS if row.get(split)]
    terms = dict.fromkeys(term for *_, values in rows for term in values)
    epochs, splits = [epoch for epoch, *_ in rows], [split for _, split, _ in rows]
    return {"epoch": epochs, "split": splits} | {term: [values.get(term) for *_, values in rows] for term in terms}


def _ends(row):
    ends = [
        f"{split} {wording.number(row[split]['loss'])}"
        for split in ("train", "validation")
        if "loss" in (row.get(split) or {})
    ]
    return f"The loss ends at {' and '.join(ends)} nats per example."


def latent_map(model, batch, class_names):
    """The codes of test examples in a plane."""
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
        {"index": few["index"], "label": labels} | _coordinates(codes),
    )


def _coordinates(codes):
    """The places on the map, by the names of its axes."""
    points = codes if codes.shape[1] == 1 else plane(codes)[0]
    names = ("z0", "z1") if codes.shape[1] < 3 else ("component_1", "component_2")
    return dict(zip(names, points.T, strict=False))


def rate_bars(rates):
    """The rate of each latent dimension, [L]."""
    num_alive = sum(rate >= DEAD_RATE for rate in rates)
    return Section(
        "rates",
        "How much each dimension says",
        figures.rate_bars(rates),
        f"Bar chart of the rate of {wording.counted(len(rates), 'latent dimension')}; {num_alive} carry at least "
        f"{DEAD_RATE} nats, the highest {wording.number(max(rates), 3)} nats.",
        f"What each dimension of the code tells about an example, {wording.number(sum(rates), 3)} nats in all. Bars of "
        f"zero are dimensions the model does not use: some are normal, all of them mean that the code is ignored.",
        {"dimension": range(len(rates)), "rate": rates},
    )


def restorations(metrics):
    """A section for each kind of damage whose repair was measured over levels."""
    for name, (title, x_label, lines) in RESTORATIONS.items():
        found = {line: metrics[metric] for metric, line in lines.items() if "levels" in metrics.get(metric, {})}
        if "model" in found:
            yield _restoration(name, title, x_label, found)


def _restoration(name, title, x_label, found):
    series = {
        line: {"x": metric["levels"], "y": metric["value"], "error": metric.get("standard_error")}
        for line, metric in found.items()
    }
    others = wording.listed(line for line in found if line != "model")
    compared = f" and of {others}" if others else ""
    levels = wording.counted(len(found["model"]["levels"]), "level")
    return Section(
        name,
        title,
        curves(series, x_label, "PSNR in dB"),
        f"Line chart of the PSNR of the model{compared} over {levels}.",
        "How near test images come to the clean ones; higher is better. Good: the model's line above the others. Where "
        "it is below, the model loses more by rebuilding than it repairs.",
        _long(found),
    )


def _long(found):
    """{"line", "level", "psnr", "standard_error"}, a row for each point."""
    rows = [
        (line, level, value, error)
        for line, metric in found.items()
        for level, value, error in zip(
            metric["levels"],
            metric["value"],
            metric.get("standard_error") or [None] * len(metric["levels"]),
            strict=True,
        )
    ]
    return dict(zip(("line", "level", "psnr", "standard_error"), zip(*rows, strict=True), strict=True))
