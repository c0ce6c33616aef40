"""The files that a real TF Serving is started with, as text protos beside the versions: models.config, ..."""

from tfvae.storage import write_text

OURS = "# Written by `tfvae push`, which writes it again each time. Delete this line, and it leaves the file alone."
MONITORING = """\
prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }
"""
BATCHING = """\
max_batch_size { value: 64 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 4 }
allowed_batch_sizes: 1
allowed_batch_sizes: 2
allowed_batch_sizes: 4
allowed_batch_sizes: 8
allowed_batch_sizes: 16
allowed_batch_sizes: 32
allowed_batch_sizes: 64
"""


def write_server_files(base_path, labels, latest):
    """Writes models.config, batching_parameters.txt and monitoring.config; what a user has taken over stays as it is.

    Args:
        base_path: Folder of the versions, whose name is the model's.
        labels: {label: version}.
        latest: The latest version.
    """
    contents = {
        "models.config": models_config(base_path.absolute().name, labels, latest),
        "batching_parameters.txt": BATCHING,
        "monitoring.config": MONITORING,
    }
    for name, content in contents.items():
        path, text = base_path / name, f"{OURS}\n{content}"
        if not path.exists() or (is_ours(path) and path.read_text(encoding="utf-8") != text):
            write_text(path, text)


def is_ours(path):
    """Whether a file still begins with the line by which we know it."""
    return path.read_text(encoding="utf-8", errors="replace").startswith(OURS)


def models_config(name, labels, latest):
    """The text of models.config, for a server that sees the versions as /models/<name>, as in the Docker image.

    Where the latest version alone has a label, the server follows the latest; else it serves those that have one.
    """
    chosen = sorted(set(labels.values()))
    versions = "".join(f" versions: {version}" for version in chosen)
    policy = "latest { num_versions: 1 }" if chosen == [latest] else f"specific {{{versions} }}"
    labelled = "".join(f"    version_labels {{ key: '{key}' value: {value} }}\n" for key, value in labels.items())
    return (
        "model_config_list {\n"
        "  config {\n"
        f"    name: '{name}'\n"
        f"    base_path: '/models/{name}'\n"
        "    model_platform: 'tensorflow'\n"
        f"    model_version_policy {{ {policy} }}\n"
        f"{labelled}"
        "  }\n"
        "}\n"
    )
