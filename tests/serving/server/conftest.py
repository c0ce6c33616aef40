"""What the tests of the server share: half_plus_two models of our own, exports of any function, one of our VAEs."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae.serving.server.configuration import single_model
from tfvae.serving.server.core import Core
from tfvae.serving.server.core_options import CoreOptions

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class _HalfPlusTwo(tf.Module):
    """y = half x + 2, as a tensor and from serialised tf.Examples with the feature "x"."""

    def __init__(self, half):
        super().__init__()
        self.half, self.two = tf.Variable(half, dtype="float32"), tf.Variable(2.0)

    def predict(self, x):
        return {"y": self.half * x + self.two}

    def regress(self, inputs):
        return {"outputs": self.half * _feature(inputs) + self.two}

    def regress_plus_one(self, inputs):
        return {"outputs": self.half * _feature(inputs) + self.two + 1.0}

    def classify(self, inputs):
        return {"scores": self.half * _feature(inputs) + self.two}

    def classify_sign(self, inputs):
        x = _feature(inputs)
        classes = tf.repeat(tf.constant([["negative", "positive"]]), tf.shape(x)[0], axis=0)
        return {"classes": classes, "scores": tf.concat([-x, x], axis=1)}


def _feature(examples):
    return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]


def save_functions(module, functions, directory):
    """Writes {signature key: (function, specs)} of a tf.Module's variables as a SavedModel."""
    signatures = {key: tf.function(function, input_signature=specs) for key, (function, specs) in functions.items()}
    tf.saved_model.save(module, str(directory), signatures=signatures)
    return Path(directory)


@pytest.fixture(scope="session")
def _half_plus_two(tmp_path_factory):
    """Function of half: a SavedModel, written once."""
    made = {}

    def make(half):
        if half not in made:
            module = _HalfPlusTwo(half)
            examples = [tf.TensorSpec([None], tf.string, "inputs")]
            functions = {
                "serving_default": (module.predict, [tf.TensorSpec(None, tf.float32, "x")]),
                "regress_x_to_y": (module.regress, examples),
                "regress_x_to_y2": (module.regress_plus_one, examples),
                "classify_x_to_y": (module.classify, examples),
                "classify_x_to_sign": (module.classify_sign, examples),
            }
            made[half] = save_functions(module, functions, tmp_path_factory.mktemp("half_plus_two") / "model")
        return made[half]

    return make


@pytest.fixture(scope="session")
def half_plus_two(_half_plus_two):
    """Writes y = half x + 2 as a version: (base_path, version, half=0.5) -> its directory, which appears at once.

    Signatures: serving_default (x -> y; x of any shape), regress_x_to_y, regress_x_to_y2 (y + 1), classify_x_to_y
    (scores), classify_x_to_sign (classes and scores), all four of serialised tf.Examples with the feature "x".
    """

    def write(base_path, version, half=0.5):
        staging, directory = Path(base_path) / f".staging-{version}", Path(base_path) / str(version)
        shutil.copytree(_half_plus_two(half), staging)
        os.rename(staging, directory)
        return directory

    return write


@pytest.fixture
def export_functions(tmp_path):
    """Writes {signature key: (function, specs)} as a SavedModel below `tmp_path`; returns its directory."""

    def write(functions, name="functions/1"):
        return save_functions(tf.Module(), functions, tmp_path / name)

    return write


def _gate():
    return tf.raw_ops.FIFOQueueV2(component_types=[tf.float32], shapes=[[]], shared_name="gate")


def _wait(x):
    return {"y": x + tf.raw_ops.QueueDequeueV2(handle=_gate(), component_types=[tf.float32])[0]}


def _open(x):
    with tf.control_dependencies([tf.raw_ops.QueueEnqueueManyV2(handle=_gate(), components=[x])]):
        return {"y": tf.identity(x)}


@pytest.fixture(scope="session")
def gated_export(tmp_path_factory):
    """A SavedModel whose `serving_default` (x -> y = x) takes as long as a test wants: until `open_gate`."""
    functions = {
        "serving_default": (_wait, [tf.TensorSpec(None, tf.float32, "x")]),
        "open": (_open, [tf.TensorSpec([None], tf.float32, "x")]),
    }
    return save_functions(tf.Module(), functions, tmp_path_factory.mktemp("gated") / "model")


@pytest.fixture(scope="session")
def open_gate():
    """Lets some runs of a servable of `gated_export` end."""
    return lambda servable, count=1: servable.run("open", {"x": np.zeros(count, "float32")})


def _endless(x):
    steps = tf.reduce_max(x)
    return {"y": tf.while_loop(lambda y: tf.reduce_max(y) < steps * np.inf, lambda y: [y + 1.0], [0.0 * x])[0]}


@pytest.fixture(scope="session")
def endless_export(tmp_path_factory):
    """A SavedModel whose `serving_default` (x -> y = 0) never ends by itself, but for x = 0."""
    spec = tf.TensorSpec([None], tf.float32, "x")
    functions = {"serving_default": (_endless, [spec])}
    return save_functions(tf.Module(), functions, tmp_path_factory.mktemp("endless") / "model")


@pytest.fixture(scope="session")
def vae_export(binary_export):
    """A SavedModel of one of our VAEs, written by `tfvae.serving.export`, warm-up file and all."""
    return binary_export


@pytest.fixture
def base_path(tmp_path):
    """An empty directory for versions."""
    path = tmp_path / "base"
    path.mkdir()
    return path


class RunningCore(Core):
    """A core with helpers for tests."""

    def states(self, name="m"):
        """{version: state}"""
        return {version: state for version, state, _, _ in self.statuses(name)}

    async def y(self, x, version=None, label=None, name="m"):
        """The answer of half_plus_two."""
        with self.use((name, version, label)) as servable:
            outputs = await self.run(servable, "serving_default", {"x": np.asarray(x, "float32")})
        return outputs["y"].tolist()

    async def until(self, condition, seconds=20):
        """Waits for a condition, with a limit."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            await asyncio.sleep(0.01)


@pytest.fixture
def with_core():
    """Runs a coroutine function of a started `RunningCore` on a base path (model "m") or a configuration."""

    def run(scenario, models, **options):
        async def scene():
            configuration = models if hasattr(models, "model_config_list") else single_model("m", models)
            core = RunningCore(configuration, CoreOptions(**{"file_system_poll_wait_seconds": 0.05} | options))
            await core.start()
            try:
                return await asyncio.wait_for(scenario(core), 60)
            finally:
                await core.stop()

        return asyncio.run(scene())

    return run
