"""Trials per hour of one process that does all, and of a chief with one worker or several, on this machine.

python -m benchmarks.tuning_workers [number of trials, 12 by default] [numbers of workers, 1 2 by default]

Every search trains the same trials. The first ones wait for the processes to start: what counts is the time from the
first trial that ended to the last one, and beside it stands that of the whole command.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mlp_vae import mlp_vae
from tfvae.tuning.records import read_trials

LONGEST = 1800  # seconds of one search
EXPERIMENT = {
    "data": {"name": "digits", "binarize": "dynamic", "batch_size": 64},
    "training": {"epochs": 30, "learning_rate": 1e-3},
    "model": mlp_vae([128, 128], latent_size=16),
    "search": {
        "oracle": "random",
        "parameters": {
            "model.posterior.latent_size": {"choice": [2, 4, 8, 16, 32]},
            "model.objective.beta": {"float": [0.25, 8.0], "scale": "log"},
        },
    },
}


def main(trials, workers):
    """Searches without and with workers, and prints a line for each."""
    print(f"{'':12s}{'trials/hour':>14s}{'with start':>14s}{'best':>10s}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(EXPERIMENT))
        for number in (0, *workers):
            directory = Path(folder) / str(number)
            seconds = searched(config, directory, trials, number)
            ends = sorted(path.stat().st_mtime for path in directory.glob("trials/*.json"))
            pace = 3600 * (trials - 1) / (ends[-1] - ends[0])
            best = min(record["scores"]["negative_log_likelihood"]["value"] for record in read_trials(directory))
            name = f"{number} workers" if number else "one process"
            print(f"{name:12s}{pace:14.0f}{3600 * trials / seconds:14.0f}{best:10.3f}", flush=True)


def searched(config, directory, trials, workers):
    """Seconds that a search takes, as a command."""
    command = [sys.executable, "-m", "tfvae.cli", "tune", str(config), f"--output={directory}", f"--trials={trials}"]
    started = time.monotonic()
    command += [f"--workers={workers}"] if workers else []
    subprocess.run(command, check=True, timeout=LONGEST, capture_output=True)
    return time.monotonic() - started


if __name__ == "__main__":
    numbers = list(map(int, sys.argv[1:])) or [12]
    main(numbers[0], numbers[1:] or [1, 2])
