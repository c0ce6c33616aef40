"""The drift of new data from what a run was trained on: its schema, its values, its codes and its scores."""

from dataclasses import replace
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from tfvae import jobs, storage
from tfvae.data import drift, open_splits, statistics
from tfvae.data.distributions import Numbers
from tfvae.data.new_data import NewData, first_batches, values_of
from tfvae.data.schema import image_schema, table_schema
from tfvae.data.whitening import Whitening
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import experiment_from
from tfvae.serving.calibration import total
from tfvae.serving.export_scores import answers_of

REFERENCE = "drift"  # folder of a run
CODES = "codes.npz"
VALUES, ANSWERS = "train", "validation"  # a model knows the codes and scores of training examples too well


def write_reference(directory, experiment, export):
    """Writes what new data is held against into a run's drift/: schema.pbtxt, statistics.pbtxt and codes.npz.

    Args:
        directory: Folder of the run.
        experiment: Its `Experiment`.
        export: Folder of its export.
    """
    folder = Path(directory) / REFERENCE
    folder.mkdir(exist_ok=True)
    (folder / CODES).unlink(missing_ok=True)  # written last, it says that all is there
    splits = open_splits(replace(experiment.data, binarize="none"))
    train, validation = first_batches(splits.train), first_batches(splits.validation)
    whitening = Whitening.of(_codes(export, train))
    columns = splits.train.columns
    classes = splits.train.class_names if experiment.data.conditional else ()
    schema = table_schema(columns) if columns else image_schema(splits.train.image_shape, classes)
    found = {VALUES: values_of(train, columns), ANSWERS: _answers(export, validation, whitening)}
    statistics.write_proto(folder / "schema.pbtxt", schema)
    statistics.write_proto(folder / "statistics.pbtxt", statistics.to_proto(found))
    whitening.save(folder / CODES)


def check_drift(directory, new, output=None, smallest=drift.SMALLEST_DRIFT):
    """Holds new data against a run's reference, and writes anomalies.pbtxt, statistics.pbtxt and drift.json.

    Args:
        directory: Folder of the run, exported.
        new: Data as a configuration names it: a folder, a file, or the name of a dataset.
        output: Where to write; None takes the run's drift/<name of the data>.
        smallest: Distance, from 0 to 1, below which nothing counts as drift.

    Returns:
        The distances, a list of `drift.Measured`.

    Raises:
        ConfigError: If the folder is not that of a run that was exported, `smallest` is out of range, or `output` is
            the folder of the reference.
        DataError: If the data is not as in training, one line for each anomaly; or it cannot be read.
    """
    directory, reference = Path(directory), Path(directory) / REFERENCE
    if not (reference / CODES).is_file() or not (directory / "export").is_dir():
        raise ConfigError(f"{directory} has nothing to hold data against: run `tfvae export {directory}` first.")
    if not 0 < smallest < 1:
        raise ConfigError(f"The smallest drift must lie between 0 and 1. Received: {smallest}")
    output = Path(output) if output else reference / Path(str(new)).resolve().stem  # "." has a name, too
    if output.resolve() == reference.resolve():
        raise ConfigError(f"{output} holds what data is held against, which must stay: choose another --output.")
    schema = statistics.read_proto(reference / "schema.pbtxt", schema_pb2.Schema())
    columns = storage.read_json(directory / "data.json").get("columns", ())
    data = NewData(experiment_from(storage.read_json(directory / "experiment.json")).data, str(new), schema, columns)
    found, measured = {}, []
    if not data.anomalies:
        whitening = Whitening.load(reference / CODES)
        found = {VALUES: data.values(), ANSWERS: _answers(directory / "export", data.batches, whitening)}
        known = statistics.read_proto(reference / "statistics.pbtxt", statistics_pb2.DatasetFeatureStatisticsList())
        measured = _measured(statistics.from_proto(known), found, smallest)
    anomalies = drift.to_anomalies(schema, data.anomalies, measured)
    _write(output, anomalies, found, measured)
    _report(new, anomalies, measured)
    return measured


def _measured(known, found, smallest):
    flat = [{name: d for features in each.values() for name, d in features.items()} for each in (known, found)]
    return drift.measure(*flat, smallest)


def _write(output, anomalies, found, measured):
    output.mkdir(parents=True, exist_ok=True)
    statistics.write_proto(output / "anomalies.pbtxt", anomalies)
    statistics.write_proto(output / "statistics.pbtxt", statistics.to_proto(found))
    figures = {m.feature: {"distance": m.distance, "threshold": m.threshold, "is_drift": m.is_drift} for m in measured}
    storage.write_json(output / "drift.json", {"distances": figures, "anomalies": drift.sentences(anomalies)})


def _report(new, anomalies, measured):
    sentences = drift.sentences(anomalies)
    if sentences:
        raise DataError("\n".join([f"{new} is not as the training data was:", *sentences]))
    table = "\n".join(f"  {m.feature:26s} {m.distance:10.4f}, drift beyond {m.threshold:.4f}" for m in measured)
    figures = {m.feature: m.distance for m in measured}
    jobs.event(f"{new} is as the training data was. Distances, from 0 to 1:\n{table}", distances=figures)


def _codes(export, batches):
    codes = answers_of(export, "encode", batches)["z_mean"]
    return codes.reshape(len(codes), -1)


def _answers(export, batches, whitening):
    """Distributions of the whitened codes and of the score, under names that no column is likely to have."""
    scores = Numbers.of(total(answers_of(export, "score", batches)))
    found = {**whitening.distributions(_codes(export, batches)), "score": scores}
    return {f"model {name}": distribution for name, distribution in found.items()}
