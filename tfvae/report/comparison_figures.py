"""Figures of a comparison: metrics with error bars, learning curves, and the runs' own pictures side by side."""

import math
import re
import shutil

from PIL import Image

from tfvae.report import pictures, tables, wording
from tfvae.report.comparability import kind_of_likelihood
from tfvae.report.figures.charts import ORDER, curve_terms
from tfvae.report.figures.of_runs import curves_of_runs, dots_of_runs
from tfvae.report.measured_sections import history_columns
from tfvae.report.section import Section
from tfvae.storage import atomic_path

CHARTED = (  # of each line the first that two runs share
    ("negative_log_likelihood", "negative_elbo"),
    ("reconstruction_mse", "distortion"),
    ("rate", "mutual_information"),
    ("frechet_distance", "kernel_distance"),
    ("mig", "disentanglement"),
    ("probe_accuracy", "nearest_neighbour_accuracy"),
)
OF_LIKELIHOOD = ("loss", "negative_elbo", "distortion", "negative_bound")
SIDE_BY_SIDE = {
    "reconstructions": "Test images, and below each what the run's model rebuilds from its code. The images are the "
    "same where the runs have the same data.",
    "prior_samples": "Images that each model invents from random codes.",
}
TITLES = {"reconstructions": "Reconstructions side by side", "prior_samples": "Samples side by side"}


def chart_of_metrics(runs):
    """A `Section` of the headline metrics that at least two of {name: `FinishedRun`} share; None if there is none."""
    names = [name for line in CHARTED if (name := next((n for n in line if _shared(runs, n)), None))]
    if not names:
        return None
    panels = {_label(runs, n): (_numbers(runs, n, "value"), _numbers(runs, n, "standard_error")) for n in names}
    rows = [
        (name, run, value, error)
        for name, (values, errors) in zip(names, panels.values(), strict=True)
        for run, value, error in zip(runs, values, errors, strict=True)
    ]
    said = wording.listed(wording.words(name) for name in names)
    return Section(
        "metrics_of_runs",
        "Metrics with their standard errors",
        dots_of_runs(list(runs), panels),
        f"Dots with error bars for {said} of {wording.counted(len(runs), 'run')}.",
        "A dot for each run, with one standard error to either side. Where the bars of two runs overlap, they "
        "can hardly be told apart. The axes do not begin at 0.",
        dict(zip(("metric", "run", "value", "standard_error"), zip(*rows, strict=True), strict=True)),
    )


def learning_curves(runs):
    """A `Section` of the learning curves of the runs, or None if no two share a term."""
    histories = {name: run.history for name, run in runs.items() if run.history}
    panels = _panels(runs, histories)
    if not panels:
        return None
    return Section(
        "learning_curves",
        "Learning curves",
        curves_of_runs(histories, panels),
        f"Line charts of {wording.listed(panels)} over the epochs of {wording.counted(len(histories), 'run')}.",
        "Validation solid, training dotted, a colour for each run; each run's first, steep epochs may lie outside the "
        "frame, and a run that shares a term or its unit with no other is left out of the panel. Losses of different "
        "objectives are different quantities: compare the negative ELBO, distortion and rate.",
        _columns(histories),
    )


def _panels(runs, histories):
    """{title: (term, names of at least two runs)}; nats of densities and of probabilities are kept apart."""
    drawn = {term for history in histories.values() for term in curve_terms(history)}  # without a loss that is the ELBO
    groups = {}
    for name, history in histories.items():
        for term in drawn & history[-1]["train"].keys():
            kind = kind_of_likelihood(runs[name]) if term in OF_LIKELIHOOD else ""
            groups.setdefault((term, kind), []).append(name)
    shared = sorted((key for key, names in groups.items() if len(names) > 1), key=lambda key: (_place(key[0]), key))
    terms = [term for term, _ in shared]
    return {
        wording.words(term) + (f" of a {kind}" if terms.count(term) > 1 else ""): (term, groups[term, kind])
        for term, kind in shared
    }


def _place(term):
    return ORDER.index(term) if term in ORDER else len(ORDER)


def side_by_side(directory, runs):
    """Pictures from the runs' own pages, copied into the comparison's figures/: one row for each kind."""
    for name, caption in SIDE_BY_SIDE.items():
        having = {run: r for run, r in runs.items() if (_figures(r) / f"{name}.png").is_file()}
        lacking = [run for run in runs if run not in having]
        note = f" No such picture beside {wording.listed(lacking)}: `tfvae report` makes it for a model that has one."
        if having:
            shown = [_copied(directory, name, place, run, r) for place, (run, r) in enumerate(having.items(), 1)]
            yield {
                "name": name,
                "title": TITLES[name],
                "caption": caption + (note if lacking else ""),
                "pictures": pictures.load(directory, shown),
            }


def _copied(directory, name, number, run, finished):
    """A run's picture under a name of its own."""
    copy = f"{name}_{number}_{re.sub('[^A-Za-z0-9_.-]+', '_', run)}"
    (directory / pictures.FOLDER / "dark").mkdir(parents=True, exist_ok=True)
    for file in (f"{name}.png", f"dark/{name}.png", f"{name}.csv"):
        if (_figures(finished) / file).is_file():
            with atomic_path(directory / pictures.FOLDER / file.replace(name, copy)) as temporary:
                shutil.copyfile(_figures(finished) / file, temporary)
    with Image.open(_figures(finished) / f"{name}.png") as image:
        width, height = (round(pixels / 2) for pixels in image.size)  # as `pictures.save` has it
    alt = f"{TITLES[name].split()[0]} of the run {run}."
    size = {"width": width, "height": height, "animated": False}
    return {"name": copy, "title": run, "alt": alt, "caption": ""} | size


def _figures(run):
    return run.directory / pictures.FOLDER


def _shared(runs, name):
    return sum(math.isfinite(value) for value in _numbers(runs, name, "value")) > 1


def _numbers(runs, name, key):
    """The value or the standard error of a metric in each run, NaN where there is none."""
    found = [tables.single(run.metrics["metrics"]).get(name, {}).get(key) for run in runs.values()]
    return [float(value) if tables.finite(value) else math.nan for value in found]


def _label(runs, name):
    units = (run.metrics["metrics"].get(name, {}).get("unit", "") for run in runs.values())
    return f"{wording.words(name)}, {wording.unit_words(next(filter(None, units), ''))}".rstrip(", ")


def _columns(histories):
    """The histories below one another."""
    tables_of_runs = {name: history_columns(history) for name, history in histories.items()}
    names = dict.fromkeys(name for table in tables_of_runs.values() for name in table)
    lengths = {run: len(table["epoch"]) for run, table in tables_of_runs.items()}
    found = {"run": [run for run, length in lengths.items() for _ in range(length)]}
    for name in names:
        found[name] = [
            value for run, table in tables_of_runs.items() for value in table.get(name, [None] * lengths[run])
        ]
    return found
