"""Servable: one loaded version of a model, run by named tensors through the TF1 session path."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import tensorflow as tf

from tfvae.serving.server.operation_errors import load_error, run_error
from tfvae.serving.server.requests import Call, SignatureCheck, signature_not_found
from tfvae.serving.server.session_run import SessionRun
from tfvae.serving.standalone.served_model import ServedModel

# The session keeps an optimised graph for each filter of outputs for good. Clients choose the filters, so the ones that
# come after so many get theirs from all outputs.
_NUM_FILTERS = 64
_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class Servable:
    """One version of a model, loaded.

    Args:
        name: The model's name.
        version: Its number.
        directory: The SavedModel.

    Attributes:
        meta_graph: Its MetaGraphDef; `signature_def` there includes TensorFlow's own "__saved_model_init_op".
        signatures: {key: SignatureDef} for clients, without that one.
        uses: Who uses it now; it is unloaded when nobody does.
        batching: The `BatchingParameters` that its requests are put together by, or None; set by the loader.

    Raises:
        ServingError: If it cannot be loaded.
    """

    def __init__(self, name, version, directory):
        self.name, self.version = name, version
        self.uses, self.batching = Uses(), None
        try:
            self._model = ServedModel(directory)
        except Exception as error:  # a SavedModel can be wrong in any way; that version fails, the server goes on
            raise load_error(error, directory) from error
        self.meta_graph, self.signatures = self._model.meta_graph, self._model.signatures
        self._checks = {key: SignatureCheck(signature) for key, signature in self.signatures.items()}
        self._runs = {}  # {(signature key, output names): SessionRun}

    def prepare(self, signature_key, inputs, output_names=None, end=None):
        """Checks a request against the signature, as the real server does before it runs the session.

        Args:
            signature_key: Key of the signature; empty is "serving_default".
            inputs: {name: array}. Inputs with a default in the signature may be left out.
            output_names: The outputs to compute, each once; None or empty for all.
            end: When by `time.monotonic` nobody waits for the answer any more, or None.

        Returns:
            A `Call` for `execute`.

        Raises:
            ServingError: FAILED_PRECONDITION (no such signature), INVALID_ARGUMENT (names or dtypes do not fit).
        """
        key = signature_key or _DEFAULT
        check = self._check(key)
        return Call(key, check.inputs(inputs), check.output_names(output_names), end)

    def execute(self, call):
        """Runs a checked call: blocking, from any thread; returns {output name: array}.

        Raises:
            ServingError: The error of the failing op, by its code; DEADLINE_EXCEEDED past the call's end.
        """
        names = self._fetched(call)
        seconds = None if call.end is None else call.end - time.monotonic()
        try:
            values = self._runs[call.signature_key, names](call.inputs.values(), seconds)
        except tf.errors.OpError as error:
            raise run_error(error) from error
        except (TypeError, ValueError) as error:  # an array that cannot become a tensor
            raise run_error(tf.errors.InvalidArgumentError(None, None, str(error))) from error
        outputs = dict(zip(names, map(np.asarray, values), strict=True))
        return outputs if names == call.output_names else {name: outputs[name] for name in call.output_names}

    def run(self, signature_key, inputs, output_names=None):
        """`prepare` and `execute` in one."""
        return self.execute(self.prepare(signature_key, inputs, output_names))

    def interrupt(self):
        """Ends running calls by an error before their next op, and makes all later ones fail."""
        self._model.session.close()

    def close(self):
        """Frees the session and what it holds; no call may be running and none may follow."""
        self._model.session.close()
        self._model = self._runs = None

    def _fetched(self, call):
        """The outputs that the session is asked for."""
        key, names = call.signature_key, call.output_names
        if (key, names) not in self._runs and len(self._runs) >= _NUM_FILTERS:
            names = self._checks[key].output_names(None)
        if (key, names) not in self._runs:
            self._runs[key, names] = SessionRun(self._model.session, self.signatures[key], names)
        return names

    def _check(self, key):
        if key not in self._checks:
            raise signature_not_found(key)
        return self._checks[key]


class Uses:
    """A count of users, from any thread, that one party can wait on to become zero."""

    def __init__(self):
        self._lock = threading.Lock()
        self._count = 0
        self._closing = False
        self.idle = Future()  # done once closing has begun and the last user has left

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *error):
        self.end()

    def begin(self):
        """One user more."""
        with self._lock:
            self._count += 1

    def end(self):
        """One user less."""
        with self._lock:
            self._count -= 1
            self._finish_if_idle()

    def close(self):
        """Begins to wait: `idle` is done when the count is zero. New users are for the caller to prevent."""
        with self._lock:
            self._closing = True
            self._finish_if_idle()
        return self.idle

    def _finish_if_idle(self):
        if self._closing and self._count == 0 and not self.idle.done():
            self.idle.set_result(None)
