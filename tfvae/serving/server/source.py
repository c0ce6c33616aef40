"""Discovery of versions: which numbered directories below a base path are to be served."""

import re
from typing import NamedTuple

import tensorflow as tf

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)


class Found(NamedTuple):
    """What a look at a base path found.

    Attributes:
        versions: {version: its directory}, those to be served; None if the base path is not there (now), in which
            case nothing is to change.
        warnings: Sentences for the log.
    """

    versions: dict | None
    warnings: tuple


def find_versions(model):
    """The versions of a ModelConfig that its policy asks for, as they are on disk now."""
    if not tf.io.gfile.exists(model.base_path):
        return Found(None, (f"Could not find base path {model.base_path} for servable {model.name}",))
    children, warnings = _children(model)
    policy = model.model_version_policy.WhichOneof("policy_choice") or "latest"
    chosen = {"latest": _latest, "specific": _specific, "all": _all}[policy](model.model_version_policy, children)
    if policy == "specific":
        warnings += _missing(model, chosen)
    if not chosen:
        warnings.append(
            f"No versions of servable {model.name} found under base path {model.base_path}."
            " Did you forget to name your leaf directory as a number (eg. '/1/')?"
        )
    return Found({version: f"{model.base_path}/{chosen[version]}" for version in chosen}, tuple(warnings))


def version_number(name):
    """The version that a directory of this name holds: the whole name as an int64, else None."""
    if not _NUMBER.fullmatch(name):
        return None
    number = int(name)
    return number if -(2**63) <= number < 2**63 else None


def _children(model):
    """{version: name of its directory}; of several names for a version the last in alphabetical order wins."""
    children, warnings = {}, []
    for name in sorted({child.split("/")[0] for child in tf.io.gfile.listdir(model.base_path)}):
        version = version_number(name)
        if version in children:
            warnings.append(
                f"Duplicate version directories detected. Version {version} of {model.name} will be loaded from"
                f" {name}, {children[version]} will be ignored."
            )
        if version is not None:
            children[version] = name
    return children, warnings


def _latest(policy, children):
    count = max(policy.latest.num_versions, 1)
    return {version: children[version] for version in sorted(children)[-count:]}


def _specific(policy, children):
    return {version: children[version] for version in sorted(set(policy.specific.versions)) if version in children}


def _all(policy, children):
    return dict(children)


def _missing(model, chosen):
    return [
        f"Version {version} of servable {model.name}, which was requested to be served as a 'specific' version in the"
        " servable's version policy, was not found in the file system"
        for version in sorted(set(model.model_version_policy.specific.versions) - chosen.keys())
    ]
