"""The page: report.html, with everything it shows inside, and the figures once more as PNG files."""

import base64
from importlib import resources
from pathlib import Path

import jinja2

from tfvae.report import summary
from tfvae.report.figures.canvas import DARK, DPI, LIGHT, png
from tfvae.report.sections import sections
from tfvae.storage import atomic_path, write_text
from tfvae.versions import versions


def write_report(directory, *, model, batch, class_names, experiment, history, metrics, data):
    """Writes `directory`/report.html and `directory`/figures/*.png.

    Args:
        directory: The run's folder; made if it is not there.
        model: A built model.
        batch: Test examples as the model sees them: {"x": float32 [N, *event], "label": integers [N]}, and for a
            conditional model "condition", [N, K].
        class_names: Names of the classes 0, 1, ...; may be empty.
        experiment: The configuration, a nested dict.
        history: [{"epoch", "seconds" (of that epoch), "train": {term: nats per example}, "validation": ...}, ...].
        metrics: {"split", "num_examples", "collapsed", "verdict", "metrics": {name: {"value", "unit", ...}}, ...}.
        data: {"name", "splits": {split: {"num_examples"}}, "image_shape", "fingerprint"}.

    Returns:
        The path of report.html.
    """
    directory = Path(directory)
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    found = sections(model, batch, class_names, history, metrics)
    pictures = [_picture(section) for section in found]
    for picture in pictures:
        with atomic_path(directory / "figures" / f"{picture['name']}.png") as temporary:
            temporary.write_bytes(picture["light"])
    page = _template().render(
        title=f"{summary.model_name(experiment, model)} on {data['name']}",
        headline=summary.headline(model, experiment, history, metrics, data),
        collapsed=metrics.get("collapsed", False),
        verdict=metrics.get("verdict", ""),
        metrics=metrics,
        rows=summary.metric_rows(metrics),
        pictures=pictures,
        facts=summary.facts(model, history, data),
        settings=summary.settings(experiment),
        versions=versions().items(),
    )
    write_text(directory / "report.html", page)
    return directory / "report.html"


def _picture(section):
    """What the template needs of a section: texts, size in CSS pixels, and the figure for either theme."""
    width, height = (round(inches * DPI / 2) for inches in section.figure.get_size_inches())
    light, dark = png(section.figure, LIGHT), png(section.figure, DARK)
    return {**section._asdict(), "light": light, "dark": dark, "width": width, "height": height}


def _data_url(image):
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def _template():
    source = resources.files("tfvae.report").joinpath("page.html").read_text(encoding="utf-8")
    options = {"autoescape": True, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = jinja2.Environment(**options)
    environment.filters["data_url"] = _data_url
    return environment.from_string(source)
