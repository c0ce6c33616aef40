"""The load test of `benchmarks/` runs, and batching pays where it can: where a run costs more than its request."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

BENCHMARK = Path(__file__).parents[4] / "benchmarks" / "serving.py"
WIDTH = 2048  # three layers of 17 MB: a run of one image waits for memory, and one of 32 waits hardly longer


@pytest.fixture(scope="module")
def wide_base(tmp_path_factory):
    """A folder with a perceptron of three wide layers."""
    base = tmp_path_factory.mktemp("wide")
    module = tf.Module()
    module.weights = [tf.Variable(tf.random.normal(shape) / 50) for shape in [(784, WIDTH)] + 3 * [(WIDTH, WIDTH)]]

    def encode(images):
        z = tf.reshape(images, [-1, 784])
        for weights in module.weights:
            z = tf.nn.relu(z @ weights)
        return {"z": z[:, :50]}

    spec = tf.TensorSpec([None, 28, 28, 1], tf.float32, "images")
    signatures = {"encode": tf.function(encode, input_signature=[spec])}
    tf.saved_model.save(module, str(base / "1"), signatures=signatures)
    return base


@pytest.mark.slow
def test_batching_takes_a_third_of_the_processor_time_of_32_clients(wide_base):
    command = [sys.executable, BENCHMARK, wide_base, "--rows=1", "--seconds=3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "batching" in line]
    costs = {row[1]: float(row[7]) for row in rows}
    for transport in ("REST", "gRPC"):
        on, off = f"{transport}, batching on", f"{transport}, batching off"
        # Processor time a request, which bounds the throughput; requests a second are for the benchmark to say.
        assert costs[off] >= 3 * costs[on]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_requests(wide_base):
    command = [sys.executable, BENCHMARK, wide_base, "--rows=1", "--seconds=0", "--memory-requests=5000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    sizes = [int(size) for size in re.findall(r"(\d+) after \d+ requests", done.stdout)]
    assert len(sizes) == 3
    assert sizes[2] - sizes[0] < 20  # MiB; requests of 6 kB that stayed would add 27
