"""Steps per second of one process and of several that share each batch, on this machine, a thread each.

python -m benchmarks.scaling [numbers of processes, 1 2 by default]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.performance.systems.tfvae import tree
from benchmarks.performance.works import CASES, WORKS, Training

EPOCHS = 6
NUM_IMAGES = 10_000
LONGEST = 900  # seconds


def main(numbers):
    """Prints a line for each work and number of processes."""
    print(f"{'work':12s}{'batch':>8s}{'processes':>11s}{'images/s':>12s}{'MiB of gradients':>18s}", flush=True)
    for work, batch_size in [case for case in CASES if isinstance(WORKS[case[0]], Training)]:
        for number in numbers:
            rate, parameters = measured(WORKS[work], batch_size - batch_size % max(numbers), number)
            print(f"{work:12s}{batch_size:8d}{number:11d}{rate:12.0f}{parameters * 4 / 2**20:18.2f}", flush=True)


def measured(work, batch_size, number):
    """Images per second of the last epochs, and the number of parameters."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = shared(work, batch_size, write_images(Path(folder), work.image_size))
        (Path(folder) / "config.json").write_text(json.dumps(experiment))
        command = [sys.executable, "-m", "tfvae.cli", "train", f"{folder}/config.json", f"--output={folder}/run"]
        command += [f"--workers={number}"] if number > 1 else []
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        subprocess.run(command, check=True, timeout=LONGEST, capture_output=True, env={**os.environ, **threads})
        rows = [json.loads(line) for line in Path(folder, "run", "history.jsonl").read_text().splitlines()]
        rates = sorted(row["examples_per_second"] for row in rows[2:])
        return rates[len(rates) // 2], num_parameters(Path(folder) / "run" / "model.keras")


def shared(work, batch_size, images):
    """The experiment of a work as a nested dict, for processes of one thread each."""
    experiment = tree(work, batch_size, None)
    experiment["data"] |= {"name": images, "validation_fraction": 0.01}
    experiment["training"] |= {"epochs": EPOCHS}
    return experiment


def write_images(folder, size):
    """A file of random images."""
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, size, size), np.uint8)
    np.savez(folder / "images.npz", x=images)
    return str(folder / "images.npz")


def num_parameters(path):
    """Number of trainable weights of a model."""
    from tfvae.experiment import load_model

    return sum(weight.shape.num_elements() for weight in load_model(path).trainable_weights)


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])) or [1, 2])
