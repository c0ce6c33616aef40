"""Start-up and memory: of the command line, of a training up to its first step, and of one that goes on."""

import statistics
import subprocess
import sys
import time

from benchmarks.performance import apart

ROUNDS = 5
STEPS = (500, 5000)


def rows():
    """Lines of the table."""
    yield {"what": "`tfvae --help`", "figure": f"{statistics.median(_help() for _ in range(ROUNDS)):.2f} s"}
    first = [apart.measured("starting", time.time(), 1) for _ in range(ROUNDS)]
    for what, name, unit in (
        ("a training, from the start of the process to the end of its first step", "seconds", "s"),
        ("of which importing TensorFlow, Keras and TFP", "imports", "s"),
        ("memory after the imports", "at_rest", "MiB"),
        ("memory after the first step", "resident", "MiB"),
    ):
        yield {"what": what, "figure": f"{statistics.median(each[name] for each in first):.1f} {unit}"}
    for steps in STEPS:
        found = apart.measured("starting", time.time(), steps)
        figure = f"{found['resident']:.0f} MiB, at most {found['peak']:.0f} MiB"
        yield {"what": f"memory after {steps} steps of the MLP VAE at batch 100", "figure": figure}


def main(started, steps):
    """Trains in a process of its own, which was asked for at a time."""
    import tensorflow as tf  # noqa: F401
    import tensorflow_probability  # noqa: F401

    imports, at_rest = time.time() - float(started), apart.resident_mebibytes()
    from benchmarks.performance.systems.tfvae import make
    from benchmarks.performance.works import WORKS

    make(WORKS["mlp-vae"], 100)(int(steps))
    found = {"resident": apart.resident_mebibytes(), "peak": apart.peak_mebibytes()}
    apart.answer(seconds=time.time() - float(started), imports=imports, at_rest=at_rest, **found)


def _help():
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tfvae.cli", "--help"], check=True, capture_output=True)
    return time.perf_counter() - started
