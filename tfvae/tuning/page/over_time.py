"""How the search went on: the best so far over the trials, and how the trials learned."""

import math

import numpy as np

from tfvae.report.figures.many_curves import many_curves
from tfvae.report.figures.progress import progress
from tfvae.report.section import Section
from tfvae.report.wording import counted, words
from tfvae.search.objectives import SIGNS
from tfvae.storage import read_json_lines
from tfvae.tuning.page.columns import known, trial_columns
from tfvae.tuning.page.wording import better, bounds_of, side_label_of

TERMS = ("negative_elbo", "distortion", "loss")  # of the first that the histories share
HISTORY = "history.jsonl"


def progress_section(findings, objective, name):
    """The `Section` of the best so far in an objective; None without a scored trial."""
    trials = findings.scored(objective.name)
    if not trials:
        return None
    scores = np.array([trial.score(objective.name) for trial in trials])
    errors = np.array([trial.error(objective.name) for trial in trials])
    keeps = np.array([findings.keeps_bounds(trial) for trial in trials])
    stopped = np.array([bool(trial.row.get("stopped")) for trial in trials]) & keeps
    kinds = {"trial": keeps & ~stopped, "stopped early": stopped, "breaks a bound": ~keeps}
    best, numbers = best_so_far(scores, keeps, objective.direction), np.array([trial.number for trial in trials])
    failed = [trial.number for trial in findings.failed]
    bounds = f" Hollow points break a bound ({bounds_of(objective)}) and do not count." if objective.bounds else ""
    return Section(
        name,
        f"The best {words(objective.name)} so far",
        progress(numbers, scores, errors, best, kinds, failed, side_label_of(objective)),
        f"Points of {words(objective.name)} over {counted(len(trials), 'trial')}, and the best of them so far.",
        f"Each point is a trial with its standard error ({better(objective)}), in the order in which they began; the "
        "line is the best of them up to there. A line that is flat at its end: more trials would hardly help. One "
        f"that still moves: they might.{bounds}" + (" Crosses are trials that failed." if failed else ""),
        trial_columns(trials, names=[objective.name]) | {"number": numbers, "best_so_far": known(best)},
    )


def best_so_far(scores, counts, direction):
    """The best of all scores up to each place that count, [N]; NaN before there is one."""
    sign = SIGNS[direction]
    best = np.minimum.accumulate(np.where(counts, sign * np.asarray(scores), math.inf))
    return np.where(np.isinf(best), math.nan, sign * best)


def curves_section(findings):
    """The `Section` of the trials' learning curves; None if no history is there."""
    histories = [(trial, history) for trial in findings.trials for history in _histories(findings.directory, trial)]
    term = next((term for term in TERMS if any(_has(history, term) for _, history in histories)), None)
    if term is None:
        return None
    lines = [(trial, *_curve(history, term)) for trial, history in histories if _has(history, term)]
    groups = {"best trial": [], "completed": [], "stopped early or failed": []}
    for trial, x, y in lines:
        groups[_group(findings, trial)].append((x, y))
    return Section(
        "learning_curves",
        "How the trials learned",
        many_curves(groups, "epochs", f"{words(term)}, nats per example"),
        f"Learning curves of {counted(len({trial.name for trial, _, _ in lines}), 'trial')}.",
        f"The {words(term)} on validation examples over the epochs, a line for each training; a dot where it ended. "
        "Good: lines that have levelled off at their end. If the best ones still fall, longer trainings would reach "
        "more, and might put the trials in another order. What lies far above the others leaves the frame.",
        _columns(lines, term),
    )


def _histories(directory, trial):
    for execution in trial.row.get("executions") or ():
        path = directory / execution["directory"] / HISTORY
        if path.is_file():
            yield read_json_lines(path)


def _has(history, term):
    return any(term in (row.get("validation") or {}) for row in history)


def _curve(history, term):
    rows = [row for row in history if term in (row.get("validation") or {})]
    return [row["epoch"] for row in rows], [row["validation"][term] for row in rows]


def _group(findings, trial):
    if trial is findings.best:
        return "best trial"
    return "stopped early or failed" if trial.row.get("stopped") or not trial.is_completed else "completed"


def _columns(lines, term):
    columns = {"trial": [], "epoch": [], term: []}
    for trial, x, y in lines:
        columns["trial"] += [trial.name] * len(x)
        columns["epoch"] += x
        columns[term] += y
    return columns
