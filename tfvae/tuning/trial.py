"""One trial: some trainings by different seeds, of which the median counts."""

import os
import re
from dataclasses import replace

import tensorflow as tf
from keras_tuner.errors import FailedTrialError

from tfvae.errors import NothingProducedError, TfvaeError
from tfvae.experiment import changed, load_model
from tfvae.tuning.forgetting import forget
from tfvae.tuning.measuring import OF_SEVERAL, agreement
from tfvae.tuning.space import applied

# What a combination of values can do wrong; anything else is a fault of ours or of the machine and ends the search.
OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
FAILURES = (ValueError, NothingProducedError, tf.errors.InvalidArgumentError, tf.errors.InternalError, *OUT_OF_MEMORY)
LONGEST = 300  # characters of a message: TensorFlow's go on for pages


class Trials:
    """Runs trials of an experiment: what a `Tuner` is given to evaluate values by.

    Args:
        experiment: The `Experiment`, with its `Search`.
        executions: An `Executions`.
    """

    def __init__(self, experiment, executions):
        self.experiment, self.search, self.executions = experiment, experiment.search, executions

    def __call__(self, values, epochs=None, begun=0):
        """Trains with these values, by `executions` seeds, and scores.

        Args:
            values: {path: value}.
            epochs: Number of epochs, if an oracle chose it.
            begun: Number of epochs of these that a trial of the same values had before.

        Returns:
            What the record of the trial holds beside its values: its scores are those of the median execution, of an
            even number the worse of the two in the middle, and so are their errors, which are over its examples.

        Raises:
            FailedTrialError: If the values cannot be trained with; its text is one sentence.
        """
        try:
            experiments = self._experiments(values, {"training.epochs": epochs} if epochs else {})
            return self._record([self.executions.run(experiment, begun) for experiment in experiments], experiments[0])
        except FAILURES as error:
            raise FailedTrialError(sentence_of(error)) from error

    def found_earlier(self, values):
        """What calling it would return, if earlier searches have all of its trainings; else None."""
        experiments = self._experiments(values, {})
        runs = [self.executions.found_earlier(experiment) for experiment in experiments]
        return self._record(runs, experiments[0]) if all(runs) else None

    def _experiments(self, values, changes):
        """The experiment of each execution."""
        experiment = changed(applied(self.experiment, self.search.space, values), changes)
        return [replace(experiment, seed=experiment.seed + i) for i in range(self.search.executions)]

    def _scores(self, runs, experiment):
        """{objective: figure} of each execution."""
        names = [objective.name for objective in self.search.objectives]
        scores = [{name: run["measured"][name] for name in names if name != OF_SEVERAL} for _, run in runs]
        if OF_SEVERAL not in names:
            return scores
        try:
            models = [load_model(directory) for directory, _ in runs]
            found = agreement(models, self.executions.open_data(experiment.data), experiment)
        finally:
            forget()
        return [score | {OF_SEVERAL: figure} for score, figure in zip(scores, found, strict=True)]

    def _record(self, runs, experiment):
        scores, objectives = self._scores(runs, experiment), self.search.objectives
        medians = {o.name: median_place([score[o.name]["value"] * o.sign for score in scores]) for o in objectives}
        first = medians[objectives[0].name]
        return {
            "scores": {name: scores[place][name] for name, place in medians.items()},
            "measured": runs[first][1]["measured"],
            "executions": [
                {
                    "seed": run["seed"],
                    "directory": os.path.relpath(directory, self.executions.directory),
                    "epochs": run["epochs"],
                    "seconds": run["seconds"],
                    "scores": score,
                }
                for (directory, run), score in zip(runs, scores, strict=True)
            ],
            "median": first,
            "seconds": round(sum(run["seconds"] for _, run in runs), 3),
            "epochs": runs[first][1]["epochs"],
            "stopped": runs[first][1]["stopped"],
        }


def median_place(costs):
    """The place of the median among numbers; of an even number of them the larger of the two in the middle."""
    return sorted(range(len(costs)), key=costs.__getitem__)[len(costs) // 2]


def sentence_of(error):
    """What a failure says, in one line."""
    if isinstance(error, TfvaeError):
        return str(error)
    first = str(error).strip().partition("\n")[0]
    text = re.sub(r"^\{\{.*?\}\} ", "", first)[:LONGEST]  # TensorFlow's name of the operation
    what = "Out of memory" if isinstance(error, OUT_OF_MEMORY) else type(error).__name__
    return f"{what}: {text}" if text else what
