"""A pushed model under TensorFlow 2.20, the newest that TensorFlow Serving was released with."""

import json
import os
import subprocess
import sys

import pytest

from tfvae.serving import push
from tfvae.serving.validation import CHECK, ENVIRONMENT


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that has TensorFlow 2.20 and nothing else."""
    folder = tmp_path_factory.mktemp("tensorflow") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    interpreter = folder / "bin" / "python"
    subprocess.run([interpreter, "-m", "pip", "install", "--quiet", "tensorflow==2.20.0", "numpy"], check=True)
    return interpreter


@pytest.mark.slow
def test_a_pushed_model_answers_as_the_training_process_did(python, binary_export, tmp_path):
    push(binary_export, tmp_path / "vae")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), str(CHECK), str(tmp_path / "vae" / "1")]
    process = subprocess.run(command, env={**environment, **ENVIRONMENT}, capture_output=True, text=True, check=True)
    report = json.loads(process.stdout.splitlines()[-1])
    assert report["problems"] == []
    assert report["facts"]["tensorflow"] == "2.20.0" and report["facts"]["largest_difference"] < 1e-4
    assert {"encode", "decode", "sample", "score", "score_bytes"} <= set(report["facts"]["signatures"])
