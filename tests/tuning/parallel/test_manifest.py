"""The manifest of a search on many machines: its parts agree, and its processes are what they say they are."""

from pathlib import Path

import pytest
import yaml

from tfvae import cli
from tfvae.tuning.tuner import is_parallel, is_worker

FOLDER = Path(__file__).parents[3] / "pipelines"
FILES = list(yaml.safe_load_all((FOLDER / "kubernetes" / "tuning.yaml").read_text()))
SERVICE, CHIEF, WORKERS = FILES


def container(job):
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return found


def variables(job, index="0"):
    """The environment of a pod, as Kubernetes makes it: a value sees the variables before it."""
    found = {}
    for entry in container(job)["env"]:
        value = entry.get("value", index)
        for name, known in found.items():
            value = value.replace(f"$({name})", known)
        found[entry["name"]] = value
    return found


def test_workers_find_the_chief():
    template = CHIEF["spec"]["template"]["metadata"]["labels"]
    assert SERVICE["spec"]["selector"] == template != WORKERS["spec"]["template"]["metadata"]["labels"]
    assert SERVICE["spec"]["clusterIP"] == "None"
    assert variables(WORKERS)["KERASTUNER_ORACLE_IP"] == SERVICE["metadata"]["name"]
    assert variables(CHIEF)["KERASTUNER_ORACLE_IP"] == "0.0.0.0"  # a pod cannot listen at the name of its service
    (port,), (listening,) = SERVICE["spec"]["ports"], container(CHIEF)["ports"]
    ports = {variables(job)["KERASTUNER_ORACLE_PORT"] for job in (CHIEF, WORKERS)}
    assert ports == {str(port["port"])} == {str(listening["containerPort"])} and port["targetPort"] == listening["name"]


@pytest.mark.parametrize(("job", "worker"), [(CHIEF, False), (WORKERS, True)], ids=["chief", "workers"])
def test_a_pod_is_what_it_is_called(monkeypatch, job, worker):
    for name, value in variables(job).items():
        monkeypatch.setenv(name, value)
    assert is_parallel() and is_worker() == worker


def test_a_worker_keeps_its_name_when_its_pod_is_replaced():
    assert WORKERS["spec"]["completionMode"] == "Indexed"
    (index,) = [entry for entry in container(WORKERS)["env"] if "valueFrom" in entry]
    path = index["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    names = [variables(WORKERS, str(place))["KERASTUNER_TUNER_ID"] for place in range(WORKERS["spec"]["completions"])]
    assert names == ["worker-0", "worker-1", "worker-2", "worker-3"]


def test_chief_and_workers_run_the_same_search():
    assert container(CHIEF)["args"] == container(WORKERS)["args"]
    args = cli._parser().parse_args(container(CHIEF)["args"])
    assert args.command is cli.COMMANDS["tune"] and args.workers is None and args.worker_timeout == 1800
    assert (FOLDER.parent / args.config).is_file() and args.output.is_relative_to("/data")
    volumes = [job["spec"]["template"]["spec"]["volumes"] for job in (CHIEF, WORKERS)]
    assert volumes[0] == volumes[1] == [{"name": "work", "persistentVolumeClaim": {"claimName": "tfvae"}}]


@pytest.mark.parametrize("job", [CHIEF, WORKERS], ids=["chief", "workers"])
def test_preempted_pods_are_replaced_and_hopeless_ones_are_not(job):
    ignore, fail = job["spec"]["podFailurePolicy"]["rules"]
    assert ignore == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert fail == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 3, 4, 5]}}
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_workers_have_the_cards_and_the_time_for_a_checkpoint():
    assert container(WORKERS)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in container(CHIEF)["resources"]["limits"]
    assert WORKERS["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 120
