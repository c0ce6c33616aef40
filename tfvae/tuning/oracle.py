"""Oracles: KerasTuner's, whose state is one file that is whole or not there, and which know when to end."""

import sys
import time

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

from tfvae import storage
from tfvae.tuning.space import every, hyperparameters_of, places_of, values_of

SCORE = "score"  # the one number, less being better, that an oracle is told of a trial
STRIDE = 1_000_000  # seeds that the draws of one trial may use
COLLISIONS = 1000  # draws in a row that were all tried before: the space has no more


class Kept:
    """What all our oracles share; mixed into one of KerasTuner's, whose proposals it leaves as they are.

    The draws for a trial are keyed by the seed and its number, not by what was drawn before: an oracle that was
    restored from its file, or from the results alone, proposes what it would have proposed anyway.

    Args:
        search: A `Search`.
        path: File of the state.
        seed: Integer that keys all draws.
        on_end: Called with the oracle after each trial that ended.
        **options: Arguments of KerasTuner's oracle.

    Attributes:
        num_given: Number of trials that earlier searches gave.
        num_workers: Largest number of processes that asked for trials at a time.
        can_take_over: Whether it learns from trials that it did not ask for.
    """

    can_take_over = True

    def __init__(self, search, path, seed, on_end=lambda oracle: None, **options):
        super().__init__(
            objective=keras_tuner.Objective(SCORE, "min"),
            hyperparameters=hyperparameters_of(search.space),
            seed=seed + 1,  # KerasTuner takes a seed of 0 for none
            max_consecutive_failed_trials=sys.maxsize,  # by default the third failure in a row stops a search
            **options,
        )
        self.search, self.path, self.on_end, self.options, self.verbose = search, path, on_end, options, 0
        self.num_given, self.num_workers, self._seconds, self._started = 0, 1, 0.0, time.monotonic()
        self._max_collisions = COLLISIONS

    @property
    def seconds(self):
        """Wall-clock of the search so far, what was spent before it was resumed included."""
        return self._seconds + time.monotonic() - self._started

    @property
    def num_begun(self):
        """Number of trials of this search: those of earlier ones do not count."""
        return len(self.trials) - self.num_given

    @property
    def num_ended(self):
        """Number of these that have ended."""
        return len(self.end_order) - self.num_given

    def anew(self):
        """The same oracle without a past."""
        return type(self)(self.search, self.path, self.seed - 1, self.on_end, **self.options)

    @property
    def planned(self):
        """Number of trials that the search has in all, earlier ones not counted; None if the hours alone end it."""
        return self.search.trials

    def populate_space(self, trial_id):
        self.num_workers = max(self.num_workers, len(self.tuner_ids))
        trials, hours = self.search.trials, self.search.hours
        if (trials and self.num_begun >= trials) or (hours and self.seconds >= 3600 * hours):
            return {"status": TrialStatus.STOPPED}
        self._seed_state = self.seed + STRIDE * len(self.trials)
        return super().populate_space(trial_id)

    def release(self, tuner_id):
        """Takes its trial from a tuner that does not come back, for the next one that asks; returns its id or None."""
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is None:
            return None
        self._retry_queue.append(trial.trial_id)
        self.save()
        return trial.trial_id

    def end_trial(self, trial):
        if trial.trial_id in self._retry_queue:  # it was taken from a tuner that has come back after all
            self._retry_queue.remove(trial.trial_id)
        super().end_trial(trial)
        # Here KerasTuner's lock is free again, which it never is after an exception inside.
        self.save()
        self.on_end(self)

    def add(self, values, score, is_given):
        """Takes over a trial that has ended.

        Args:
            values: {path: value}, inside the space.
            score: Its score; None for one that failed.
            is_given: Whether it is one of an earlier search.

        Returns:
            Its id here.
        """
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = places_of(self.search.space, values)
        status = TrialStatus.FAILED if score is None else TrialStatus.COMPLETED
        trial = Trial(hyperparameters, f"{len(self.trials):04d}", status)
        trial.score = score
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self.end_order.append(trial.trial_id)
        self._record_values(trial)
        self.num_given += is_given
        return trial.trial_id

    def save(self):
        trials = [trial.get_state() for trial in self.trials.values()]
        counts = {"given": self.num_given, "workers": self.num_workers, "seconds": self.seconds}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_json(self.path, {"oracle": self.get_state(), "trials": trials, **counts})

    def reload(self):
        """Restores the state; a trial that was going on stays that of its tuner, and is handed to it again.

        Raises:
            ValueError, KeyError, TypeError: If the file is damaged.
        """
        state = storage.read_json(self.path)
        trials = [Trial.from_state(trial) for trial in state["trials"]]
        self.trials = {trial.trial_id: trial for trial in trials}
        self.set_state(state["oracle"])
        ongoing = self.ongoing_trials.items()
        self.ongoing_trials = {tuner: trial for tuner, trial in ongoing if trial.status == TrialStatus.RUNNING}
        self.num_given, self.num_workers, self._seconds = (state[name] for name in ("given", "workers", "seconds"))

    def _save_trial(self, trial):
        """Does nothing: `save` has the trials in its one file."""

    def _compute_values_hash(self, values):
        return super()._compute_values_hash(values_of(self.search.space, values))


