"""The tuner: asks an oracle for values, has them evaluated, and tells it what came of it."""

import os
import time

from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError

from tfvae import jobs
from tfvae.tuning.chief import serve
from tfvae.tuning.choice import score_of
from tfvae.tuning.client import Client
from tfvae.tuning.oracle import SCORE
from tfvae.tuning.presence import PATIENCE, present
from tfvae.tuning.records import Records
from tfvae.tuning.space import values_of

LONE = "tuner0"  # KerasTuner's name of a tuner that is neither chief nor worker
IDLE_SECONDS = 1.0  # between questions to an oracle that waits for other trials


class Tuner(BaseTuner):
    """A tuner of KerasTuner's, chief and worker by its variables, in which nothing but a bad trial fails a trial.

    Args:
        oracle: One of our oracles.
        evaluate: (values, epochs, begun) -> what the record of the trial holds beside its values: "scores" {objective:
            {"value", "standard_error", "unit"}}, "measured", "executions", "median", "seconds", "epochs", "stopped".
            A `FailedTrialError` fails the trial; all else ends the search.
        directory: Folder of the search.
        patience: Seconds that a chief waits for a worker without a sign of life, and a worker for its chief.
    """

    def __init__(self, oracle, evaluate, directory, patience=PATIENCE):
        self.search_table, self.evaluate, self.records = oracle.search, evaluate, Records(directory)
        self.patience, self._pause = patience, 0.0
        super().__init__(oracle, directory=str(directory), project_name=oracle.path.parent.name)
        if is_worker():
            self.oracle = Client(directory, patience)

    def search(self):
        """Runs trials until the oracle has no more or, in a chief, has workers run them."""
        if is_worker():
            with present(self.records.directory, self.tuner_id):
                super().search()
        elif is_parallel():
            serve(self.oracle, self.records, self.patience)
        else:
            super().search()

    def take_back(self):
        """Takes the trials that were going on from those who cannot be at work: a lone tuner beside others."""
        for name in list(self.oracle.ongoing_trials):
            if (name == LONE) if is_parallel() else (name != self.tuner_id):
                self.oracle.release(name)

    def run_trial(self, trial):
        """Runs a trial, or reads what it gave if it ended just before a process was killed; writes its record."""
        space, places = self.search_table.space, trial.hyperparameters.values
        values = values_of(space, places)
        record = self.records.find(trial.trial_id, values)
        if record is None:
            record = self._evaluated(trial.trial_id, values, places)
            self.records.write(record)
        return record

    def _evaluated(self, name, values, places):
        shown = ", ".join(f"{path} = {value}" for path, value in values.items())
        jobs.event(f"Trial {name}: {shown}", trial=name, values=values)
        empty = {"scores": {}, "measured": {}, "executions": [], "seconds": 0.0, "epochs": 0, "stopped": None}
        started, found, message = time.monotonic(), {}, None
        try:
            found = self.evaluate(values, places.get("tuner/epochs"), places.get("tuner/initial_epoch", 0))
        except FailedTrialError as error:
            message, found = str(error), {"seconds": round(time.monotonic() - started, 3)}
            jobs.log.warning(f"Trial {name} failed: {message}", extra={"fields": {"trial": name}})
        status = "failed" if message else "completed"
        return {"trial": name, "status": status, "values": values, **empty, **found, "message": message, "origin": None}

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        # KerasTuner's own takes every exception for a failure of the trial, a chief that does not answer for one.
        record = self.run_trial(trial)
        trial.message = record["message"]
        trial.status = TrialStatus.FAILED if record["message"] else TrialStatus.COMPLETED
        if not record["message"]:
            self.oracle.update_trial(trial.trial_id, {SCORE: score_of(record, self.search_table.objectives)})

    def pre_create_trial(self):
        time.sleep(self._pause)
        self._pause = IDLE_SECONDS  # an answer without a trial is one to be asked for again, but not at once

    def on_trial_begin(self, trial):
        self._pause = 0.0

    def save(self):
        if not self._is_worker():
            self.oracle.save()


def is_parallel():
    """Whether KerasTuner's variables make this process a chief or a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ


def is_worker():
    """Whether this process asks the oracle of another one."""
    return is_parallel() and "chief" not in os.environ["KERASTUNER_TUNER_ID"]
