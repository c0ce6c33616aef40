"""What a worker asks in place of an oracle: the chief, which may be away for a while."""

import logging
import time

import grpc
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src import protos

from tfvae import jobs
from tfvae.errors import TfvaeError
from tfvae.tuning.chief import address_of_chief, has_ended

RETRY_SECONDS = 1.0
OPTIONS = [
    ("grpc.max_reconnect_backoff_ms", 2000),  # by default up to two minutes between looks for a chief that is back
    ("grpc.enable_http_proxy", 0),
]


class Client:
    """The oracle of a chief; every question may be asked twice.

    Args:
        directory: Folder of the search.
        patience: Seconds after which a worker gives up looking for a chief.
    """

    def __init__(self, directory, patience):
        self.directory, self.patience, self.address = directory, patience, address_of_chief()
        self.stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(self.address, options=OPTIONS))

    def create_trial(self, tuner_id):
        """The trial that this worker has, or another; one that is stopped if the search ended without it."""
        request = protos.get_service().CreateTrialRequest(tuner_id=tuner_id)
        response = self._ask(self.stub.CreateTrial, request)
        return Trial.from_proto(response.trial) if response else Trial(None, status=TrialStatus.STOPPED)

    def update_trial(self, trial_id, metrics, step=0):
        """Does nothing: the chief reads the score in the record of the trial, where it is no float of 32 bits."""

    def end_trial(self, trial):
        """Tells the chief that the record of a trial is written."""
        self._ask(self.stub.EndTrial, protos.get_service().EndTrialRequest(trial=trial.to_proto()))
        jobs.event(f"Trial {trial.trial_id} has ended.", logging.DEBUG, ended=trial.trial_id)

    def _ask(self, method, request):
        """The chief's answer; None if the search ended meanwhile.

        Raises:
            TfvaeError: If no chief answers for too long.
        """
        until = time.monotonic() + self.patience
        while True:
            try:
                return method(request, wait_for_ready=True, timeout=max(RETRY_SECONDS, until - time.monotonic()))
            except grpc.RpcError as error:  # cut off in the middle, most of the time: a chief that is killed comes back
                if time.monotonic() > until:
                    return self._without_chief(error.code().name)
            time.sleep(RETRY_SECONDS)

    def _without_chief(self, why):
        if not has_ended(self.directory).exists():
            raise TfvaeError(f"No chief at {self.address} for {self.patience} s ({why}).")
        return None
