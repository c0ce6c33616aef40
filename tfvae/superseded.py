"""Runs that another one takes the place of: they are kept, below its folder."""

import datetime
import shutil

from tfvae import jobs

FOLDER = "superseded"
# A kill in between leaves a run without data.json, which is no longer one of these data, and is moved aside as well; by
# experiment.json it is known that there is one.
TURNS = {"data.json": 0, "experiment.json": 2}


def move_aside(directory, why, staying):
    """Moves a run into a folder of its own below the directory, and says so.

    Args:
        directory: Its directory, which the caller holds locked.
        why: What took its place, for people.
        staying: Names of files and folders that stay, beside the lock and other such runs.
    """
    aside = directory / FOLDER / datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%f")
    aside.mkdir(parents=True)
    for path in sorted(directory.iterdir(), key=lambda path: TURNS.get(path.name, 1)):
        if path.name not in (".lock", FOLDER, *staying):
            shutil.move(path, aside / path.name)
    jobs.event(f"          The run that was here is now in {aside}: {why}.")
