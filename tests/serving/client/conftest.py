"""What the tests of the client share: an embedded server with three models, and addresses to ask it at."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import keras
import pytest

from tfvae.likelihoods import Bernoulli, Table
from tfvae.models import VAE
from tfvae.networks import MLP, Conditioned, TableFeatures
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import ConditionalNormal, StandardNormal
from tfvae.serving.exporting import export

ROOT = Path(__file__).parents[3]
CONDITION_SIZE = 4
COLUMNS = [
    {"name": "age", "type": "real", "mean": 40.0, "stddev": 12.0},
    {"name": "vip", "type": "binary"},
    {"name": "kind", "type": "categorical", "categories": ["ant", "b\u00e9e", "cat"]},
]


class Addresses(NamedTuple):
    """Of one server."""

    rest: str
    grpc: str


@pytest.fixture(scope="session")
def conditional_vae():
    return vae(
        (8, 8, 1), lambda: Conditioned(MLP([16]), CONDITION_SIZE), ConditionalNormal(CONDITION_SIZE), Bernoulli()
    )


@pytest.fixture(scope="session")
def table_vae():
    return vae((len(COLUMNS),), lambda: TableFeatures(MLP([16]), COLUMNS), StandardNormal(), Table(COLUMNS), MLP([16]))


def vae(event_shape, encoder, prior, likelihood, decoder=None):
    keras.utils.set_random_seed(1)
    parts = {"encoder": encoder(), "decoder": decoder or encoder(), "prior": prior, "likelihood": likelihood}
    model = VAE(posterior=DiagonalNormal(3), objective=ELBO(), **parts)
    model.build((None, *event_shape))
    return model


@pytest.fixture(scope="session")
def models(binary_export, grey_export, conditional_vae, table_vae, tmp_path_factory):
    """A folder with a folder of versions for each model, and models.config."""
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(binary_export, base / "images" / "1")
    shutil.copytree(grey_export, base / "images" / "2")
    export(conditional_vae, base / "conditional" / "1")
    export(table_vae, base / "table" / "1")
    listed = [f"config {{ {described(base / name, policy)} }}" for name, policy in POLICIES.items()]
    (base / "models.config").write_text("model_config_list { " + "\n".join(listed) + " }")
    return base


POLICIES = {"images": "specific { versions: 1 versions: 2 }", "conditional": "", "table": ""}


def described(folder, policy):
    policy = f"model_version_policy {{ {policy} }}" if policy else ""
    return f"name: '{folder.name}' base_path: '{folder}' model_platform: 'tensorflow' {policy}"


@pytest.fixture(scope="session")
def server(models, tmp_path_factory):
    """`Addresses` of an embedded server in a process of its own."""
    command = [sys.executable, "-m", "tfvae.serving.server", f"--model_config_file={models / 'models.config'}"]
    log = tmp_path_factory.mktemp("server") / "log"
    with open(log, "w") as file:
        options = {"stderr": file, "cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
        process = subprocess.Popen([*command, "--port=0", "--rest_api_port=0", "--log-json"], **options)
    try:
        yield announced(process, log)
    finally:
        process.terminate()
        process.wait(30)


def announced(process, log):
    for _ in range(2400):  # four minutes: a machine may be busy
        for line in log.read_text().splitlines():
            if "rest_port" in line:
                ports = json.loads(line)
                return Addresses(f"http://localhost:{ports['rest_port']}", f"grpc://localhost:{ports['grpc_port']}")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(params=["rest", "grpc"])
def url(request, server):
    """Of the embedded server, over each transport."""
    return getattr(server, request.param)
