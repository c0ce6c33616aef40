"""The main job: data, train, evaluate, report, export, validate, push, each skipped when it is not due."""

import datetime
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from tfvae import jobs, run_directory, storage
from tfvae.data import open_splits
from tfvae.data.description import describe
from tfvae.errors import ConfigError
from tfvae.experiment import Experiment, build_model
from tfvae.serving import push
from tfvae.superseded import move_aside
from tfvae.training.train import OUTPUTS, differences, shaping, train
from tfvae.versions import versions

TUNING = "tuning"  # folder of the search of `tfvae run --tune`, which is no part of the run that it chose
NAMES = ("data", "train", "evaluate", "report", "export", "validate", "push")  # what is refused has a page to look at
# Of an export; the blessing, which the gate adds, is not made by the step that exports.
EXPORTED = tuple(
    f"export/{name}"
    for name in (
        "saved_model.pb",
        "variables",
        "assets.extra/tfvae_manifest.json",
        "assets.extra/tfvae_probes",
        "assets.extra/tf_serving_warmup_requests",
    )
)


@dataclass(frozen=True)
class Job:
    """What the steps work on.

    Attributes:
        experiment: The `Experiment`.
        directory: Folder of the run.
        base_path: Folder that TensorFlow Serving watches, .../saved_models/<name>.
        keep: Number of versions to keep there; None keeps all.
        interruption: A `jobs.Interruption`.
        first: Name of the step to begin with whether or not it is due, the ones after it included; None: what is due.
        last: Name of the step to stop after.
    """

    experiment: Experiment
    directory: Path
    base_path: Path
    keep: int | None
    interruption: jobs.Interruption
    first: str | None = None
    last: str = NAMES[-1]

    def __post_init__(self):
        if self.first and NAMES.index(self.first) > NAMES.index(self.last):
            raise ConfigError(f"There is nothing to run: step {self.first} comes after step {self.last}.")


class Step(NamedTuple):
    """One step of the main job.

    Attributes:
        inputs: Job -> plain values and paths; a path stands for the hash of what it holds.
        run: Job -> plain values to note in the step's manifest, or None.
        outputs: Names of files and folders of the run's directory that the step makes.
        is_always_due: Whether it depends on what cannot be told without running it.
    """

    inputs: Callable
    run: Callable
    outputs: tuple[str, ...] = ()
    is_always_due: bool = False


def run(job, dry_run=False):
    """Runs the steps that are due.

    Args:
        job: A `Job`; the caller holds its directory locked.
        dry_run: Whether only to say what would be done.
    """
    build_model(job.experiment)  # a mistake in a part shows before any work
    forced = False
    if not dry_run:
        storage.remove_leftovers(job.directory)
    for name in NAMES[: NAMES.index(job.last) + 1]:
        forced = forced or name == job.first
        path, key = job.directory / "steps" / f"{name}.json", None if forced and dry_run else _key(name, job)
        if not forced and _is_done(name, job, path, key):
            jobs.event(f"{name:9s} skipped: nothing it depends on has changed.", step=name, skipped=True)
        elif dry_run:
            jobs.event(f"{name:9s} would run.", step=name, dry_run=True)
            forced = name != "data"  # what comes after it depends on what it would make, if that changes
        else:
            _run(name, job, path, key)


def _run(name, job, path, key):
    jobs.event(f"{name:9s} ...", step=name)
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    _remove_damaged(job, path)
    path.unlink(missing_ok=True)
    notes = STEPS[name].run(job) or {}
    path.parent.mkdir(parents=True, exist_ok=True)  # the run may have been moved aside
    storage.write_json(
        path,
        {
            "step": name,
            "key": key,
            "inputs": _inputs(name, job),
            "outputs": {output: storage.sha256_of_tree(job.directory / output) for output in STEPS[name].outputs},
            "notes": notes,
            "versions": versions(),
            "seed": job.experiment.seed,
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 3),
        },
    )


def _remove_damaged(job, path):
    """Removes what is not any more what the step wrote, for it may take what it finds as its own."""
    outputs = storage.read_json(path)["outputs"] if path.exists() else {}
    for output, digest in outputs.items():
        file = job.directory / output
        if file.is_file() and storage.sha256_of_file(file) != digest:
            file.unlink()


