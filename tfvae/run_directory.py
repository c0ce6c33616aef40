"""A run's directory: what the jobs after training read from it and write into it."""

import functools
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfvae import devices, jobs, storage
from tfvae.data import open_splits, pipeline
from tfvae.data.description import describe
from tfvae.drift import write_reference
from tfvae.errors import ConfigError, DataError
from tfvae.evaluation.classifier import classifier_extractor, train_classifier
from tfvae.evaluation.features import load_extractor
from tfvae.evaluation.measures import Subject, measure_all
from tfvae.experiment import experiment_from, load_model
from tfvae.gate import validate_export
from tfvae.report import FinishedRun, write_comparison, write_report
from tfvae.serving import export
from tfvae.serving.signatures import left_out
from tfvae.settings import Evaluation
from tfvae.training.logs import read_history

TEST_SEED = 0  # figures on the test set are drawn alike for every run, whatever its own seed
MOST_REPORTED = 5000  # examples on the page's map of codes


def load_run(directory):
    """The `Experiment` of a run's directory.

    Raises:
        ConfigError: If there is none.
    """
    path = Path(directory) / "experiment.json"
    if not path.is_file():
        raise ConfigError(f"{directory} is not a run's directory: no file experiment.json. Run `tfvae train` first.")
    return experiment_from(storage.read_json(path))


def open_data(directory, experiment):
    """The `Splits` of sources that a run was trained on, and their fingerprint.

    Raises:
        DataError: If the data is another one now: its test split may hold what the model was trained on.
    """
    splits = open_splits(experiment.data)
    description = describe(experiment.data, splits)
    if description != storage.read_json(directory / "data.json"):
        raise DataError(f"`{experiment.data.name}` has changed since {directory} was trained on it: train again.")
    return splits, description["fingerprint"]


def evaluate_run(directory, evaluation=None):
    """Measures a run's model on its test split, writes metrics.json, and says aloud what the latent space does.

    Args:
        directory: Folder of the run.
        evaluation: An `Evaluation`; None takes the experiment's own.

    Returns:
        What is in metrics.json.
    """
    directory = Path(directory)
    experiment = load_run(directory)
    devices.prepare(experiment.training)
    model = load_model(directory)
    evaluation = evaluation or experiment.evaluation
    splits, fingerprint = open_data(directory, experiment)
    result = measure_all(_subject(directory, experiment.data, evaluation, model, splits), evaluation.chosen())
    result = {"split": "test", **result, "seed": TEST_SEED, "data_fingerprint": fingerprint}
    storage.write_json(directory / "metrics.json", result)
    if evaluation.measures != Evaluation().measures:  # of what is asked for unasked, most data has not all
        for name, reason in result["left_out"].items():
            jobs.event(f"Not measured: {name}. {reason}", measure=name)
    jobs.event(summary(result), **{name: metric["value"] for name, metric in result["metrics"].items()})
    if result["collapsed"]:
        jobs.log.warning(result["verdict"])
    return result


def _subject(directory, data, evaluation, model, splits):
    def batches(splits):
        return [pipeline.ordered_batches(source, data.batch_size) for source in (splits.train, splits.test)]

    @functools.cache  # reads the data once more: only where samples are measured
    def grey():
        return batches(splits if data.binarize == "none" else open_splits(replace(data, binarize="none")))

    def extractor():
        return extractor_of(directory, evaluation.extractor, splits.test.image_shape, *grey())

    facts = (data.held_out_class, splits.test.factor_names, TEST_SEED)
    return Subject(model, *batches(splits), lambda: grey()[1], evaluation, extractor, *facts, jobs.progress_bar)


def extractor_of(directory, path, image_shape, train, test):
    """The `Extractor` that `path` names; without one a classifier of the data's labels, trained once and kept.

    Raises:
        ValueError: If there is no such extractor, or the data has no labels to train one with.
    """
    if path is not None:
        return load_extractor(path, image_shape)
    kept = directory / "classifier.keras"
    if not kept.exists():
        trained = train_classifier(train, test, TEST_SEED, progress=jobs.progress_bar)
        accuracy = trained.metrics().get("classifier_accuracy", {}).get("value", float("nan"))
        jobs.event(f"Trained a classifier for features: test accuracy {accuracy:.3f}.", path=str(kept))
        with storage.atomic_path(kept) as temporary:
            trained.model.save(temporary)
    return classifier_extractor(keras.models.load_model(kept, compile=False))


def summary(result):
    """The metrics as a table for people, a line each, and the verdict on the latent space unless that is a warning."""
    single = {name: metric for name, metric in result["metrics"].items() if not isinstance(metric["value"], list)}
    lines = [f"  {name.replace('_', ' '):26s} {_measured(metric)}" for name, metric in single.items()]
    verdict = [] if result["collapsed"] else [result["verdict"]]
    return "\n".join([f"Test split, {result['num_examples']} examples:", *lines, *verdict])


