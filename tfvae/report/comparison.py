"""Comparison: one page about several runs, from their files alone."""

from pathlib import Path
from typing import NamedTuple

from tfvae.report import comparability, pictures, summary, tables, wording
from tfvae.report.comparability import FinishedRun
from tfvae.report.comparison_figures import chart_of_metrics, learning_curves, side_by_side
from tfvae.report.meanings import meaning_of
from tfvae.report.rendering import write_page

__all__ = ["FinishedRun", "write_comparison"]
NOT_SET = "not set"


class Cell(NamedTuple):
    """One number of a table."""

    text: str
    best: bool


class Row(NamedTuple):
    """One line of the table of metrics."""

    name: str
    unit: str
    meaning: str
    cells: list


def write_comparison(directory, runs):
    """Writes `directory`/report.html, metrics.csv, configuration.csv and figures/.

    Args:
        directory: The comparison's folder; made if it is not there.
        runs: `FinishedRun`s, at least 2.

    Returns:
        The path of report.html.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    runs = dict(zip(unique_names([run.directory for run in runs]), runs, strict=True))
    found = [section for section in (chart_of_metrics(runs), learning_curves(runs)) if section]
    saved = [pictures.save(directory, section) for section in found]
    differences = _differences(runs)
    pictures.write_table(directory / "metrics.csv", _metric_columns(runs))
    columns = zip(*differences.values(), strict=True) if differences else [[]] * len(runs)
    pictures.write_table(
        directory / "configuration.csv", {"key": list(differences)} | dict(zip(runs, columns, strict=True))
    )
    return write_page(
        directory,
        "comparison.html",
        title=f"Comparison of {wording.counted(len(runs), 'run')}",
        headline=_headline(runs),
        remarks=comparability.remarks(runs),
        names=list(runs),
        groups=[
            (kind, [_row(runs, name) for name in names]) for kind, names in tables.grouped(comparability.shared(runs))
        ],
        split=wording.listed(dict.fromkeys(run.metrics.get("split", "test") for run in runs.values())),
        pictures=pictures.load(directory, saved),
        differences=differences,
        side_by_side=side_by_side(directory, runs),
        facts=[(name, _fact(run)) for name, run in runs.items()],
    )


def unique_names(directories):
    """The folders' names, with as many of their parents as it takes to tell them apart."""
    parts = [Path(directory).resolve().parts for directory in directories]
    depths = [1] * len(parts)
    while True:
        names = ["/".join(part[-depth:]) for part, depth in zip(parts, depths, strict=True)]
        twice = [names.count(name) > 1 for name in names]
        if not any(t and depth < len(part) for t, depth, part in zip(twice, depths, parts, strict=True)):
            return names
        depths = [depth + is_twice for depth, is_twice in zip(depths, twice, strict=True)]


def _headline(runs):
    """Which run is best by the first of the headline metrics that two of them share."""
    listed = wording.listed(runs)
    for name in summary.HEADLINES:
        measured = {run: r.metrics["metrics"][name] for run, r in runs.items() if name in r.metrics["metrics"]}
        if len(measured) > 1:
            return f"{listed}: {_verdict(runs, name, measured)}"
    return f"{listed}."


def _verdict(runs, name, measured):
    if comparability.aspects_that_differ(runs, name).keys() - {"num_samples"}:
        return f"their {wording.words(name)} cannot be compared."
    lowest, is_sure = comparability.leader(runs, name)
    row = tables.row_of(name, measured[lowest])
    sure = "" if is_sure else ", though by less than two standard errors of the difference"
    return f"{lowest} has the lowest {row.name}, {row.value} {row.unit}{sure}."


def _row(runs, name):
    first, best = next(_of(run, name) for run in runs.values() if _of(run, name)), comparability.best(runs, name)
    cells = [Cell(_value(_of(run, name)), run_name == best) for run_name, run in runs.items()]
    unit = wording.unit_words(first.get("unit", ""))
    return Row(wording.words(name), unit, meaning_of(name).text, cells)


def _of(run, name):
    return tables.single(run.metrics["metrics"]).get(name)


def _value(metric):
    return wording.measured(metric.get("value"), metric.get("standard_error")) if metric else "\N{EN DASH}"


def _metric_columns(runs):
    """A row for each metric and run that has it."""
    rows = [(name, run, _of(r, name)) for name in comparability.shared(runs) for run, r in runs.items() if _of(r, name)]
    found = {"metric": [name for name, *_ in rows], "run": [run for _, run, _ in rows]}
    for key in ("value", "standard_error", "unit"):
        found[key] = [metric.get(key) for *_, metric in rows]
    return found | {"is_best": [comparability.best(runs, name) == run for name, run, _ in rows]}


def _differences(runs):
    """{dotted path: value in each run} of the configuration, where not all are the same."""
    settings = [dict(summary.settings(_opened(run.experiment))) for run in runs.values()]
    paths = dict.fromkeys(path for of_run in settings for path in of_run)
    rows = {path: [of_run.get(path, NOT_SET) for of_run in settings] for path in paths}
    return {path: values for path, values in rows.items() if len(set(values)) > 1}


def _opened(value):
    """A tree whose lists of parts are tables, so that two of them can be compared part by part."""
    if isinstance(value, list) and any(isinstance(member, dict) for member in value):
        value = {str(place): member for place, member in enumerate(value)}
    return {key: _opened(member) for key, member in value.items()} if isinstance(value, dict) else value


def _fact(run):
    history, directory = run.history, str(Path(run.directory).resolve())
    if not history:
        return directory
    seconds = sum(row.get("seconds", 0) for row in history)
    return f"{directory}, {wording.counted(history[-1]['epoch'], 'epoch')} in {wording.duration(seconds)}"
