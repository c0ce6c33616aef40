"""REST where there is no TensorFlow, nor anything else that is heavy: in a process in which importing it raises."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tfvae.serving.client import Client

HEAVY = ("tensorflow", "tensorflow_serving", "tensorflow_probability", "keras", "tf_keras", "grpc", "pandas", "sklearn")
BLOCKED = f"import sys\nfor name in {HEAVY}:\n    sys.modules[name] = None\n"


def run(code, *arguments):
    command = [sys.executable, "-c", BLOCKED + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_rest_works(server):
    code = """
import json
from tfvae.serving.client import Client
with Client(sys.argv[1], "images") as client:
    z = client.sample(3, seed=7)["z"]
    images = client.decode(z)["images"].clip(0, 1)
    print(json.dumps([z.tolist(), client.score(images)["distortion"].tolist()]))
"""
    done = run(code, server.rest)
    assert done.returncode == 0, done.stderr
    z, distortion = json.loads(done.stdout)
    with Client(server.grpc, "images") as client:
        expected = client.sample(3, seed=7)
        np.testing.assert_allclose(z, expected["z"], rtol=1e-6)  # rounding, as below
        images = expected["images"].clip(0, 1)
        np.testing.assert_allclose(distortion, client.score(images)["distortion"], rtol=1e-5)


def test_grpc_says_what_is_missing():
    done = run("from tfvae.serving.client import Client\nClient('grpc://localhost:8500', 'digits')")
    assert done.returncode == 1
    assert "ConfigError: gRPC needs TensorFlow and tensorflow-serving-api" in done.stderr
    assert "pip install 'tfvae[serving]', or ask over REST, http://HOST:8501." in done.stderr


@pytest.mark.parametrize("module", ["arguments", "predict"])
def test_the_command_line_loads_nothing_heavy(module):
    done = run(f"import tfvae.serving.client.{module}")
    assert done.returncode == 0, done.stderr


def test_the_arguments_load_not_even_numpy():
    code = "import tfvae.serving.client.arguments\nsys.exit('numpy' in sys.modules or 'urllib3' in sys.modules)"
    assert run(code).returncode == 0
