"""Registry: push, promote, rollback and prune of the numbered versions that TF Serving watches.

TF Serving loads the largest number below `base_path` and looks again every second. So a number appears only by a rename
of a complete, checked directory, never changes afterwards, and is never used twice.
"""

import os
import re
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

from tfvae.errors import ConfigError, GateError
from tfvae.jobs import locked
from tfvae.serving.blessing import check_blessing
from tfvae.serving.files import sha256_of_files
from tfvae.serving.fingerprint import fingerprint
from tfvae.serving.labels import CANARY, STABLE, read_labels, with_label, write_labels
from tfvae.serving.server_files import write_server_files
from tfvae.serving.staging import staged
from tfvae.serving.validation import saved_model_path
from tfvae.storage import flush

STAGING, DELETING, WITHDRAWN = ".staging-", ".deleting-", ".withdrawn-"
LARGEST_VERSION = 2**63 - 1


class Push(NamedTuple):
    """What a push did.

    Attributes:
        version: The number under which the model is served.
        is_new: False if the latest version was this model already.
    """

    version: int
    is_new: bool


def push(directory, base_path, keep=None, label=STABLE):
    """Publishes an export that is blessed as the next version below `base_path`, file for file what was blessed.

    Args:
        directory: The export.
        base_path: The directory of versions; it is made if there is none. Its name is the model's.
        keep: Number of versions to keep, the latest ones and those that have a label; None keeps all.
        label: The label that the version gets, "stable" or "canary"; a canary is tried beside the stable one.

    Returns:
        A `Push`.

    Raises:
        ConfigError: If `keep` is less than 1, or there is no such export, or no version that a canary stands beside.
        GateError: If the export is not blessed, or must not be served.
        LockedError: If another push, rollback or prune is under way.
    """
    source, base_path = saved_model_path(directory), Path(base_path)
    _check_keep(keep)
    with locked(base_path):
        _remove_leftovers(base_path)
        labels = labels_of(base_path)
        if label == CANARY and not labels:
            raise ConfigError(f"{base_path} has no version that a canary could be held against: push a stable one.")
        result = _push(source, base_path)
        _label(base_path, with_label(labels, label, result.version), versions(base_path)[-1][0])
        if keep is not None:
            _prune(base_path, keep)
    return result


def promote(base_path):
    """Makes the canary the stable version, and returns its number.

    Raises:
        ConfigError: If there is no canary.
        LockedError: If another push, rollback or prune is under way.
    """
    base_path = _existing(base_path)
    with locked(base_path):
        labels = labels_of(base_path)
        if CANARY not in labels:
            raise ConfigError(f"{base_path} has no version labelled canary to promote.")
        _label(base_path, with_label(labels, STABLE, labels[CANARY]), versions(base_path)[-1][0])
        return labels[CANARY]


def rollback(base_path):
    """Withdraws the latest version N, as the hidden `.withdrawn-N`, and returns the number of the stable one.

    If N was stable, the latest version that is left, and no canary, is it now: what was stable before is not known.

    Raises:
        ConfigError: If there is no version before.
        LockedError: If another push, rollback or prune is under way.
    """
    base_path = _existing(base_path)
    with locked(base_path):
        found = versions(base_path)
        if len(found) < 2:
            raise ConfigError(f"{base_path} has no version before the latest to go back to.")
        withdrawn, path = found.pop()
        labels = read_labels(base_path, [version for version, _ in found])
        # First, so that no configuration ever names a version that is not there.
        _label(base_path, labels, latest=found[-1][0])
        os.rename(path, base_path / f"{WITHDRAWN}{withdrawn}")
        flush(base_path)
    return labels[STABLE]


def prune(base_path, keep):
    """Deletes versions but the `keep` latest and those with a label, and withdrawn ones that a later one has replaced.

    Returns:
        The numbers of the versions that are left, ascending.

    Raises:
        ConfigError: If `keep` is less than 1, or there is no such directory.
        LockedError: If another push, rollback or prune is under way.
    """
    base_path = _existing(base_path)
    _check_keep(keep)
    with locked(base_path):
        _remove_leftovers(base_path)
        _prune(base_path, keep)
        return [version for version, _ in versions(base_path)]


def versions(base_path):
    """The versions that TF Serving sees below `base_path`: (number, path) pairs, ascending."""
    return _numbered(base_path, prefix="")


def labels_of(base_path):
    """{label: version}: "stable", unless there are no versions, and maybe "canary"."""
    base_path = Path(base_path)
    return read_labels(base_path, [version for version, _ in versions(base_path)])


def served(base_path):
    """(version, path) of the stable version, which a new one is held against; None if there are no versions."""
    base_path = Path(base_path)
    found = versions(base_path) if base_path.is_dir() else []
    labels = read_labels(base_path, [version for version, _ in found])
    return next((each for each in found if each[0] == labels[STABLE]), None)


def _push(source, base_path):
    found = versions(base_path)
    if found and fingerprint(found[-1][1]) == fingerprint(source):
        return Push(found[-1][0], is_new=False)
    blessing = check_blessing(source, base_path, served(base_path))
    # A number that was withdrawn has been served: it must not come to mean another model.
    used = [version for version, _ in found + _numbered(base_path, WITHDRAWN)]
    version = max(used, default=0) + 1
    with staged(base_path / str(version), prefix=STAGING) as staging:
        shutil.copytree(source, staging)
        if sha256_of_files(staging) != blessing["files"]:
            raise GateError(f"{source} changed while it was copied: run `tfvae validate` again.")
    return Push(version, is_new=True)


def _label(base_path, labels, latest):
    write_labels(base_path, labels)
    write_server_files(base_path, labels, latest)


def _prune(base_path, keep):
    found, labelled = versions(base_path), labels_of(base_path).values()
    latest = found[-1][0] if found else 0
    withdrawn = [path for version, path in _numbered(base_path, WITHDRAWN) if version < latest]
    for path in [path for version, path in found[:-keep] if version not in labelled] + withdrawn:
        # Renamed first: a server must not see the number while its files vanish.
        doomed = base_path / f"{DELETING}{uuid.uuid4().hex}"
        os.rename(path, doomed)
        shutil.rmtree(doomed)


def _remove_leftovers(base_path):
    """Removes what killed jobs left; the caller holds the lock, so that no living one is robbed."""
    for path in base_path.iterdir():
        if path.name.startswith((STAGING, DELETING)):
            shutil.rmtree(path)


def _numbered(base_path, prefix):
    """Children named `prefix` and a number, as TF Serving reads numbers: "007" is 7."""
    pattern = re.compile(re.escape(prefix) + "([0-9]+)")
    matches = [(pattern.fullmatch(path.name), path) for path in base_path.iterdir() if path.is_dir()]
    numbers = [(int(match[1]), path) for match, path in matches if match]
    return sorted((number, path) for number, path in numbers if number <= LARGEST_VERSION)


def _existing(base_path):
    base_path = Path(base_path)
    if not base_path.is_dir():
        raise ConfigError(f"No directory {base_path}.")
    return base_path


def _check_keep(keep):
    if keep is not None and (type(keep) is not int or keep < 1):
        raise ConfigError(f"`keep` must be an integer from 1 up. Received: keep={keep!r}")
