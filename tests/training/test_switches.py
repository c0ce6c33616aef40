"""Switches of [training]: networks in bfloat16, XLA, threads."""

import os
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

from benchmarks.mlp_vae import mlp_vae
from tfvae import devices
from tfvae.data import open_splits, pipeline
from tfvae.experiment import build_model, changed, experiment_from
from tfvae.settings import Training
from tfvae.training.addresses import tf_config
from tfvae.training.loop import Loop

WAIT = 300  # seconds

EXPERIMENT = experiment_from(
    {
        "data": {"name": "digits", "binarize": "dynamic", "batch_size": 32},
        "training": {"epochs": 1, "learning_rate": 0.003},
        "model": mlp_vae([64], latent_size=4),
    }
)


@pytest.fixture(scope="module")
def splits():
    return open_splits(EXPERIMENT.data)


def built(splits, **switches):
    changes = {f"training.{name}": value for name, value in switches.items()}
    return build_model(changed(EXPERIMENT, changes), splits.train)


def steps(model, splits, number):
    loop = Loop(model, splits, EXPERIMENT, None, None)
    return [float(loop.advance(feed, 1)["loss"]) for feed in [loop.feed()] * number]


def costs(model, splits):
    """The terms of all validation examples."""
    for mean in model.metrics:
        mean.reset_state()
    for batch in pipeline.ordered_batches(splits.validation, 48):
        terms = model.test_step(batch)
    return {name: float(value) for name, value in terms.items()}


def test_bfloat16_is_for_networks_alone(splits):
    model = built(splits, precision="mixed_bfloat16")
    batch = pipeline.batch_of(splits.train, tf.range(3, dtype="int64"))
    assert model.encoder(batch["x"]).dtype == "bfloat16"
    posterior = model.encode(batch["x"])
    assert posterior.dtype == "float32" and model.decode(posterior.mean()).log_prob(batch["x"]).dtype == "float32"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # for whatever is built next


def test_bfloat16_costs_less_than_a_thousandth_of_the_elbo(splits):
    exact = built(splits)
    steps(exact, splits, 20)
    rounded = built(splits, precision="mixed_bfloat16")
    for ours, theirs in zip(rounded.weights, exact.weights, strict=True):
        ours.assign(theirs)
    assert costs(rounded, splits)["negative_elbo"] == pytest.approx(costs(exact, splits)["negative_elbo"], rel=1e-3)


@pytest.mark.parametrize("strategy", ["one", "mirrored", "multi_worker"])
def test_threads_are_asked_for_before_a_strategy_wakes_tensorflow(strategy):
    script = (
        "import tensorflow as tf\n"
        "from tfvae.settings import Training\n"
        "from tfvae.training.distribution import cluster_of\n"
        f"cluster_of(Training(epochs=1, strategy={strategy!r}, threads=2))\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    alone = {"TF_CONFIG": tf_config(["localhost:0"], 0)}
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | alone, capture_output=True, timeout=WAIT)
    assert done.stdout.split() == [b"1"], done.stderr.decode()


@pytest.mark.parametrize("memory_growth", [True, False])
def test_memory_of_each_gpu_grows_if_asked_and_is_asked_for_once(memory_growth, monkeypatch):
    asked = {"GPU:0": True, "GPU:1": None}  # a machine that has them: the first was asked before
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(asked))
    monkeypatch.setattr(tf.config.experimental, "get_memory_growth", asked.get)
    calls = []
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *call: calls.append(call))
    assert devices.prepare(Training(epochs=1, memory_growth=memory_growth, threads=2)) == 1  # a GPU needs no threads
    assert calls == ([("GPU:1", True)] if memory_growth else [])


def test_threads_give_the_numbers_of_one(splits):
    plain, shared = (steps(built(splits, threads=threads), splits, 10) for threads in (None, 2))
    assert shared == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("switches", [{"precision": "mixed_bfloat16"}, {"jit_compile": True}, {"threads": 2}])
def test_a_switch_changes_no_batch_and_learns_alike(switches, splits):
    plain, other = (steps(built(splits, **each), splits, 25) for each in ({}, switches))
    assert other == steps(built(splits, **switches), splits, 25)  # bit for bit
    assert sum(other[-5:]) == pytest.approx(sum(plain[-5:]), rel=0.05)  # XLA draws other noise
    assert other[-1] < 0.8 * other[0]
