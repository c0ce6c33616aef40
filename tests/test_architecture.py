"""The import table of the README: who may know whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "tfvae"
COMMAND_LINE = {"__init__", "cli", "commands", "arguments"}
EVERYTHING = {path.stem for path in ROOT.iterdir()} - {"__pycache__"} - COMMAND_LINE
MAY_IMPORT = {
    "errors": set(),
    "versions": set(),
    "inference": set(),
    "divergences": set(),
    "schedules": set(),
    "columns": set(),
    "offers": set(),
    "optimizers": set(),
    "storage": set(),
    "replicas": set(),
    "devices": set(),
    "normals": set(),
    "seeds": set(),
    "jobs": {"errors"},
    "processes": {"jobs"},
    "networks": {"errors", "columns", "offers", "replicas"},
    "likelihoods": {"errors", "columns", "offers"},
    "posteriors": {"errors", "networks", "normals", "offers"},  # of networks only `masked`, as below
    "priors": {"errors", "networks", "normals", "offers"},
    "objectives": {"inference", "divergences", "schedules"},
    "regularizers": {"inference", "divergences", "schedules"},
    "models": {"inference", "divergences", "normals", "offers", "replicas", "seeds"},
    "data": {"errors", "storage"},
    "parts": {"errors", "offers"},  # finds classes by their names, at run time
    "settings": {"errors"},
    "search": {"errors"},
    "experiment": {"errors", "parts", "data", "devices", "search", "settings"},
    "evaluation": {"errors", "devices", "divergences", "seeds"},
    "report": {"storage", "versions"},
    "serving": {"errors", "storage", "versions", "jobs", "data", "inference", "objectives"},
    "scoring": {"errors", "storage", "jobs", "data", "serving"},
    "gate": {"errors", "jobs", "data", "experiment", "serving"},
    "preparation": {"errors", "storage", "jobs", "data"},
    "superseded": {"jobs"},
    "drift": {"errors", "storage", "jobs", "data", "experiment", "serving"},
    "training": {
        "errors", "storage", "jobs", "data", "devices", "evaluation", "experiment", "processes", "replicas",
    },
    "run_directory": {
        "errors", "storage", "jobs", "data", "devices", "drift", "evaluation", "experiment", "gate", "report",
        "serving", "settings", "training",
    },
    "tuning": {
        "errors", "storage", "versions", "jobs", "data", "evaluation", "experiment", "processes", "report",
        "run_directory", "search", "training",
    },
    "workflow": {
        "errors", "storage", "versions", "jobs", "data", "experiment", "run_directory", "serving", "superseded",
        "training",
    },
    "studies": {
        "errors", "storage", "jobs", "data", "divergences", "evaluation", "experiment", "report", "run_directory",
        "seeds", "training",
    },
    "commands": EVERYTHING,
    "arguments": {"settings", "studies"},  # of studies only their names
    "cli": {"jobs", "commands", "arguments", "serving", "scoring"},  # of the last two only their arguments
    "__init__": set(),
}  # fmt: skip


def imports_of(path):
    """First-level names of tfvae that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:  # a relative import stays in its package
            names |= {f"{node.module}.{alias.name}" if node.module == "tfvae" else node.module for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("tfvae.")}


def units():
    for path in sorted(ROOT.rglob("*.py")):
        yield pytest.param(path, id=str(path.relative_to(ROOT)))


@pytest.mark.parametrize("path", units())
def test_imports_only_what_the_table_allows(path):
    unit = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert imports_of(path) <= MAY_IMPORT[unit] | {unit, "__version__"}


def test_every_unit_is_in_the_table():
    assert set(MAY_IMPORT) == EVERYTHING | COMMAND_LINE


@pytest.mark.parametrize("path", units())
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 250


def test_help_needs_no_tensorflow():
    code = "import sys, tfvae.cli; tfvae.cli._parser(); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
