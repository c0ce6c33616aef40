"""validate: the gate that an export passes before anyone serves it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tfvae.errors import ConfigError, GateError
from tfvae.serving.files import sha256_of_files

CHECK = Path(__file__).parent / "standalone"
# The probes were answered on a CPU, and the trainer of this job may hold the GPU's memory.
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
NUM_LINES_OF_STDERR = 5


def validate(directory, timeout_seconds=600):
    """Loads an export in a fresh process as TF Serving does, without tfvae and Keras, and checks what it answers.

    Args:
        directory: The export.
        timeout_seconds: Time after which the check counts as failed.

    Returns:
        What the check saw, a dict of JSON values: "signatures", "num_warmup_requests", "largest_difference" from the
        training process (relative, or absolute below 1), "tensorflow", the version, and "files", a hash of all files.

    Raises:
        ConfigError: If there is no such directory.
        GateError: If it must not be served; one line for each reason.
    """
    path = saved_model_path(directory)
    files = sha256_of_files(path)  # first: what changes under the check is not what was checked
    report = json.loads(_output_of_check(path, timeout_seconds))
    if report["problems"]:
        raise GateError("\n".join([f"{path} must not be served:", *report["problems"]]))
    return {**report["facts"], "files": files}


def saved_model_path(directory):
    """The absolute path of a directory that holds a SavedModel.

    Raises:
        ConfigError: If there is no such directory.
        GateError: If it holds no SavedModel.
    """
    path = Path(directory).absolute()
    if not path.exists():
        raise ConfigError(f"No export {path}.")
    if not (path / "saved_model.pb").is_file():
        raise GateError(f"{path} holds no SavedModel: no file saved_model.pb.")
    return path


def _output_of_check(path, timeout_seconds):
    command = [sys.executable, str(CHECK), str(path)]
    try:
        process = subprocess.run(
            command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        raise GateError(f"The check of {path} did not end within {timeout_seconds} seconds.") from None
    if process.returncode != 0:
        last_lines = "\n".join(process.stderr.splitlines()[-NUM_LINES_OF_STDERR:])
        raise GateError(f"The check of {path} ended with code {process.returncode}:\n{last_lines}")
    return process.stdout.splitlines()[-1]
