"""The machine: what it is, and its ceilings as measured: products of matrices, and bytes moved."""

import importlib.metadata
import os
import platform
import statistics
import time

SIZE = 2048  # of the matrices; 16 MiB each
PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy", "torch", "pythae")


def peak():
    """Floating-point operations per second of a product of matrices in float32, by TensorFlow: the median of 9."""
    import tensorflow as tf

    a = tf.random.normal([SIZE, SIZE])
    product = tf.function(lambda: tf.linalg.matmul(a, a))
    return 2 * SIZE**3 / _seconds(product)


def bandwidth():
    """Bytes per second of a copy, read and written, of 256 MiB by NumPy."""
    import numpy as np

    source = np.ones(2**26, "float32")
    target = np.empty_like(source)
    return 2 * source.nbytes / _seconds(lambda: np.copyto(target, source))


def description():
    """{name: text} of processor and versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": versions,
    }


def _seconds(run):
    run()
    times = []
    for _ in range(9):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _processor():
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()
