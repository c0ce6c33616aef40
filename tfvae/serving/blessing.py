"""Blessing: the word of the gate, bound to one export, that its scores of the test examples are within the limits."""

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfvae.errors import GateError
from tfvae.serving.export_scores import answers_of
from tfvae.serving.files import BLESSING, sha256_of_files
from tfvae.serving.fingerprint import fingerprint
from tfvae.storage import read_json, write_json


class Examples(NamedTuple):
    """The test examples on which an export is judged.

    Attributes:
        batches: Iterable, more than once, of {"x", "index", "label", maybe "condition"}.
        class_names: Name of each class; empty where there are none.
        left_out: Class that the model is not meant to know, an anomaly; None: it is meant to know all.
    """

    batches: object
    class_names: tuple = ()
    left_out: int | None = None


class Judged(NamedTuple):
    """Scores of the same examples by an export and by the version now served, [N] each; None where none is served."""

    scores: np.ndarray
    served: np.ndarray | None


def bless(directory, facts, thresholds, examples, served=None):
    """Judges an export by its own scores of test examples, and writes the blessing into it if it passes.

    The blessing holds the hash of every file, so that a push has to compare and not to check the copy again.

    Args:
        directory: The export.
        facts: What `validate` said of it, with the hash of the files that it checked.
        thresholds: {metric: `Threshold`} of outputs of the `score` signature: what a `Gate` has set.
        examples: `Examples`.
        served: (version, path) of the version now served; None if there is none, and limits relative to it are void.

    Returns:
        The blessing, a dict of JSON values.

    Raises:
        GateError: If a limit is not kept, one line for each, or no threshold is set, or the export was changed since
            `validate`; an earlier blessing is gone then.
    """
    path = Path(directory) / BLESSING
    path.unlink(missing_ok=True)
    if not thresholds:
        raise GateError(f"{directory} is not blessed: the configuration sets no threshold in [gate].")
    judged = _judged(directory, thresholds, examples, served)
    groups = _groups(examples)
    problems = [sentence for name, limits in thresholds.items() for sentence in _problems(name, limits, judged, groups)]
    if problems:
        raise GateError("\n".join([f"{directory} must not be served:", *problems]))
    if sha256_of_files(directory) != facts["files"]:
        raise GateError(f"{directory} changed while it was checked: run `tfvae validate` again.")
    checked = {name: facts[name] for name in ("files", "tensorflow")}
    blessing = checked | _blessing(thresholds, served, judged, groups)
    write_json(path, blessing)
    return blessing


def check_blessing(directory, base_path, served):
    """The blessing of an export that is to be pushed to `base_path`, beside `served`, (version, path) or None.

    Raises:
        GateError: If it has none, or that of another export, or one that was held against another version.
    """
    path = Path(directory) / BLESSING
    if not path.is_file():
        raise GateError(f"{directory} is not blessed: set thresholds in [gate], and run `tfvae validate` first.")
    blessing = read_json(path)
    if blessing["files"] != sha256_of_files(directory):
        raise GateError(f"{directory} has the blessing of another export, or was changed: run `tfvae validate` again.")
    if blessing["is_relative"] and blessing["served"] != _identity(served):
        now = f"version {served[0]} of {served[1].parent} is served now" if served else "none is served now"
        again = f"run `tfvae validate --base {base_path}` again"
        raise GateError(f"{directory} was not held against what is served, and {now}: {again}.")
    return blessing


def is_relative(thresholds):
    """Whether a threshold holds an export against the version now served."""
    limits = [limits for t in thresholds.values() for limits in (t, t.each_class) if limits]
    return any(each.not_worse_than_served_by is not None for each in limits)


def _judged(directory, thresholds, examples, served):
    """{metric: `Judged`}; both exports score the same examples with the same seeds."""
    own = _scores(directory, thresholds, examples)
    others = _scores(served[1], thresholds, examples) if served and is_relative(thresholds) else {}
    return {name: Judged(own[name], others.get(name)) for name in thresholds}


def _scores(directory, thresholds, examples):
    answers = answers_of(directory, "score", examples.batches)
    missing = sorted(set(thresholds) - set(answers))
    if missing:
        there = sorted(set(answers) - {"percentile"})
        raise GateError(f"{directory} has no `{missing[0]}` to judge it by. Its `score` has: {there}.")
    return {name: answers[name].astype("float64") for name in thresholds}


def _groups(examples):
    """{name: which examples, bool [N]}: those that the model is meant to know, under "", and each class of them."""
    labels = np.concatenate([np.asarray(batch["label"]) for batch in examples.batches])
    known = labels != (-2 if examples.left_out is None else examples.left_out)
    classes = {name: known & (labels == number) for number, name in enumerate(examples.class_names)}
    return {"": known, **{name: members for name, members in classes.items() if np.any(members)}}


def _problems(name, threshold, judged, groups):
    """A sentence for each limit of a metric that is not kept."""
    for group, members in groups.items():
        limits = threshold.each_class if group else threshold
        if limits is not None:
            where = f"`{name}` of class {group}" if group else f"`{name}`"
            yield from _unkept(where, limits, judged[name], members)
    if threshold.each_class and len(groups) == 1:
        yield f"`{name}` has limits for each class, and the data has no classes."


def _unkept(where, limits, judged, members):
    # Not written as "it is outside": a NaN fails every comparison.
    mean = np.mean(judged.scores[members])
    if limits.at_most is not None and not mean <= limits.at_most:
        yield f"{where} is {mean:.4f} nats, and must be at most {limits.at_most}."
    if limits.at_least is not None and not mean >= limits.at_least:
        yield f"{where} is {mean:.4f} nats, and must be at least {limits.at_least}."
    if limits.not_worse_than_served_by is None or judged.served is None:
        return
    worse = np.mean((judged.scores - judged.served)[members])
    if not worse <= limits.not_worse_than_served_by:
        allowed = f"may be by at most {limits.not_worse_than_served_by}"
        yield f"{where} is {worse:.4f} nats higher than that of the version now served, and {allowed}."


def _blessing(thresholds, served, judged, groups):
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "is_first": served is None,
        "is_relative": is_relative(thresholds),
        "served": _identity(served),
        "thresholds": {name: asdict(threshold) for name, threshold in thresholds.items()},
        "metrics": {name: _figures(judged[name], groups[""]) for name in thresholds},
        "classes": {
            group: {name: _figures(judged[name], members) for name in thresholds}
            for group, members in groups.items()
            if group
        },
    }


def _figures(judged, members):
    scores = judged.scores[members]
    figures = {"value": float(np.mean(scores)), "num_examples": len(scores)}
    if judged.served is not None:
        figures["worse_than_served_by"] = float(np.mean((judged.scores - judged.served)[members]))
    return figures


def _identity(served):
    """What a version is known by, whatever becomes of its number; None where none is served."""
    return None if served is None else fingerprint(served[1])
