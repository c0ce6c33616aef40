"""Beside Apache Beam, which wants an older protobuf, the package installs, and its pipelines run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_extra_for_beam_installs_and_its_pipelines_run(tmp_path):
    for name in ("setup.py", "pyproject.toml", "README.md"):  # a copy, since pip builds where the sources are
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tfvae", tmp_path / "tfvae")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", f"{tmp_path}[serving,beam,dev]"]
    subprocess.run(install, check=True, timeout=1800)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    tests = [python, "-m", "pytest", ROOT / "tests" / "scoring" / "test_beam.py", "-p", "no:cacheprovider"]
    # From a folder without the sources: what is tested is what pip installed.
    result = subprocess.run(tests, cwd=tmp_path / "environment", env=clean, timeout=900, capture_output=True, text=True)
    assert result.returncode == 0 and "skipped" not in result.stdout, result.stdout + result.stderr
