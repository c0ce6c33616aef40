"""The files of a search: what is known of each trial, and what follows from all of them."""

import shutil

import tomli_w

from tfvae import storage
from tfvae.errors import ConfigError
from tfvae.tuning.choice import best_of, front_of


class Records:
    """The trials of a search in its directory: each in a file of its own, written by whoever ran it.

    These, and the score.json of each training, are the truth about a search; an oracle's state may be lost.

    Args:
        directory: Folder of the search.
    """

    def __init__(self, directory):
        self.directory = directory

    def write(self, record):
        """Writes the record of one trial."""
        (self.directory / "trials").mkdir(parents=True, exist_ok=True)
        storage.write_json(self._path(record["trial"]), record)

    def replace(self, records):
        """Has these records, and no others."""
        for path in self.directory.glob("trials/*.json"):
            path.unlink()
        for record in records:
            self.write(record)

    def find(self, trial, values):
        """The record of a trial, or None if it has not ended or is one of other values."""
        record = storage.read_json(self._path(trial)) if self._path(trial).exists() else None
        return record if record and record["values"] == values else None

    def all(self):
        """The records of all trials that ended, in the order in which they began."""
        return [storage.read_json(path) for path in sorted(self.directory.glob("trials/*.json"))]

    def _path(self, trial):
        return self.directory / "trials" / f"{trial}.json"


def read_trials(directory):
    """The lines of a search's trials.jsonl.

    Raises:
        ConfigError: If there is none.
    """
    path = directory / "trials.jsonl"
    if not path.is_file():
        raise ConfigError(f"{directory} is not the folder of a search: no file trials.jsonl. Run `tfvae tune` first.")
    return storage.read_json_lines(path)


def publish(directory, experiment, seconds, workers):
    """Writes trials.jsonl, search.json, and best.toml or front/ from the records, each whole or not at all.

    Args:
        directory: Folder of the search.
        experiment: The `Experiment`, with its `Search`.
        seconds: Wall-clock of the search so far.
        workers: Number of processes that train.

    Returns:
        What is in search.json.
    """
    search, records = experiment.search, Records(directory).all()
    best, front = best_of(records, search.objectives), front_of(records, search.objectives)
    storage.write_json_lines(directory / "trials.jsonl", records)
    written = {
        "objectives": [objective.to_dict() for objective in search.objectives],
        "parameters": [_described(parameter) for parameter in search.space],
        "oracle": search.oracle,
        "trials": search.trials,
        "hours": search.hours,
        "executions": search.executions,
        "experiment": default_of(experiment),
        "seconds": round(seconds, 3),
        "workers": workers,
        "best": best and best["trial"],
        "front": [record["trial"] for record in front],
        "definition": search.definition,
    }
    storage.write_json(directory / "search.json", written)
    if best:
        write_configuration(directory / "best.toml", best, directory)
    _write_front(directory, front)
    return written


def default_of(experiment):
    """What a search varies: the resolved experiment without its search."""
    return {name: table for name, table in experiment.to_dict().items() if name != "search"}


def write_configuration(path, record, directory):
    """Writes the configuration that trains, bit for bit, what a trial was scored by: that of its median training."""
    run = directory / record["executions"][record["median"]]["directory"]
    tree = storage.read_json(run / "experiment.json")
    if record["stopped"]:  # nobody will stop it again
        tree["training"]["epochs"] = record["epochs"]
    text = tomli_w.dumps(_without_none(tree))
    storage.write_text(path, f"# Trial {record['trial']} of a search by tfvae tune.\n{text}")


def _write_front(directory, front):
    """Writes the configuration of each trial of a front into front/, and no other."""
    shutil.rmtree(directory / "front", ignore_errors=True)
    if front:
        (directory / "front").mkdir()
    for record in front:
        write_configuration(directory / "front" / f"{record['trial']}.toml", record, directory)


def _described(parameter):
    when = {path: list(values) for path, values in parameter.when.items()}
    if parameter.kind == "choice":
        return {"path": parameter.path, "kind": "choice", "values": list(parameter.values), "when": when}
    bounds = {name: getattr(parameter, name) for name in ("low", "high", "scale", "step")}
    return {"path": parameter.path, "kind": parameter.kind, **bounds, "when": when}


def _without_none(tree):
    """The tree without nulls, which TOML does not have: they are what a key that is left out stands for."""
    if isinstance(tree, dict):
        return {name: _without_none(value) for name, value in tree.items() if value is not None}
    return tree
