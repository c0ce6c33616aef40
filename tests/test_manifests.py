"""The Kubernetes manifests and the compose file: valid by schema, in agreement, and full of commands that run."""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tfvae import cli
from tfvae.processes.ports import free_ports
from tfvae.serving.server import flags
from tfvae.training import addresses

ROOT = Path(__file__).parents[1]
KUBERNETES_VERSIONS = ("1.33", "1.37")  # backoffLimitPerIndex is stable since 1.33
FILES = sorted((ROOT / "pipelines" / "kubernetes").glob("*.yaml"))
RESOURCES = [
    pytest.param(resource, id=f"{path.stem}-{resource['kind']}")
    for path in FILES
    for resource in yaml.safe_load_all(path.read_text())
]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
NUM_SHARDS = 4


def resource(kind, name):
    (found,) = [
        p.values[0] for p in RESOURCES if p.values[0]["kind"] == kind and name in p.values[0]["metadata"]["name"]
    ]
    return found


def container(kind, name):
    (found,) = resource(kind, name)["spec"]["template"]["spec"]["containers"]
    return found


def arguments_of_tfvae():
    """What each container of the image `train` gives to `tfvae`."""
    yield pytest.param(container("Job", "train-digits")["args"], id="training")
    yield pytest.param(container("Job", "train-together")["args"], id="distributed-training")
    for index in range(NUM_SHARDS):
        arguments = [text.replace("$(JOB_COMPLETION_INDEX)", str(index)) for text in container("Job", "score")["args"]]
        yield pytest.param(arguments, id=f"scoring-{index}")
    yield pytest.param(COMPOSE["services"]["client"]["command"], id="client")


SERVERS = {"kubernetes": container("Deployment", "digits"), "compose": COMPOSE["services"]["server"]}


def flags_of_tensorflow_serving(server):
    """As the image's entry point completes them."""
    entry_point = ["--port=8500", "--rest_api_port=8501", "--model_name=digits", "--model_base_path=/models/digits"]
    return [*entry_point, *server.get("args", server.get("command"))]


# Schemas.


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("resource", RESOURCES)
def test_resources_are_what_kubernetes_takes(resource, version):
    kubernetes_validate.validate(resource, version, strict=True)


def test_the_validator_finds_a_misspelt_field():
    job = resource("Job", "train-digits")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**job, "spec": {**job["spec"], "backofLimit": 6}}, "1.37", strict=True)


def docker_compose(path):
    command = [str(Path(sys.executable).with_name("docker-compose")), "--file", str(path), "config", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_compose_file_is_what_compose_takes():
    done = docker_compose(ROOT / "compose.yaml")
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_finds_a_misspelt_field(tmp_path):
    (tmp_path / "compose.yaml").write_text((ROOT / "compose.yaml").read_text().replace("depends_on", "depend_on"))
    assert "depend_on" in docker_compose(tmp_path / "compose.yaml").stderr


# Agreement of the parts.


def test_service_and_autoscaler_find_the_deployment():
    deployment = resource("Deployment", "digits")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert resource("Service", "digits")["spec"]["selector"] == labels
    target = resource("HorizontalPodAutoscaler", "digits")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]  # each apply would undo the autoscaler's