class Random(Kept, keras_tuner.oracles.RandomSearchOracle):
    """Draws every parameter by itself, and no values twice."""


class Bayesian(Kept, keras_tuner.oracles.BayesianOptimizationOracle):
    """A Gaussian process of the score; what it would try a second time is drawn at random instead."""

    def populate_space(self, trial_id):
        self._random_state = np.random.RandomState([self.seed, len(self.trials)])
        found = super().populate_space(trial_id)
        is_known = found["status"] == TrialStatus.RUNNING and self._duplicate(found["values"])
        return self._random_populate_space() if is_known else found

    def _vectorize_trials(self):
        """Places in [0, 1] of all trials, [N, D], and their scores [N].

        A failed trial counts as the worst one, or it would be proposed again; one that is still going on as what is
        expected of it, which KerasTuner asks of a process that was not fitted yet.
        """
        ended = [trial for trial in self.trials.values() if trial.status == TrialStatus.COMPLETED]
        failed = [trial for trial in self.trials.values() if trial.status == TrialStatus.FAILED]
        scores = [trial.score for trial in ended]
        x, y = np.array([self._vector(t) for t in [*ended, *failed]]), np.array(scores + [max(scores)] * len(failed))
        ongoing = np.array([self._vector(trial) for trial in self.ongoing_trials.values()])
        if not len(ongoing):
            return x, y
        mean, error = self.gpr.fit(x, y).predict(ongoing, return_std=True)
        return np.concatenate([x, ongoing]), np.concatenate([y, mean + error])

    def _vector(self, trial):
        values = trial.hyperparameters.values
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self.hyperparameters.space]


class Hyperband(Kept, keras_tuner.oracles.HyperbandOracle):
    """Many trainings of few epochs, of which the best go on where they stopped; the resource is `training.epochs`.

    Its trials are trainings of so and so many epochs: one that goes on is a new trial of the same values. It knows no
    trials but those of its brackets; if its state is lost it begins again, and finds all trainings done.
    """

    can_take_over = False

    @property
    def planned(self):
        brackets = range(self._get_num_brackets())
        sizes = [self._get_size(bracket, number) for bracket in brackets for number in range(bracket + 1)]
        return min(self.search.trials or sys.maxsize, sum(sizes))


class AllInTurn(keras_tuner.Oracle):
    """The first combination of values that was not tried, in the order of the space.

    KerasTuner's own grid keeps its place in no file, and so ends when it is resumed.
    """

    def populate_space(self, trial_id):
        for values in every(self.search.space):
            places = places_of(self.search.space, values)
            if not self._duplicate(places):
                return {"status": TrialStatus.RUNNING, "values": places}
        return {"status": TrialStatus.STOPPED}


class Grid(Kept, AllInTurn):
    """Every combination of values."""

    @property
    def planned(self):
        return min(self.search.trials or sys.maxsize, sum(1 for _ in every(self.search.space)))


ORACLES = {"random": Random, "bayesian": Bayesian, "hyperband": Hyperband, "grid": Grid}


def make_oracle(search, path, seed, epochs, on_end=lambda oracle: None):
    """The oracle of a `Search`, without a past.

    Args:
        search: A `Search`.
        path: File of its state.
        seed: Integer that keys all draws.
        epochs: Largest number of epochs of a training, for Hyperband.
        on_end: Called with the oracle after each trial that ended.
    """
    options = {"max_epochs": epochs} if search.oracle == "hyperband" else {"max_trials": None}
    return ORACLES[search.oracle](search, path, seed, on_end, **options)