def _key(name, job):
    """Hash of all that a step depends on."""
    return storage.sha256_of_json([name, _inputs(name, job), versions()])


def _inputs(name, job):
    return {key: _hashed(value) if isinstance(value, Path) else value for key, value in STEPS[name].inputs(job).items()}


def _hashed(path):
    return storage.sha256_of_tree(path) if path.exists() else None


def _is_done(name, job, path, key):
    if STEPS[name].is_always_due or not path.exists():
        return False
    manifest = storage.read_json(path)
    if manifest["key"] != key or (name == "push" and not _is_pushed(job, manifest["notes"]["version"])):
        return False
    outputs = {job.directory / output: digest for output, digest in manifest["outputs"].items()}
    return all(path.exists() and storage.sha256_of_tree(path) == digest for path, digest in outputs.items())


def _is_pushed(job, version):
    """Whether a version is there, or was withdrawn, which the next run must not undo."""
    return any((job.base_path / name).is_dir() for name in (str(version), f".withdrawn-{version}"))


def _data(job):
    description = describe(job.experiment.data, open_splits(job.experiment.data))
    _supersede(job, description)
    storage.write_json(job.directory / "data.json", description)
    counts = {split: part["num_examples"] for split, part in description["splits"].items()}
    shape = description["image_shape"]
    size = f"images {shape}" if len(shape) == 3 else f"{shape[0]} columns"
    jobs.event(f"          {description['name']}: {counts}, {size}.", **counts)


def _supersede(job, description):
    """Moves a run of another configuration or other data aside: nothing is lost, nothing is mixed."""
    old, data = job.directory / "experiment.json", job.directory / "data.json"
    if not old.exists():
        return
    changed = differences(storage.read_json(old), job.experiment.to_dict())
    if not changed and data.exists() and storage.read_json(data) == description:
        return
    move_aside(job.directory, "; ".join(changed) or "the data has changed", [TUNING])


def _train(job):
    if (job.directory / "training.json").exists() and job.first in ("data", "train"):
        data = storage.read_json(job.directory / "data.json")
        move_aside(job.directory, "it is trained anew", [TUNING])
        storage.write_json(job.directory / "data.json", data)
    train(job.experiment, job.directory, job.interruption)


def _push(job):
    pushed = push(job.directory / "export", job.base_path, job.keep)
    jobs.event(f"          {job.base_path}/{pushed.version}" + ("" if pushed.is_new else " (was there already)"))
    return pushed._asdict()


def _exported(job):
    return {name: job.directory / name for name in EXPORTED}


STEPS = {
    # The files that the data comes from may have changed.
    "data": Step(lambda job: {"data": asdict(job.experiment.data)}, _data, ("data.json",), is_always_due=True),
    "train": Step(
        lambda job: {
            "experiment": shaping(job.experiment.to_dict()),
            "data": job.directory / "data.json",
        },
        _train,
        OUTPUTS,
    ),
    "evaluate": Step(
        lambda job: {
            "evaluation": asdict(job.experiment.evaluation),
            "model": job.directory / "model.keras",
            "data": job.directory / "data.json",
        },
        lambda job: run_directory.evaluate_run(job.directory, job.experiment.evaluation) and None,
        ("metrics.json",),
    ),
    "report": Step(
        lambda job: {
            "model": job.directory / "model.keras",
            "metrics": job.directory / "metrics.json",
            "history": job.directory / "history.jsonl",
            "data": job.directory / "data.json",
            "studies": {str(path): _hashed(path) for path in sorted(job.directory.glob("studies/*/study.json"))},
        },
        lambda job: run_directory.report_run(job.directory) and None,
        ("report.html",),
    ),
    "export": Step(
        lambda job: {"model": job.directory / "model.keras", "metrics": job.directory / "metrics.json"},
        lambda job: run_directory.export_run(job.directory) and None,
        (*EXPORTED, *(f"drift/{name}" for name in ("schema.pbtxt", "statistics.pbtxt", "codes.npz"))),
    ),
    "validate": Step(
        lambda job: {"gate": asdict(job.experiment.gate), "base_path": str(job.base_path), **_exported(job)},
        lambda job: run_directory.validate_run(job.directory, job.experiment.gate, job.base_path),
    ),
    "push": Step(lambda job: {"base_path": str(job.base_path), **_exported(job)}, _push),
}
