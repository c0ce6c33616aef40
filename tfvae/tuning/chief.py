"""The chief: an oracle that workers ask over the network, and that waits for none of them for ever."""

import contextlib
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src import protos

from tfvae import jobs
from tfvae.errors import TfvaeError
from tfvae.tuning.choice import score_of
from tfvae.tuning.oracle import SCORE
from tfvae.tuning.presence import LastSeen
from tfvae.tuning.space import values_of

POLL_SECONDS = 0.5
FAREWELL_SECONDS = 30  # after the last trial, for workers that have not asked since
GRACE_SECONDS = 5  # for an answer that is being written when the chief is stopped
OPTIONS = [("grpc.so_reuseport", 0)]  # else a second chief could take a share of our port


def serve(oracle, records, patience):
    """Answers workers until no trial is left, or no worker for longer than `patience` seconds.

    KerasTuner's own server waits for each worker that ever asked and each trial that ever began.

    Args:
        oracle: One of our oracles.
        records: The `Records` of the search, where workers write what their trials gave.
        patience: Seconds without a sign of life after which the trial of a worker goes to another one.

    Raises:
        TfvaeError: If the address is not to be had.
        Exception: What the oracle raised in an answer, for it may be damaged after that.
    """
    desk, ended = Desk(oracle, records, patience), has_ended(records.directory)
    ended.unlink(missing_ok=True)
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=OPTIONS)
    protos.get_service_grpc().add_OracleServicer_to_server(desk, server)
    address = address_of_chief()
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise TfvaeError(f"The chief cannot listen at {address}: is another one there?") from None
    server.start()
    jobs.event(f"The chief waits for workers at {address}.", serving=address)
    try:
        while not desk.is_done():
            time.sleep(POLL_SECONDS)
    finally:
        server.stop(GRACE_SECONDS).wait()
    ended.touch()


def address_of_chief():
    """Host and port by KerasTuner's variables."""
    return f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"


def has_ended(directory):
    """The file that is there when the chief of a search has ended it, for workers that come late."""
    return directory / "oracle" / "ended"


class Desk(protos.get_service_grpc().OracleServicer):
    """Answers for an oracle, one worker at a time.

    Args:
        oracle: One of our oracles.
        records: The `Records` of the search.
        patience: Seconds without a sign of life after which the trial of a worker goes to another one.
    """

    def __init__(self, oracle, records, patience):
        self.oracle, self.records, self.patience = oracle, records, patience
        self.seen, self.names = LastSeen(records.directory), set(oracle.ongoing_trials)
        self.lock, self.error, self.last_asked, self.over_since = threading.Lock(), None, time.monotonic(), None

    def CreateTrial(self, request, context):
        """Hands a worker the trial that it has, or another."""
        with self._alone():
            return protos.get_service().CreateTrialResponse(trial=self._next(request.tuner_id).to_proto())

    def EndTrial(self, request, context):
        """Takes a worker's word that the record of its trial is written."""
        with self._alone():
            is_read = self._end(Trial.from_proto(request.trial))
        if not is_read:  # a file system of a network shows files late
            context.abort(grpc.StatusCode.UNAVAILABLE, "the record of the trial cannot be read yet")
        return protos.get_service().EndTrialResponse()

    def is_done(self):
        """Whether nobody is to be waited for; takes their trials from workers that are gone."""
        if self.error:
            raise self.error
        with self.lock:
            for name in [name for name in self.names if self.seen.seconds_since(name) > self.patience]:
                self._forget(name)
            if self.over_since is not None:
                return not self.names or time.monotonic() - self.over_since > FAREWELL_SECONDS
            if self.names or time.monotonic() - self.last_asked <= self.patience:
                return False
        jobs.log.warning(f"No worker for {self.patience} s: ending with what there is; the same command goes on.")
        return True

    @contextlib.contextmanager
    def _alone(self):
        with self.lock:
            if self.error:
                raise self.error
            try:
                yield
            except Exception as error:
                self.error = error  # the oracle may be damaged, and KerasTuner's lock held for ever
                raise

    def _next(self, name):
        self.last_asked = time.monotonic()
        self.seen.forget(name)
        self.names.add(name)
        if name in self.oracle.ongoing_trials:
            going_on = self.oracle.ongoing_trials[name].trial_id
            jobs.event(f"{name} is back, and goes on with trial {going_on}.", trial=going_on, worker=name)
        trial = self.oracle.create_trial(name)
        if trial.status == TrialStatus.STOPPED and self.oracle.ongoing_trials:
            trial.status = TrialStatus.IDLE  # one of these trials may need another worker yet
        elif trial.status == TrialStatus.STOPPED:
            self.names.discard(name)
            self.over_since = self.over_since or time.monotonic()
        return trial

    def _end(self, trial):
        """Ends a trial by its record, unless that was done; returns whether the record could be read."""
        oracle, known = self.oracle, self.oracle.trials.get(trial.trial_id)
        is_ours = known and known.hyperparameters.values == trial.hyperparameters.values
        if not is_ours or known.status != TrialStatus.RUNNING:
            return True  # another worker had taken it over, or it is asked for the second time
        record = self.records.find(trial.trial_id, values_of(oracle.search.space, trial.hyperparameters.values))
        if record is None:
            return False
        if record["status"] == "completed":
            oracle.update_trial(known.trial_id, {SCORE: score_of(record, oracle.search.objectives)})
        known.status = TrialStatus.FAILED if record["message"] else TrialStatus.COMPLETED
        known.message = record["message"]
        oracle.end_trial(known)
        return True

    def _forget(self, name):
        self.names.discard(name)
        self.seen.forget(name)
        trial = self.oracle.release(name)
        what = f": trial {trial} goes to another worker" if trial else ""
        message = f"{name} gave no sign of life for {self.patience} s{what}."
        jobs.event(message, logging.WARNING, worker=name, trial=trial)
