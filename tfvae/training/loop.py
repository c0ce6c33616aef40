"""The training loop: many steps a call, checkpoints inside an epoch, validation at its end."""

import logging
import math
import time

import keras
import tensorflow as tf

from tfvae import jobs, replicas, storage
from tfvae.data import pipeline
from tfvae.errors import NothingProducedError
from tfvae.training import checkpoint, logs
from tfvae.training.distribution import Cluster
from tfvae.training.feed import Feed

CALL_SECONDS = 0.1  # aimed at for one call of the compiled loop: long enough to hide its cost, short for a signal
MAX_CALL_STEPS = 256


class Loop:
    """Trains a compiled model up to the end of its last epoch, from wherever its checkpoint is.

    Every result is a function of the seed and the step alone, not of how the steps were grouped into calls or
    processes: a batch, its noise and the learning rate are keyed by the step, and what runs over an epoch (means of the
    terms, the best epoch so far) lies in the checkpoint.

    Args:
        model: A compiled, built model.
        splits: `Splits` of sources.
        experiment: The `Experiment`.
        directory: Folder of the run.
        interruption: A `jobs.Interruption`.
        cluster: The `Cluster` that the model was built for; its chief alone writes, and without one this process has
            no other beside it.
        should_stop: The rows of the history -> whether no further epoch is worth its time; asked before each.
    """

    def __init__(
        self, model, splits, experiment, directory, interruption, cluster=None, should_stop=lambda history: False
    ):
        self.cluster = cluster or Cluster(tf.distribute.get_strategy())
        self.model, self.splits, self.experiment = model, splits, experiment
        self.directory, self.interruption, self.should_stop = directory, interruption, should_stop
        self.steps_per_epoch = pipeline.steps_per_epoch(splits.train, experiment.data.batch_size)
        self.last_step = self.steps_per_epoch * experiment.training.epochs
        self.state = {"best": math.inf, "best_epoch": 0, "seconds": 0.0, "history": []}
        self.best = []  # values of the variables at the end of the best epoch
        self.is_whole = True  # whether the checkpoint that is there is one to go back to
        running_means = [variable for mean in model.metrics for variable in mean.variables]
        self.variables = [*model.variables, *model.optimizer_variables, *running_means]
        self.call_steps = 1
        self._advance = tf.function(self._advance_in_graph)
        self._test = tf.function(self._test_in_graph)

    @property
    def step(self):
        return int(self.model.step.numpy())

    @property
    def history(self):
        return self.state["history"]

    @property
    def is_finished(self):
        patience = self.experiment.training.patience or math.inf
        is_patient = len(self.history) - self.state["best_epoch"] < patience
        return self.step >= self.last_step or not is_patient or self.should_stop(self.history)

    def run(self):
        """Trains to the end and returns the epoch, from 1, of the best weights, which the model then has."""
        self._resume()
        self.started = time.monotonic()
        board = self._board() if self.cluster.is_chief else None
        feed = self.feed()  # no attribute: its threads read ahead, and are to end with this call
        with jobs.progress_bar(self.last_step, "step", self.step) as progress, self.interruption.deferred():
            first = self.step
            while not self.cluster.any(self.is_finished)[0]:
                self._epoch(feed, progress)
                self._end_epoch(board)
                progress.set_postfix(self._figures(), refresh=False)
                self._stop_if_asked()
        if self.step > first:  # a finished training that fails after this has not got further
            self._save()
        checkpoint.assign(self.variables, self.best)
        return self.state["best_epoch"]

    def feed(self):
        """The batches from the step on that the model has reached."""
        return Feed(self.splits.train, self.experiment.data, self.experiment.seed, self.step, self.cluster)

    def advance(self, feed, num_steps):
        """Takes steps in one call of the compiled loop; the terms of the last, or of the one that diverged."""
        terms, feed.batch = self._advance(feed.iterator, feed.batch, tf.constant(num_steps))
        return terms

    def _epoch(self, feed, progress):
        began, first = time.monotonic(), self.step
        self.started = began
        end = (first // self.steps_per_epoch + 1) * self.steps_per_epoch
        while self.step < end:
            every = self.experiment.training.checkpoint_steps
            num_steps = min(self.call_steps, end - self.step, every - self.step % every)
            self._call(feed, num_steps)
            progress.update(num_steps)
            if self.step < end:
                self._save_if_due()
                self._stop_if_asked()
        self.examples_per_second = (end - first) * self._batch_size() / (time.monotonic() - began)

    def _call(self, feed, num_steps):
        started = time.monotonic()
        self._check({name: float(term) for name, term in self.advance(feed, num_steps).items()})
        (is_long,) = self.cluster.any(time.monotonic() - started >= CALL_SECONDS)
        if not is_long:
            self.call_steps = min(2 * self.call_steps, MAX_CALL_STEPS)

    def _advance_in_graph(self, iterator, batch, num_steps):
        terms = {mean.name: tf.constant(0.0) for mean in self.model.metrics}
        for _ in tf.range(num_steps):
            following = next(iterator)  # while the step calculates; it ends later only where data are slow
            per_device = self.cluster.strategy.run(self.model.update, [batch])
            batch = following
            terms = {name: self._local(value) for name, value in per_device.items()}
            if not tf.math.is_finite(terms["loss"]):
                break
        return terms, batch

    def _test_in_graph(self):
        # Without tf.data, which takes longer to start than a small validation set takes to read.
        source, size = self.splits.validation, self.experiment.data.batch_size
        for first in tf.range(0, source.num_examples, size):
            if first + size <= source.num_examples:
                self.cluster.strategy.run(self._test_rows, [first, size])
            else:
                self.cluster.strategy.run(self._test_rest, [first, source.num_examples - first])

    def _test_rows(self, first, number):
        """Tests this device's rows of a batch of examples."""
        number = number // replicas.number()
        index = first + replicas.place() * number + tf.range(number)
        self.model.test_step(pipeline.batch_of(self.splits.validation, tf.cast(index, "int64")))

    def _test_rest(self, first, number):
        """The last examples, which the devices may not be able to share evenly: each tests all of them."""
        with replicas.with_all_rows():
            self._test_rows(first, number)

    def _local(self, value):
        return self.cluster.strategy.experimental_local_results(value)[0]

    def _end_epoch(self, board):
        train = self._means()
        for mean in self.model.metrics:
            mean.reset_state()
        self._test()
        row = self._row(train, self._means())
        self._check(row["validation"], "in validation ")
        for mean in self.model.metrics:
            mean.reset_state()
        self.history.append(row)
        self.state["seconds"] = 0.0
        self.started = time.monotonic()
        value = self._monitored(row)
        if value < self.state["best"] or self.model.monitor is None:
            self.state |= {"best": value, "best_epoch": row["epoch"]}
            self.best = checkpoint.values_of(self.variables)
        self._save_if_due()
        if self.cluster.is_chief:
            logs.append_history(self.directory / "history.jsonl", row)
            board.epoch(row)
        jobs.event(f"Epoch {row['epoch']} of {self.experiment.training.epochs}", logging.DEBUG, **row)

    def _row(self, train, validation):
        seconds = self.state["seconds"] + time.monotonic() - self.started
        return {
            "epoch": len(self.history) + 1,
            "step": self.step,
            "seconds": round(seconds, 3),  # of this epoch
            "examples_per_second": round(self.examples_per_second, 1),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "train": train,
            "validation": validation,
        }

    def _save_if_due(self):
        if self.step % self.experiment.training.checkpoint_steps == 0:
            self._save()

    def _save(self):
        now = time.monotonic()
        self.state["seconds"] += now - self.started
        self.started = now
        if self.cluster.is_chief:
            checkpoint.save(self.directory / "checkpoint.npz", self.variables, self.best, self.state, self.is_whole)
            self.is_whole = True

    def _resume(self):
        path = self.directory / "checkpoint.npz"
        if self.cluster.is_chief:
            storage.remove_leftovers(self.directory)
        if checkpoint.exists(path):
            self.best, self.state, self.is_whole = checkpoint.restore(path, self.variables)
            jobs.event(f"Going on from step {self.step} of {self.last_step}.", step=self.step)
        self.cluster.check_agreed(self.step, f"The workers do not see the same checkpoint in {self.directory}.")
        if self.cluster.is_chief:  # epochs that were lost with a killed process are trained again, and written again
            logs.write_history(self.directory / "history.jsonl", self.history)

    def _stop_if_asked(self):
        (is_asked,) = self.cluster.any(self.interruption.signum is not None)
        if not is_asked:
            return
        self._save()
        jobs.event(f"Checkpoint at step {self.step}; the same command goes on from there.", step=self.step)
        self.interruption.exit()

    def _check(self, terms, where=""):
        if all(math.isfinite(value) for value in terms.values()):
            return
        bad = [name for name, value in terms.items() if not math.isfinite(value) and name != "loss"] or ["loss"]
        raise NothingProducedError(
            f"Training stopped at step {self.step}: {', '.join(bad)} {where}became {terms[bad[0]]}. "
            "Try a smaller learning rate, or clip the gradients (training.optimizer.clipnorm)."
        )

    def _board(self):
        shown = pipeline.batch_of(self.splits.validation, tf.range(self._num_shown(), dtype="int64"))
        board = logs.TensorBoard(self.directory / "tensorboard", self.model, shown, self._image_epochs())
        board.configuration(self.experiment)
        return board

    def _batch_size(self):
        return min(self.experiment.data.batch_size, self.splits.train.num_examples)

    def _num_shown(self):
        return min(logs.NUM_EXAMPLES, self.splits.validation.num_examples)

    def _means(self):
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def _image_epochs(self):
        return max(1, self.experiment.training.epochs // 20)

    def _figures(self):
        row = self.history[-1]
        return {"epoch": row["epoch"], "val": f"{self._monitored(row):.3f}", "best": f"{self.state['best']:.3f}"}

    def _monitored(self, row):
        return row["validation"][self.model.monitor or "loss"]