def _measured(metric):
    value = f"{metric['value']:10d}" if isinstance(metric["value"], int) else f"{metric['value']:10.4f}"
    error = f" +- {metric['standard_error']:.4f}" if "standard_error" in metric else ""
    examples = f", {metric['num_examples']} examples" if "num_examples" in metric else ""
    return f"{value}{error} {metric['unit']}{examples}"


def export_run(directory, destination=None):
    """Exports a run's model for TensorFlow Serving; the run's own export/ is replaced, any other folder must be new."""
    directory = Path(directory)
    experiment, model = load_run(directory), load_model(directory)
    splits, _ = open_data(directory, experiment)
    own = directory / "export"
    destination = Path(destination) if destination else own
    for stale in directory.glob(".export-*"):  # of an export that was killed
        shutil.rmtree(stale)
    if destination == own and own.exists():
        shutil.rmtree(own)
    export(
        model,
        destination,
        binarize=experiment.data.binarize,
        validation=pipeline.ordered_batches(splits.validation, experiment.data.batch_size),
        manifest=manifest(directory, experiment),
    )
    write_reference(directory, experiment, destination)
    for name, reason in left_out(model).items():
        jobs.event(f"The model has no signature `{name}`: {reason}.", signature=name)
    jobs.event(f"Exported to {destination}.", path=str(destination))
    return destination


def manifest(directory, experiment):
    """What tfvae_manifest.json says of where an exported model comes from."""
    metrics, training = directory / "metrics.json", storage.read_json(directory / "training.json")
    return {
        "experiment": experiment.to_dict(),
        "seed": experiment.seed,
        "data": storage.read_json(directory / "data.json"),
        "training": training,
        "metrics": storage.read_json(metrics)["metrics"] if metrics.exists() else None,
    }


def export_of(path):
    """The export that a path means: itself, or the export/ of a run's directory."""
    path = Path(path)
    return path / "export" if not (path / "saved_model.pb").exists() and (path / "export").is_dir() else path


def validate_run(path, gate=None, base_path=None, server=None):
    """Puts an export, or that of a run's directory, through `gate.validate_export`."""
    return validate_export(export_of(path), gate, base_path, server)


def report_run(directory):
    """Writes a run's report.html and figures/, and returns the page's path.

    Raises:
        ConfigError: If the run was not evaluated.
    """
    directory = Path(directory)
    if not (directory / "metrics.json").is_file():
        raise ConfigError(f"{directory} has no metrics.json. Run `tfvae evaluate` first.")
    experiment, model = load_run(directory), load_model(directory)
    splits, _ = open_data(directory, experiment)
    index = tf.range(min(MOST_REPORTED, splits.test.num_examples), dtype="int64")
    batch = {name: np.asarray(value) for name, value in pipeline.batch_of(splits.test, index).items()}
    page = write_report(
        directory,
        model=model,
        batch=batch,
        class_names=splits.test.class_names,
        experiment=experiment.to_dict(),
        history=read_history(directory / "history.jsonl"),
        metrics=storage.read_json(directory / "metrics.json"),
        data=storage.read_json(directory / "data.json"),
    )
    jobs.event(f"Look at {page}.", path=str(page))
    return page


def finished_runs(directories):
    """What the files of several runs say, a `report.FinishedRun` for each; neither models nor data are opened.

    Raises:
        ConfigError: If a folder is not that of a run, was not evaluated, or is given twice.
    """
    places = [Path(directory).resolve() for directory in directories]
    for place, directory in zip(places, directories, strict=True):
        if places.count(place) > 1:
            raise ConfigError(f"{directory} is given twice: a comparison is one of different runs.")
    return [_finished(Path(directory)) for directory in directories]


def report_runs(runs, destination):
    """Writes a page about several runs, and returns its path.

    Args:
        runs: What `finished_runs` returned.
        destination: Folder of the page.
    """
    page = write_comparison(destination, runs)
    jobs.event(f"Look at {page}.", path=str(page))
    return page


def _finished(directory):
    experiment, metrics, history, data = (
        directory / name for name in ("experiment.json", "metrics.json", "history.jsonl", "data.json")
    )
    if not experiment.is_file():
        raise ConfigError(f"{directory} is not a run's directory: no file experiment.json. Run `tfvae train` first.")
    if not metrics.is_file():
        raise ConfigError(f"{directory} has no metrics.json. Run `tfvae evaluate` first.")
    return FinishedRun(
        directory,
        storage.read_json(experiment),
        storage.read_json(metrics),
        read_history(history) if history.is_file() else [],
        storage.read_json(data) if data.is_file() else {},
    )
