"""The embedded server beside a bare session call: benchmarks/serving.py on a model of the MLP work."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.performance import apart

SCRIPT = Path(__file__).parents[1] / "serving.py"
SECONDS, ROUNDS = 3, 3


def rows():
    """Lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        apart.measured("serving", folder)
        command = [sys.executable, SCRIPT, folder, "--signatures", "encode", "score"]
        command += [f"--seconds={SECONDS}", f"--rounds={ROUNDS}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=apart.LONGEST)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    names, _, *found = lines
    return [dict(zip(names, cells, strict=True)) for cells in found]


def main(folder):
    """Exports an untrained model as version 1."""
    from benchmarks.performance.systems.likelihood_tfvae import untrained
    from benchmarks.performance.works import MLP
    from tfvae.serving.exporting import export

    model, _ = untrained(MLP, 100, None)
    export(model, Path(folder) / "1")
    apart.answer(done=True)
