"""HParams: the trials of a search as TensorBoard's HParams tab reads them, a folder of one event file for each."""

import hashlib
import math
import shutil
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import HParam, Metric, hparams_config_pb, hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from tfvae.report.wording import words
from tfvae.storage import atomic_path
from tfvae.tuning.findings import read_findings
from tfvae.tuning.hparams_columns import columns_of
from tfvae.tuning.page.wording import label_of

FOLDER = "tensorboard"
VERSION = "brain.Event:2"  # what every event file begins with


def write_hparams(directory):
    """Writes `directory`/tensorboard/ from the files search.json and trials.jsonl in `directory`.

    A file whose content is the same stays as it is, so that writing again after each trial costs little, and a
    TensorBoard that is open goes on reading.

    Args:
        directory: The search's folder.

    Returns:
        The path of the folder, for `tensorboard --logdir`.
    """
    findings = read_findings(directory)
    folder, columns = Path(directory) / FOLDER, columns_of(findings)
    hparams = [HParam(c.path, c.domain, display_name=c.name, description=c.path) for c in columns]
    # A time of 0 where one is asked for: with the time of writing, no two files would be the same.
    _write(folder, [hparams_config_pb(hparams, _metrics(findings), time_created_secs=0.0)])
    for trial in findings.trials:
        _write(folder / trial.name, _summaries(findings, trial, columns))
    _remove_others(folder, {trial.name for trial in findings.trials})
    return folder


def _summaries(findings, trial, columns):
    values = {column.path: column.value(trial) for column in columns}
    scores = {name: trial.score(name) for name in findings.metrics}
    return [
        hparams_pb(values, trial_id=trial.name, start_time_secs=0.0),
        *[scalar_pb(name, score) for name, score in scores.items() if math.isfinite(score)],
        _end(trial),
    ]


def _end(trial):
    status = api_pb2.STATUS_SUCCESS if trial.is_completed else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=float(trial.row.get("seconds") or 0))
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    summary = Summary()
    summary.value.add(tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
    return summary


def _metrics(findings):
    objectives = {objective.name: objective for objective in findings.objectives}
    return [
        Metric(
            name,
            display_name=words(name),
            description=label_of(objectives[name]) if name in objectives else None,
            dataset_type=Metric.VALIDATION,
        )
        for name in findings.metrics
    ]


def _write(folder, summaries):
    """Writes the summaries as the one event file of a folder, unless they are what it holds."""
    events = [Event(file_version=VERSION), *[Event(summary=summary) for summary in summaries]]
    records = [event.SerializeToString(deterministic=True) for event in events]
    path = folder / f"events.out.tfevents.0.{hashlib.sha256(b''.join(records)).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            writer = RecordWriter(file)
            for record in records:
                writer.write(record)
    for other in folder.glob("*tfevents*"):
        if other != path:
            other.unlink()


def _remove_others(folder, names):
    """Removes trials that are no longer part of the search."""
    for other in folder.iterdir():
        if other.is_dir() and other.name not in names:
            shutil.rmtree(other)
