"""Studies: the page of a study, its study.json, and what of it a run's page shows."""

import math
from pathlib import Path

import numpy as np

from tfvae.report import pictures, summary, tables, wording
from tfvae.report.rendering import write_page
from tfvae.storage import read_json, write_json
from tfvae.versions import versions

FILE = "study.json"
MAIN = 8  # numbers of a study on a run's page; the others are on its own


def write_study(directory, *, name, title, headline, sections, numbers, experiment, options, seconds):
    """Writes `directory`/study.json, `directory`/figures/ and `directory`/report.html.

    Args:
        directory: The study's folder; made if it is not there.
        name: Name of the study.
        title: A few words.
        headline: The main result, one sentence.
        sections: `Section`s, in the order of the page.
        numbers: {name: {"value", "unit", "standard_error", ...}}.
        experiment: The configuration that was varied, a nested dict.
        options: {name: value} of the study's own options.
        seconds: How long it took.

    Returns:
        The path of report.html.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    saved = [pictures.save(directory, section) for section in sections]
    study = {
        "study": name,
        "title": title,
        "headline": headline,
        "numbers": plain(numbers),
        "options": plain(options),
        "seconds": seconds,
        "versions": versions(),
        "experiment": plain(experiment),
        "figures": saved,
    }
    write_json(directory / FILE, study)
    return write_page(
        directory,
        "study.html",
        **_shown(directory, study),
        options=summary.settings(study["options"]),
        settings=summary.settings(study["experiment"]),
        facts=[("Study", name), ("Time", wording.duration(seconds)), ("Data", _data_name(study))],
        versions=versions().items(),
    )


def studies_of(directory):
    """What a run's page shows of the studies in `directory`/studies/, in the order of their names."""
    files = sorted((Path(directory) / "studies").glob(f"*/{FILE}"))
    return [_shown(file.parent, read_json(file), MAIN) for file in files]


def plain(value):
    """A value as JSON holds it: lists for tuples and arrays, null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(directory, study, most=None):
    """What the templates need of a study; `most` bounds its numbers."""
    rows = [tables.row_of(name, metric) for name, metric in tables.single(study["numbers"]).items()]
    return {
        "name": study["study"],
        "title": study["title"],
        "headline": study["headline"],
        "groups": [("", rows[:most])] if rows else [],
        "num_left_out": len(rows[most:]) if most else 0,
        "pictures": pictures.load(directory, study["figures"]),
    }


def _data_name(study):
    return study["experiment"].get("data", {}).get("name", "not known")
