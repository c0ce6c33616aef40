"""Resident memory of one process over many small trials: what a trial leaves behind.

python -m benchmarks.tuning_memory [number of trials, 50 by default]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.mlp_vae import mlp_vae
from tfvae import jobs
from tfvae.experiment import experiment_from
from tfvae.tuning.job import search_here
from tfvae.tuning.oracle import Kept

MEBIBYTE = 2**20
PAGE = 4096  # bytes, of Linux on x86-64
SETTLED = 10  # trials after which libraries have loaded and allocated what they keep


def main(trials):
    """Searches, and prints the memory after every fifth trial and what each trial after the first ten adds."""
    resident, ended = [], Kept.end_trial

    def end_trial(oracle, trial):
        ended(oracle, trial)
        resident.append(_resident())
        if len(resident) % 5 == 0:
            print(f"{len(resident):4d} trials {resident[-1] / MEBIBYTE:8.1f} MiB", flush=True)

    Kept.end_trial = end_trial
    with tempfile.TemporaryDirectory() as directory, jobs.Interruption() as interruption:
        search_here(_experiment(trials), Path(directory), interruption)
    slope = np.polyfit(np.arange(SETTLED, trials), resident[SETTLED:], 1)[0]
    print(f"{slope / MEBIBYTE:.2f} MiB a trial after the first {SETTLED}")


def _experiment(trials):
    return experiment_from(
        {
            "data": {"name": "digits", "binarize": "dynamic", "batch_size": 64},
            "training": {"epochs": 1},
            "model": mlp_vae([32], latent_size=4),
            "search": {
                "trials": trials,
                "num_samples": 10,
                "parameters": {
                    "model.posterior.latent_size": {"int": [2, 16]},
                    "model.objective.beta": {"float": [0.25, 4.0], "scale": "log"},
                },
            },
        }
    )


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
