"""The page of one run: report.html, with everything it shows inside, and the figures once more as files."""

from pathlib import Path

from tfvae.report import pictures, summary, tables, wording
from tfvae.report.rendering import write_page
from tfvae.report.sections import sections
from tfvae.report.study import studies_of
from tfvae.versions import versions


def write_report(directory, *, model, batch, class_names, experiment, history, metrics, data):
    """Writes `directory`/report.html, and `directory`/figures/: PNG and CSV of every figure, dark/ for dark pages.

    The page has a section for each study that `directory`/studies/ holds.

    Args:
        directory: The run's folder; made if it is not there.
        model: A built model.
        batch: Test examples as the model sees them: {"x": float32 [N, *event], "label": integers [N]}, and for a
            conditional model "condition", [N, K].
        class_names: Names of the classes 0, 1, ...; may be empty.
        experiment: The configuration, a nested dict.
        history: [{"epoch", "seconds" (of that epoch), "train": {term: nats per example}, "validation": ...}, ...].
        metrics: {"split", "num_examples", "collapsed", "verdict", "metrics": {name: {"value", "unit", ...}},
            "left_out": {measure: why}, ...}.
        data: {"name", "splits": {split: {"num_examples"}}, "image_shape", "fingerprint"}.

    Returns:
        The path of report.html.
    """
    directory = Path(directory)
    found = sections(model, batch, class_names, history, metrics)
    saved = [pictures.save(directory, section) for section in found]
    return write_page(
        directory,
        "run.html",
        title=f"{summary.model_name(experiment, model)} on {data['name']}",
        headline=summary.headline(model, experiment, history, metrics, data),
        collapsed=metrics.get("collapsed", False),
        verdict=metrics.get("verdict", ""),
        metrics=metrics,
        groups=tables.metric_groups(metrics["metrics"]),
        not_measured=[(wording.words(name), text) for name, text in metrics.get("left_out", {}).items()],
        pictures=pictures.load(directory, saved),
        studies=studies_of(directory),
        facts=summary.facts(model, history, data),
        settings=summary.settings(experiment),
        versions=versions().items(),
    )
