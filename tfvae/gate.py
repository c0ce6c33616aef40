"""The gate of an export: it is checked, asked by a client, and its scores of the test examples held to their limits."""

from dataclasses import dataclass
from pathlib import Path

from tfvae import jobs
from tfvae.data import open_splits, pipeline
from tfvae.data.description import describe
from tfvae.errors import ConfigError, DataError
from tfvae.experiment import experiment_from
from tfvae.serving import bless, validate
from tfvae.serving.asked_servers import MODEL, docker_server, embedded_server, missing_packages
from tfvae.serving.asking import ask
from tfvae.serving.blessing import Examples
from tfvae.serving.files import BLESSING
from tfvae.serving.interfaces import read_manifest
from tfvae.serving.registry import served
from tfvae.serving.validation import saved_model_path


@dataclass(frozen=True)
class Server:
    """Which server is asked; by default the embedded one, started for this.

    Attributes:
        urls: Where servers of the export listen that run already, http://HOST:PORT and grpc://HOST:PORT.
        model: Name of the model there.
        in_docker: Whether to start TensorFlow Serving in Docker.
    """

    urls: tuple = ()
    model: str | None = None
    in_docker: bool = False

    def __post_init__(self):
        if bool(self.urls) != bool(self.model):
            raise ConfigError("--url and --model go together: the address of a server, and what it calls the model.")
        if self.urls and self.in_docker:
            raise ConfigError("--url asks a server that runs, and --docker starts one: give one of them.")


def validate_export(directory, gate=None, base_path=None, server=None):
    """Puts an export through the gate, and blesses it if thresholds are set.

    Args:
        directory: The export.
        gate: A `Gate`; None takes that of the experiment in the export's manifest.
        base_path: Folder of versions whose stable one the export is held against; None: there is none yet.
        server: Which `Server` is asked.

    Returns:
        What was found, a dict of JSON values; "blessing" is None if no thresholds are set.

    Raises:
        ConfigError: If there is no such export, or no Docker that is asked for.
        DataError: If the data is another one than the model was made from.
        GateError: If it must not be served.
    """
    saved_model_path(directory)
    (Path(directory) / BLESSING).unlink(missing_ok=True)  # that of other thresholds, or of what is refused now
    facts = validate(directory)
    jobs.event(f"{directory} holds what TensorFlow Serving needs.", path=str(directory))
    sockets = _asked(directory, server or Server())
    return {**facts, "sockets": sockets, "blessing": _blessing(Path(directory), gate, base_path, facts)}


def _asked(directory, server):
    if server.urls:
        return _ask(directory, server.urls, server.model)
    missing = missing_packages()
    if missing and not server.in_docker:
        reason = f"{missing[0]} is not installed: pip install 'tfvae[serving]'"
        jobs.log.warning(f"{directory} was not asked over sockets: {reason}.")
        return {"left_out": reason}
    with (docker_server if server.in_docker else embedded_server)(directory) as urls:
        return _ask(directory, urls, MODEL)


def _ask(directory, urls, model):
    facts = ask(directory, urls, model)
    asked = f"{facts['num_requests']} requests over {' and '.join(urls)}"
    jobs.event(f"{asked} are answered as the training process did.", **facts)
    return facts


def _blessing(directory, gate, base_path, facts):
    manifest = read_manifest(directory)
    experiment = experiment_from(manifest["experiment"]) if "experiment" in manifest else None
    gate = gate or (experiment and experiment.gate)
    if not gate or not gate.thresholds():
        jobs.log.warning(f"{directory} is not blessed, and will not be pushed: [gate] sets no thresholds.")
        return None
    if experiment is None:
        raise ConfigError(f"{directory} does not say what data to judge it on: export it by `tfvae export`.")
    examples = _test_examples(directory, experiment.data, manifest["data"])
    blessing = bless(directory, facts, gate.thresholds(), examples, served(base_path) if base_path else None)
    jobs.event(_summary(directory, blessing), blessing=blessing)
    return blessing


def _test_examples(directory, data, description):
    splits = open_splits(data)
    if describe(data, splits) != description:
        raise DataError(f"`{data.name}` has changed since {directory} was trained on it: train again.")
    batches = pipeline.ordered_batches(splits.test, data.batch_size)
    return Examples(batches, splits.test.class_names, data.held_out_class)


def _summary(directory, blessing):
    figures = [f"{name} {metric['value']:.4f} nats" for name, metric in blessing["metrics"].items()]
    worse = [m["worse_than_served_by"] for m in blessing["metrics"].values() if "worse_than_served_by" in m]
    against = f", {', '.join(f'{value:+.4f}' for value in worse)} against the version now served" if worse else ""
    first = " It is the first, judged by the absolute limits alone." if blessing["is_first"] else ""
    return f"{directory} is blessed: {', '.join(figures)} on the test split{against}.{first}"
