"""Addresses of the workers of one training: TF_CONFIG, or what a Kubernetes Indexed Job says. Imports no TensorFlow."""

import json
import os

from tfvae.errors import ConfigError

HOSTS = "TFVAE_WORKER_HOSTS"  # host:port of every worker, with commas between them
INDEX = "JOB_COMPLETION_INDEX"  # which of them a pod of an Indexed Job is


def tf_config(hosts, index):
    """The text of TF_CONFIG for one of several workers.

    Args:
        hosts: host:port of each.
        index: Which of them it is; 0 is the chief.
    """
    return json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}})


def set_tf_config():
    """Sets TF_CONFIG from the variables of an Indexed Job, unless it is set.

    Raises:
        ConfigError: If neither says where the workers are, TF_CONFIG has other processes than workers, or not the one
            that this is.
    """
    if "TF_CONFIG" in os.environ:
        _check(os.environ["TF_CONFIG"])
        return
    hosts = [host.strip() for host in os.environ.get(HOSTS, "").split(",")]
    index = os.environ.get(INDEX, "")
    if not index.isdecimal() or int(index) >= len(hosts) or not all(":" in host for host in hosts):
        raise ConfigError(
            f"`training.strategy` multi_worker needs to know the machines: set TF_CONFIG, or {HOSTS} (host:port of "
            f"each, with commas) and {INDEX} (which one this is, from 0), or start it by `tfvae train --workers N`."
        )
    os.environ["TF_CONFIG"] = tf_config(hosts, int(index))


def _check(text):
    try:
        said = json.loads(text)
        kinds, index = {*said["cluster"], said["task"]["type"]}, int(said["task"]["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"TF_CONFIG must be like {tf_config(['a:1', 'b:1'], 0)}.") from error
    if kinds != {"worker"}:
        raise ConfigError(
            f"TF_CONFIG has processes of the kinds {', '.join(sorted(kinds))}: name all of them worker; that of index "
            "0 is the chief."
        )
    if not 0 <= index < len(said["cluster"]["worker"]):
        number = len(said["cluster"]["worker"])
        raise ConfigError(f"TF_CONFIG has {number} workers, and this is worker {index}: the first is worker 0.")
