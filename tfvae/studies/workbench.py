"""Workbench: what a study trains its models with, and what it hands back."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae import jobs
from tfvae.data import open_splits, pipeline
from tfvae.errors import ConfigError
from tfvae.experiment import Experiment, build_model, changed, load_model
from tfvae.training.logs import read_history
from tfvae.training.train import train


class Findings(NamedTuple):
    """What a study found.

    Attributes:
        headline: The main result, one sentence with its number.
        sections: `report.Section`s, in the order of the page.
        numbers: {name: {"value", "unit", "standard_error", ...}}, plain values.
    """

    headline: str
    sections: list
    numbers: dict


class Run(NamedTuple):
    """A trained model and its data.

    Attributes:
        name: What the study calls it.
        directory: Folder of the run.
        experiment: Its `Experiment`.
        model: The trained model.
        splits: `Splits` of sources.
        history: One dict for each epoch.
    """

    name: str
    directory: Path
    experiment: Experiment
    model: Any
    splits: Any
    history: list

    def batches(self, split="test", num_examples=None):
        """tf.data of the first examples of a split, all of them if None: each once, in order."""
        source, size = getattr(self.splits, split), self.experiment.data.batch_size
        batches = pipeline.ordered_batches(source, size)
        return batches if num_examples is None else batches.unbatch().take(num_examples).batch(size)

    def examples(self, split="test", num_examples=None):
        """The first examples of a split in one batch of arrays, {"x": [N, *event], "label": [N], ...}."""
        source = getattr(self.splits, split)
        index = tf.range(min(num_examples or source.num_examples, source.num_examples), dtype="int64")
        return {name: np.asarray(value) for name, value in pipeline.batch_of(source, index).items()}


@dataclass
class Workbench:
    """Trains what a study compares; what was trained before, by a study that was stopped, is taken up again.

    Attributes:
        experiment: The `Experiment` that the study was asked to vary.
        directory: Folder of the study; its runs are in runs/.
        interruption: A `jobs.Interruption`.
        trained: Folder of a finished run of `experiment`, or None.
    """

    experiment: Experiment
    directory: Path
    interruption: jobs.Interruption
    trained: Path | None = None
    _splits: dict = field(default_factory=dict)

    @functools.cached_property
    def model(self):
        """The experiment's model, untrained: what it can do is asked before anything is trained.

        Raises:
            ConfigError: If its parts do not fit together.
        """
        return build_model(self.experiment)

    @property
    def splits(self):
        """The experiment's data, opened."""
        return self._splits_of(self.experiment)

    def base(self):
        """The run of the experiment itself."""
        if self.trained is None:
            return self.train("base")
        return self._run("base", self.trained, self.experiment)

    def train(self, name, changes=None):
        """A trained variant of the experiment.

        Args:
            name: Name of its folder.
            changes: What is different in it, {"model.objective.beta": 4.0}.
        """
        experiment, directory = changed(self.experiment, changes or {}), self.directory / "runs" / name
        jobs.event(f"{name}:", run=name, **{path: str(value) for path, value in (changes or {}).items()})
        directory.mkdir(parents=True, exist_ok=True)
        train(experiment, directory, self.interruption)
        return self._run(name, directory, experiment)

    def need(self, condition, sentence):
        """Refuses the experiment with a sentence unless the condition holds.

        Raises:
            ConfigError: If it does not.
        """
        if not condition:
            raise ConfigError(sentence)

    def need_images(self):
        """Refuses tables."""
        self.need(not self.experiment.data.is_table, "This study is one of images, and the data is a table.")

    def need_rate(self):
        """Refuses models without a rate."""
        self.need(self.model.has_rate, "This study needs a model with a rate, and this one has none.")

    def _run(self, name, directory, experiment):
        history = read_history(directory / "history.jsonl")
        return Run(name, Path(directory), experiment, load_model(directory), self._splits_of(experiment), history)

    def _splits_of(self, experiment):
        key = repr(experiment.data)
        if key not in self._splits:
            self._splits[key] = open_splits(experiment.data)
        return self._splits[key]
