"""Warm start: what earlier searches found out about the same trainings."""

import os
from pathlib import Path

from tfvae import jobs, storage
from tfvae.tuning.records import read_trials
from tfvae.tuning.space import places_of, value_of_path


def records_of_earlier(folders, trials, directory):
    """The records, but for their ids, of all trials of earlier searches that would train the same here.

    A trial counts if the experiment of its training, whatever was searched there, is one of this space, and differs
    from ours in nothing else. It must have been measured alike, by as many seeds, and not been stopped. What an earlier
    search took over itself counts where it was trained: that search has to be named as well.

    Args:
        folders: Folders of earlier searches.
        trials: The `Trials` of this search.
        directory: Folder of this search.

    Returns:
        Records without "trial".

    Raises:
        ConfigError: If a folder is not that of a search.
    """
    found, number = {}, 0
    for folder in map(Path, folders):
        records = read_trials(folder)
        number += len(records)
        for record in records:
            values = _values_here(record, folder, trials.search.space)
            known = values is not None and trials.found_earlier(values)
            if known:
                about = {"status": "completed", "values": values, "message": None}
                found[repr(values)] = about | known | {"origin": os.path.relpath(folder, directory)}
    if folders:
        jobs.event(f"Of {number} trials of earlier searches {len(found)} are trials of this one.", given=len(found))
    return list(found.values())


def _values_here(record, folder, space):
    """What the training of a record has at the paths of a space; None where it has something outside of it."""
    if record["status"] != "completed":
        return None
    tree = storage.read_json(folder / record["executions"][0]["directory"] / "experiment.json")
    values = {}
    for parameter in space:
        if parameter.is_active(values):
            values[parameter.path] = value_of_path(tree, parameter.path)
    return values if places_of(space, values) is not None else None
