"""Loader: from a version's directory to a servable that is ready for requests."""

import time
from typing import NamedTuple

import tensorflow as tf

from tfvae.errors import ConfigError
from tfvae.serving.server.batch import run_alone
from tfvae.serving.server.configuration import read_batching_parameters
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.operation_errors import load_error
from tfvae.serving.server.servable import Servable
from tfvae.serving.server.warmup import warm_up

PARAMETERS_FILE = "batching_params.pbtxt"


class Loaded(NamedTuple):
    """A version that is ready.

    Attributes:
        servable: The `Servable`.
        seconds: How long it took in all.
        warmup_seconds: How long the warm-up took, or None without one.
    """

    servable: Servable
    seconds: float
    warmup_seconds: float | None


class Loader:
    """Loads, checks the batching parameters, and warms up.

    Args:
        options: `core_options.CoreOptions`.
    """

    def __init__(self, options):
        self._options = options

    def load(self, name, version, directory):
        """A `Loaded` version. Blocking.

        Raises:
            ServingError: Whatever is wrong with it.
        """
        start = time.perf_counter()
        servable = Servable(name, version, directory)
        try:
            servable.batching = self._batching(directory)
            warmup_seconds = self._warm_up(servable, directory)
        except Exception as error:  # files of any content: that version fails, the server goes on
            servable.close()
            raise load_error(error, directory) from error
        return Loaded(servable, time.perf_counter() - start, warmup_seconds)

    def _batching(self, directory):
        parameters = self._options.batching_parameters
        if parameters is not None and self._options.enable_per_model_batching_parameters:
            parameters = _own_parameters(directory)
        if parameters is not None:
            parameters.check()
        return parameters

    def _warm_up(self, servable, directory):
        if not self._options.enable_model_warmup:
            return None
        start = time.perf_counter()
        count = warm_up(servable, directory, _run, self._options.num_request_iterations_for_warmup)
        return None if count is None else time.perf_counter() - start


def _run(servable, signature_key, inputs, output_names):
    call = servable.prepare(signature_key, inputs, output_names)
    return run_alone(servable, call, servable.batching) if servable.batching else servable.execute(call)


def _own_parameters(directory):
    """The parameters that a SavedModel brings along; without them it is not batched."""
    path = f"{directory}/{PARAMETERS_FILE}"
    if not tf.io.gfile.exists(path):
        return None
    try:
        return read_batching_parameters(path)
    except ConfigError as error:
        message = f"{PARAMETERS_FILE} is not BatchingParameters in protobuf's text format"
        raise ServingError("INVALID_ARGUMENT", message) from error
