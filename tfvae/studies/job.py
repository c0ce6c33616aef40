"""The study job: an experiment or a trained run in, a folder of figures, numbers and a page out."""

import importlib
import inspect
import time
from importlib import resources
from pathlib import Path

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import load_experiment, value_of
from tfvae.report import write_study
from tfvae.run_directory import load_run
from tfvae.studies.workbench import Workbench

OPTION = "study."  # overrides that begin with it are arguments of the study and not of the experiment


def run_study(name, source, directory, overrides, interruption):
    """Runs a study; what it trained before it was stopped is not trained again.

    The folder then holds study.json (numbers and texts), figures/ (PNG and CSV), report.html and runs/.

    Args:
        name: One of `STUDIES`.
        source: A TOML file, or the folder of a trained run; None takes the study's own default.
        directory: Folder of the study, which the caller holds locked.
        overrides: Texts such as "training.epochs=50" for the experiment, "study.betas=[1, 4]" for the study.
        interruption: A `jobs.Interruption`.

    Returns:
        The `Findings`.

    Raises:
        ConfigError: If the study has no such option, or cannot be made with this experiment.
    """
    module = importlib.import_module(f"tfvae.studies.{name.replace('-', '_')}")
    options = options_of(module.run, [text for text in overrides if text.startswith(OPTION)])
    experiment, trained = open_source(source, [text for text in overrides if not text.startswith(OPTION)], module)
    bench = Workbench(experiment, Path(directory), interruption, trained)
    _ = bench.model  # a mistake in a part shows before any work
    started = time.monotonic()
    findings = module.run(bench, **options)
    page = write_study(
        directory,
        name=name,
        title=title(name),
        headline=findings.headline,
        sections=findings.sections,
        numbers=findings.numbers,
        experiment=experiment.to_dict(),
        options=_defaults(module.run) | options,
        seconds=round(time.monotonic() - started, 1),
    )
    jobs.event(findings.headline, study=name, **{key: number["value"] for key, number in findings.numbers.items()})
    jobs.event(f"Look at {page}.", path=str(page))
    return findings


def title(name):
    """`kl-weight` -> "KL weight"."""
    words = name.replace("-", " ").replace("kl ", "KL ")
    return words[0].upper() + words[1:]


def open_source(source, overrides, module):
    """The experiment of a TOML file or of a run's folder, and the folder of the run or None."""
    if source is not None and Path(source).is_dir():
        if overrides:
            raise ConfigError(f"{source} is a trained run, of which nothing can be set: {overrides[0]!r}.")
        return load_run(source), Path(source)
    if source is None:
        default = resources.files("tfvae.studies") / f"{module.DEFAULT}.toml"
        with resources.as_file(default) as path:
            return load_experiment(path, overrides), None
    return load_experiment(source, overrides), None


def options_of(run, texts):
    """The options of a study from texts such as "study.betas=[1, 4]"."""
    given = dict(_option(text) for text in texts)
    known = _defaults(run)
    for option in given:
        if option not in known:
            allowed = ", ".join(f"study.{key}={value!r}" for key, value in known.items()) or "none"
            raise ConfigError(f"This study has no option `study.{option}`. Its options and defaults: {allowed}.")
    return given


def _option(text):
    key, _, value = text.removeprefix(OPTION).partition("=")
    return key, value_of(value.strip())


def _defaults(run):
    parameters = inspect.signature(run).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
