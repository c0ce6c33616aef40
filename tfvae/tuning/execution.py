"""One training of a trial and its figures, in a folder that is named after what is trained."""

import contextlib
import shutil
import time
from dataclasses import replace
from pathlib import Path

from tfvae import jobs, storage
from tfvae.data import open_splits
from tfvae.errors import LockedError
from tfvae.experiment import changed, load_model
from tfvae.training.train import shaping, train
from tfvae.tuning.attempts import attempt
from tfvae.tuning.forgetting import forget
from tfvae.tuning.measuring import measured, needed
from tfvae.tuning.median import MedianRule

POLL_SECONDS = 1.0  # between looks at a training that another process is busy with


class Executions:
    """Trains experiments and measures them, each once, whichever process asks and however often.

    A training lies in runs/<key>/ of the search, as `tfvae train` would leave it, with a score.json that is written
    last. What was interrupted goes on from its own checkpoint, what is finished is read.

    Args:
        search: A `Search`.
        directory: Folder of the search.
        interruption: A `jobs.Interruption`.
        earlier: Folders of earlier searches, whose finished trainings are taken as they are.
    """

    def __init__(self, search, directory, interruption, earlier=()):
        self.search, self.directory, self.interruption = search, Path(directory), interruption
        self.earlier, self.open_data = [Path(path) for path in earlier], OpenedData()

    def run(self, experiment, begun=0):
        """Trains and measures.

        Args:
            experiment: The `Experiment`.
            begun: Number of epochs that a shorter training of the same experiment had, which is continued where it
                was made here; 0 begins anew. Both give the same weights.

        Returns:
            (folder of the training, what is in its score.json).

        Raises:
            Exception: What `train` raises.
        """
        directory = self.directory / "runs" / key_of(experiment)
        found = self.found_earlier(experiment)
        if found and not directory.exists():
            return found
        with held(directory), attempt(directory):
            score = self._score_in(directory) or self._make(experiment, directory, begun)
        return directory, score

    def found_earlier(self, experiment):
        """What `run` returns, if an earlier search has it and did not stop it; else None."""
        for path in self.earlier:
            directory = path / "runs" / key_of(experiment)
            score = self._score_in(directory)
            if score and not score["stopped"]:
                return directory, score
        return None

    def _score_in(self, directory):
        """What is in score.json if it has all that this search looks at, else None."""
        path = directory / "score.json"
        score = storage.read_json(path) if path.exists() else None
        return score if score and _asked(self.search) == score["asked"] and self._has_all(score) else None

    def _has_all(self, score):
        return needed(self.search.objectives) <= set(score["measured"])

    def _make(self, experiment, directory, begun):
        self._continue(experiment, directory, begun)
        try:
            training = train(experiment, directory, self.interruption, self.open_data, **self._stopping(directory))
            started, splits = time.monotonic(), self.open_data(experiment.data)
            figures = measured(load_model(directory), splits, experiment, self.search, training)
        finally:
            forget()
        score = {
            "seed": experiment.seed,
            "epochs": training["epochs"],
            "stopped": "median" if _was_stopped(training, experiment.training) else None,
            "seconds": round(training["seconds"] + time.monotonic() - started, 3),
            "weights_sha256": training["weights_sha256"],
            "asked": _asked(self.search),
            "measured": figures,
        }
        storage.write_json(directory / "score.json", score)
        return score

    def _stopping(self, directory):
        if self.search.stop_by_median_after is None:
            return {}
        others = [path.parent / "history.jsonl" for path in sorted(self.directory.glob("runs/*/score.json"))]
        rule = MedianRule([path for path in others if path.parent != directory], self.search.stop_by_median_after)
        return {"should_stop": rule}

    def _continue(self, experiment, directory, begun):
        """Begins where a shorter training ended: a step depends on the seed and on what was before, not on `epochs`."""
        if not begun or (directory / "checkpoint.npz").exists():
            return
        shorter = self.directory / "runs" / key_of(changed(experiment, {"training.epochs": begun}))
        if not (shorter / "training.json").exists():
            return
        storage.write_json(directory / "experiment.json", experiment.to_dict())
        for name in ("data.json", "checkpoint.npz"):
            with storage.atomic_path(directory / name) as temporary:
                shutil.copyfile(shorter / name, temporary)


class OpenedData:
    """A `Data` -> its `Splits`, opened once: trials differ in their data by the size of a batch at most, or labels."""

    def __init__(self):
        self.key, self.splits = None, None

    def __call__(self, data):
        key = repr(replace(data, batch_size=1))
        if key != self.key:
            self.key, self.splits = key, open_splits(data)
        return self.splits


def key_of(experiment):
    """The name of a training: a hash of all that shapes it, the seed among it."""
    return storage.sha256_of_json(shaping(experiment.to_dict()))[:16]


@contextlib.contextmanager
def held(directory):
    """Holds a folder, waiting for as long as another process holds it."""
    while True:
        with contextlib.suppress(LockedError), contextlib.ExitStack() as stack:
            stack.enter_context(jobs.locked(directory))
            held_until = stack.pop_all()
            break
        time.sleep(POLL_SECONDS)
    with held_until:
        yield


def _asked(search):
    return {"num_samples": search.num_samples, "num_examples": search.num_examples}


def _was_stopped(training, settings):
    """Whether a training ended neither by its last epoch nor by its patience."""
    without_better = training["epochs"] - training["best_epoch"]
    is_patient = settings.patience is None or without_better < settings.patience
    return training["epochs"] < settings.epochs and is_patient
