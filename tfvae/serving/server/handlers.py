"""What both transports call: predict, classify, regress, several at once, and metadata."""

import asyncio
import time
from typing import NamedTuple

from tensorflow_serving.apis import get_model_metadata_pb2

from tfvae.serving.server import inference_results as results
from tfvae.serving.server.errors import ServingError

DEFAULT_SIGNATURE = "serving_default"
HEAVY_BYTES = 1 << 16  # a body from this size on is converted in a thread: it would hold the others up by milliseconds


class Task(NamedTuple):
    """One result that is asked of a MultiInference: a signature, and the method name of classify or regress."""

    signature_name: str
    method: str


async def convert(size, function, *arguments):
    """Calls a conversion of `size` bytes, in a thread if that would hold up everyone else."""
    if size < HEAVY_BYTES:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class Handlers:
    """The calls, given a core and the metrics that time them.

    A servable is one that `core.use` has given; an empty signature name is "serving_default".

    Args:
        core: `core.Core`.
        metrics: `metrics.Metrics`.
    """

    def __init__(self, core, metrics):
        self.core = core
        self.metrics = metrics
        self._methods = {
            "tensorflow/serving/classify": (results.classify_outputs, self.classify),
            "tensorflow/serving/regress": (results.regress_outputs, self.regress),
        }

    async def predict(self, servable, signature_name, inputs, output_filter=()):
        """Runs a signature on {name: array} and returns {name: array}; no filter means all outputs."""
        return await self._run("Predict", servable, signature_name, inputs, tuple(output_filter))

    async def classify(self, servable, signature_name, examples):
        """(labels [B, C] or None, scores [B, C] or None) of serialised examples [B]."""
        names = results.classify_outputs(_signature(servable, signature_name))
        outputs = await self._run("Classify", servable, signature_name, {"inputs": examples}, names)
        return results.classes(outputs, len(examples))

    async def regress(self, servable, signature_name, examples):
        """One value for each serialised example, [B]."""
        names = results.regress_outputs(_signature(servable, signature_name))
        outputs = await self._run("Regress", servable, signature_name, {"inputs": examples}, names)
        return results.values(outputs, len(examples))

    async def multi_inference(self, servable, tasks, examples):
        """What `classify` or `regress` returns, for each task in their order."""
        inputs = set()
        for index, task in enumerate(tasks):
            name = task.signature_name or DEFAULT_SIGNATURE
            if name in [other.signature_name or DEFAULT_SIGNATURE for other in tasks[:index]]:
                raise ServingError("INVALID_ARGUMENT", f"Duplicate evaluation of signature: {name}")
            inputs.add(self._requested(servable, name, task.method).inputs["inputs"].name)
        if len(inputs) > 1:
            raise ServingError("INVALID_ARGUMENT", "Input tensor must be the same for all Signatures.")
        return [await self._methods[task.method][1](servable, task.signature_name, examples) for task in tasks]

    def metadata(self, servable):
        """The SignatureDefMap of a servable, TensorFlow's own "__saved_model_init_op" included."""
        return get_model_metadata_pb2.SignatureDefMap(signature_def=servable.meta_graph.signature_def)

    def _requested(self, servable, name, method):
        if name not in servable.signatures:
            raise ServingError("INVALID_ARGUMENT", f"Requested signature not found in model graph: {name}")
        if method not in self._methods:
            raise ServingError("UNIMPLEMENTED", f"Unsupported signature method_name: {method}")
        self._methods[method][0](servable.signatures[name])
        return servable.signatures[name]

    async def _run(self, api, servable, signature_name, inputs, output_names):
        start = time.perf_counter()
        outputs = await self.core.run(servable, signature_name or DEFAULT_SIGNATURE, inputs, output_names or None)
        self.metrics.ran(servable.name, api, time.perf_counter() - start)
        return outputs


def _signature(servable, signature_name):
    name = signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise ServingError("INVALID_ARGUMENT", f"No signature was found with the name: {name}")
    return servable.signatures[name]
