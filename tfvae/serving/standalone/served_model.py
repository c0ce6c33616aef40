"""ServedModel: a SavedModel as TF Serving holds it, a session that runs named tensors and no Python of the model."""

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2


class ServedModel:
    """Loads a SavedModel through the TF1 session path.

    `tf.saved_model.load` would be another path: exports that TF Serving cannot run do load and run there.

    Args:
        directory: The SavedModel.
    """

    def __init__(self, directory):
        graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            self.meta_graph = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(directory))
        signatures = dict(self.meta_graph.signature_def)
        signatures.pop("__saved_model_init_op", None)  # TensorFlow's own, not for clients
        self.signatures = signatures
        self._callables = {}

    def call(self, signature, inputs):
        """Runs a signature on {input: array} and returns {output: array}.

        Raises:
            tf.errors.OpError: What a client would get.
        """
        if signature not in self._callables:
            self._callables[signature] = self._callable(self.signatures[signature])
        values = self._callables[signature](*[inputs[name] for name in sorted(inputs)])
        return dict(zip(sorted(self.signatures[signature].outputs), values, strict=True))

    def _callable(self, signature):
        """A callable feeds what it is given, as the server does; `Session.run` checks shapes in Python before."""
        options = config_pb2.CallableOptions()
        options.feed.extend(signature.inputs[name].name for name in sorted(signature.inputs))
        options.fetch.extend(signature.outputs[name].name for name in sorted(signature.outputs))
        return self.session._make_callable_from_options(options)