def test_ports_and_probes_are_those_of_the_server():
    serving = container("Deployment", "digits")
    ports = {port["name"]: port["containerPort"] for port in serving["ports"]}
    assert ports == {"grpc": 8500, "http": 8501}
    assert {port["targetPort"] for port in resource("Service", "digits")["spec"]["ports"]} == set(ports)
    (name,) = [variable["value"] for variable in serving["env"] if variable["name"] == "MODEL_NAME"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert serving[probe]["httpGet"] == {"path": f"/v1/models/{name}", "port": "http"}


@pytest.mark.parametrize(
    "kind_and_name", [("Job", "train-digits"), ("Job", "train-together"), ("Job", "score"), ("Deployment", "digits")]
)
def test_every_pod_asks_for_a_gpu(kind_and_name):
    assert container(*kind_and_name)["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_compose_reserves_a_gpu():
    (device,) = SERVERS["compose"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


@pytest.mark.parametrize("name", ["train-digits", "score"])
def test_preempted_pods_are_replaced_and_hopeless_ones_are_not(name):
    job = resource("Job", name)["spec"]
    ignore, *fail = job["podFailurePolicy"]["rules"]
    assert ignore == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    codes = {code for rule in fail for code in rule["onExitCodes"]["values"]}
    assert {2, 4} <= codes <= {2, 3, 4, 5}  # 1, 130 and 143 may go well the next time
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # what a podFailurePolicy demands


def test_a_shard_with_broken_examples_fails_alone():
    _, *fail = resource("Job", "score")["spec"]["podFailurePolicy"]["rules"]
    assert {rule["action"]: rule["onExitCodes"]["values"] for rule in fail} == {"FailJob": [2], "FailIndex": [4]}


def test_scoring_has_as_many_shards_as_pods():
    job = resource("Job", "score")["spec"]
    assert (job["completionMode"], job["completions"]) == ("Indexed", NUM_SHARDS)
    assert f"--shard=$(JOB_COMPLETION_INDEX)/{NUM_SHARDS}" in container("Job", "score")["args"]


def test_jobs_share_a_volume():
    claim = resource("PersistentVolumeClaim", "tfvae")["metadata"]["name"]
    for name in ("train-digits", "score"):
        (volume,) = resource("Job", name)["spec"]["template"]["spec"]["volumes"]
        (mount,) = container("Job", name)["volumeMounts"]
        assert volume == {"name": mount["name"], "persistentVolumeClaim": {"claimName": claim}}
        assert mount["mountPath"] == "/data"


# Commands.


@pytest.mark.parametrize("arguments", arguments_of_tfvae())
def test_the_command_line_takes_what_the_containers_give_it(arguments):
    assert cli._parser().parse_args(arguments).command.job


def test_shards_are_told_apart():
    shards = [cli._parser().parse_args(p.values[0]).shard for p in arguments_of_tfvae() if "scoring" in p.id]
    assert shards == [(0, 4), (1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_the_embedded_server_takes_the_flags_of_the_real_one(server):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    flags.add_arguments(parser)
    args = parser.parse_args(flags_of_tensorflow_serving(server))
    assert args.enable_batching
    assert not args.unsupported


def test_commands_in_the_comments_are_right():
    for path in FILES:
        for name in re.findall(r"-f (\S+\.yaml)", path.read_text()):
            assert (ROOT / name).is_file()


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A clean virtual environment with the package as the Dockerfile installs it, without CUDA."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    source = shutil.copytree(
        ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "runs", "build", "*.egg-info")
    )
    pip = [folder / "bin" / "pip", "install", "--quiet", "--constraint", "constraints.txt", ".[serving]"]
    subprocess.run(pip, cwd=source, check=True)
    shutil.rmtree(source / "tfvae")  # what runs is what was installed
    return folder


class Workplace:
    """A folder in place of the container's, with /data and /models in it.

    Args:
        environment: The virtual environment.
        folder: For /data; its saved_models are /models.
    """

    def __init__(self, environment, folder):
        self.environment, self.work = environment, folder
        self.variables = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}

    def here(self, text):
        return text.replace("/data/", f"{self.work}/").replace("/models/", f"{self.work}/saved_models/")

    def command(self, arguments):
        return ["tfvae", *map(self.here, arguments)]

    def run(self, arguments):
        options = {"cwd": self.environment / "source", "env": self.variables, "capture_output": True, "text": True}
        return subprocess.run(self.command(arguments), check=False, timeout=1800, **options)

    def run_pods(self, arguments, number):
        """Runs the pods of an Indexed Job that know each other, and returns their exit codes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in free_ports(number))
        variables = [{**self.variables, addresses.HOSTS: hosts, addresses.INDEX: str(i)} for i in range(number)]
        source, command = self.environment / "source", self.command(arguments)
        pods = [subprocess.Popen(command, cwd=source, env=each) for each in variables]
        return [pod.wait(1800) for pod in pods]


@contextlib.contextmanager
def serving(place, server):
    """`tfvae serve` with a container's flags on free ports; gives the port of REST."""
    arguments = ["serve", *flags_of_tensorflow_serving(server), "--port=0", "--rest_api_port=0", "--log-json"]
    with open(place.work / "log", "w+") as log:
        process = subprocess.Popen(place.command(arguments), env=place.variables, stderr=log)
        try:
            yield rest_port(process, place.work / "log")
        finally:
            process.terminate()
            process.wait(60)


def rest_port(process, log):
    for _ in range(2400):  # four minutes
        announced = re.search(r'"rest_port": ([0-9]+)', log.read_text())
        if announced:
            return int(announced[1])
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


def is_healthy(port):
    """Whether the health check of the compose file, asked of another port, finds the model served."""
    kind, *command = SERVERS["compose"]["healthcheck"]["test"]
    assert kind == "CMD"
    command = [text.replace("/8501", f"/{port}") for text in command]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


@pytest.mark.slow
def test_every_command_runs_in_a_clean_environment(environment, tmp_path):
    place = Workplace(environment, tmp_path)
    for arguments in (p.values[0] for p in arguments_of_tfvae() if p.id not in ("client", "distributed-training")):
        done = place.run(arguments)
        assert done.returncode == 0, done.stderr[-3000:]
    assert place.run_pods(container("Job", "train-together")["args"], 2) == [0, 0]
    assert len(list((tmp_path / "scores" / "digits").rglob("*.parquet"))) >= NUM_SHARDS
    for server in SERVERS.values():
        with serving(place, server) as port:
            assert is_healthy(port)
            url = f"localhost:{port}"
            done = place.run([text.replace("server:8501", url) for text in COMPOSE["services"]["client"]["command"]])
            assert len(done.stdout.splitlines()) == 1 + 16, done.stderr
        assert not is_healthy(port)


def test_pods_of_a_distributed_training_know_each_other_by_name():
    job, service = resource("Job", "train-together"), resource("Service", "train-together")
    pod = job["spec"]["template"]["spec"]
    (hosts,) = [each["value"] for each in container("Job", "train-together")["env"] if each["name"] == addresses.HOSTS]
    name, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    number = job["spec"]["completions"]
    assert hosts.split(",") == [f"{job['metadata']['name']}-{i}.{name}:{port}" for i in range(number)]
    assert pod["subdomain"] == name and job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["parallelism"] == number  # all at once, or they wait for each other
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
