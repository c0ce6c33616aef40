"""The Dockerfile: no finding of hadolint, and what it copies, installs and calls is there."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSTRUCTIONS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line[:1].isupper()]


def all_of(instruction):
    return [text for name, text in INSTRUCTIONS if name == instruction]


def hadolint(path):
    command = [str(Path(sys.executable).with_name("hadolint")), "--no-color", "--failure-threshold=style", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    done = hadolint(ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_an_image_without_a_tag(tmp_path):
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("python:${PYTHON_TAG}", "python"))
    assert "DL3006" in hadolint(tmp_path / "Dockerfile").stdout


def test_there_is_an_image_to_train_and_one_to_serve():
    assert all_of("FROM") == ["python:${PYTHON_TAG} AS train", "tensorflow/serving:${SERVING_TAG} AS serve"]
    assert "SERVING_TAG=2.20.0-gpu" in all_of("ARG")


def test_jobs_do_not_run_as_root():
    assert all_of("USER") == ["1000:1000"]
    assert "useradd --create-home --uid 1000 tfvae" in all_of("RUN")


def test_what_is_copied_is_there_and_in_the_build_context():
    ignored, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert ignored == "*"
    for arguments in all_of("COPY"):
        *sources, _ = arguments.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert f"!{source}" in kept


def test_what_is_installed_is_what_setup_py_offers():
    (install,) = [shlex.split(text) for text in all_of("RUN") if text.startswith("pip")]
    assert install[:3] == ["pip", "install", "--no-cache-dir"]
    assert install[install.index("--constraint") + 1] == "constraints.txt"
    extras = re.fullmatch(r"\.\[(.+)\]", install[-1])[1].split(",")
    assert set(extras) <= set(extras_of_setup())
    assert "tensorflow[and-cuda]" in extras_of_setup()["gpu"][0]


def extras_of_setup():
    (call,) = [node for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())) if is_setup(node)]
    (extras,) = [keyword.value for keyword in call.keywords if keyword.arg == "extras_require"]
    return ast.literal_eval(extras)


def is_setup(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"


def test_the_entry_point_is_the_command_that_the_package_installs():
    assert all_of("ENTRYPOINT") == ['["tfvae"]']
    assert '"tfvae=tfvae.cli:main"' in (ROOT / "setup.py").read_text()


@pytest.mark.slow
def test_the_constraints_go_together_with_cuda(tmp_path):
    """What pip would install in the image, CUDA included, without fetching gigabytes of it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    (install,) = [shlex.split(text) for text in all_of("RUN") if text.startswith("pip")]
    command = [
        str(tmp_path / "bin" / "pip"),
        *install[1:],
        "--dry-run",
        "--quiet",
        "--report",
        str(tmp_path / "report"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr
    assert '"nvidia-cudnn-cu12"' in (tmp_path / "report").read_text()
