"""Labels: which version of a model is `stable`, and which, if any, is tried beside it as `canary`."""

from tfvae.storage import read_json, write_json

STABLE, CANARY = "stable", "canary"
FILE = ".labels.json"


def read_labels(base_path, numbers):
    """{label: version} of the versions that are there.

    Args:
        base_path: Folder of the versions.
        numbers: The versions, ascending.

    Returns:
        "stable", unless there are no versions, and maybe "canary". What is not labelled, or whose version is gone:
        the latest version that is no canary is stable, and there is no canary.
    """
    path = base_path / FILE
    noted = read_json(path) if path.is_file() else {}
    labels = {label: version for label, version in noted.items() if version in numbers}
    others = [version for version in numbers if version != labels.get(CANARY)] or numbers
    return {STABLE: others[-1], **labels} if numbers else {}


def with_label(labels, label, version):
    """The labels after a version got one; a stable version is no canary."""
    labels = {**labels, label: version}
    if labels.get(CANARY) == labels.get(STABLE):
        labels.pop(CANARY, None)
    return labels


def write_labels(base_path, labels):
    """Notes the labels."""
    write_json(base_path / FILE, labels)
