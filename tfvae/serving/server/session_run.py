"""SessionRun: a signature's run by a session, as the real server runs it, and for a limited time if asked."""

from tensorflow.core.protobuf import config_pb2
from tensorflow.python.client import pywrap_tf_session


class SessionRun:
    """Runs some outputs of a signature.

    It calls the session below `Session.run`, which would check shapes in Python before, as the real server does not. A
    callable (`Session._make_callable_from_options`) would do so too, at the same speed, but has one limit of time for
    all its calls: each limit would need a callable of its own, whose first call optimises the graph for 0.2 s.

    Args:
        session: The tf.compat.v1.Session.
        signature: The SignatureDef.
        output_names: The outputs to compute.
    """

    def __init__(self, session, signature, output_names):
        self._session, tensor = session, session.graph.get_tensor_by_name
        self._feeds = [tensor(signature.inputs[name].name)._as_tf_output() for name in sorted(signature.inputs)]
        self._fetches = [tensor(signature.outputs[name].name)._as_tf_output() for name in output_names]

    def __call__(self, arrays, seconds=None):
        """The outputs for the inputs in the order of their names, blocking.

        Args:
            arrays: The inputs.
            seconds: After that time the run ends before its next op; an op that has begun runs to its end.

        Raises:
            tf.errors.OpError: DeadlineExceededError if the time was over.
        """
        feeds = dict(zip(self._feeds, arrays, strict=True))
        if seconds is None:
            return pywrap_tf_session.TF_SessionRun_wrapper(self._session._session, None, feeds, self._fetches, [], None)
        options = _options(seconds)
        try:
            return pywrap_tf_session.TF_SessionRun_wrapper(
                self._session._session, options, feeds, self._fetches, [], None
            )
        finally:
            pywrap_tf_session.TF_DeleteBuffer(options)


def _options(seconds):
    options = config_pb2.RunOptions(timeout_in_ms=max(int(1000 * seconds), 1))  # 0 would be no limit
    return pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
