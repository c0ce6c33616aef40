"""The first sentences of a search's page, and what a reader should beware of."""

import math

from tfvae.report.wording import counted, duration, listed, number, words
from tfvae.tuning.page.default import default_trial, difference
from tfvae.tuning.page.parameters import short_names
from tfvae.tuning.page.wording import better, bounds_of, score_of, value_of, values_of

SURE = 2.0  # standard errors
HOUR = 3600.0  # seconds


def title(findings):
    """What was searched for."""
    experiment = findings.search.get("experiment") or {}
    model, data = experiment.get("model", {}).get("name"), experiment.get("data", {}).get("name")
    return " ".join(filter(None, ["Search over a", model or "model", f"on {data}" if data else ""]))


def headline(findings, parameters, front):
    """How many trials it took, and what the best of them reached, with which values."""
    return f"{_amount(findings)} {_found(findings, parameters, front)}"


def remarks(findings):
    """What a reader should beware of, in sentences; [] before a trial completed."""
    if not findings.completed:
        return []
    found = []
    if findings.best is not None:
        found.append(
            "The best of many trials looks a little better than it is, for it is also the luckiest on these "
            "validation examples. Train best.toml and judge it on the test set, which the search has not seen."
        )
    if findings.failed:
        found.append(f"{counted(len(findings.failed), 'trial')} failed: see the reasons below.")
    if taken := [trial for trial in findings.completed if trial.row.get("origin")]:
        found.append(
            f"{counted(len(taken), 'trial')} {'was' if len(taken) == 1 else 'were'} taken over from an earlier search."
        )
    return found


def trials_per_hour(findings):
    """Trials of this search itself, completed or failed, in an hour; None if its time is not known."""
    own, seconds = [trial for trial in findings.trials if not trial.row.get("origin")], findings.search.get("seconds")
    return len(own) * HOUR / seconds if seconds and own else None


def _amount(findings):
    trials, failed = findings.trials, findings.failed
    if not trials:
        return "No trial has begun yet."
    seconds, per_hour = findings.search.get("seconds"), trials_per_hour(findings)
    how_many = f"{counted(len(trials), 'trial')} over {listed(_names(findings))}"
    outcome = f": {len(findings.completed)} completed and {len(failed)} failed" if failed else ""
    workers = findings.search.get("workers") or 1
    speed = f", {number(per_hour, 3)} trials per hour with {counted(workers, 'worker')}" if per_hour else ""
    time = f", in {duration(seconds)}{speed}" if seconds else ""
    return f"{how_many}{outcome}{time}."


def _names(findings):
    names = short_names([parameter.path for parameter in findings.parameters])
    return names if len(names) <= 4 else [counted(len(names), "parameter")]


def _found(findings, parameters, front):
    if not findings.completed:
        return "No trial completed, so there is nothing to choose from." if findings.trials else ""
    if len(findings.objectives) > 1:
        goals = listed(f"{words(o.name)} ({better(o)})" for o in findings.objectives)
        which = f"{counted(len(front), 'trial')} {'is' if len(front) == 1 else 'are'}"
        return f"{which} on the Pareto front of {goals}." if front else _nothing(findings)
    return _best(findings, parameters) if findings.best is not None else _nothing(findings)


def _nothing(findings):
    bounds = listed(filter(None, map(bounds_of, findings.objectives)))
    return f"No trial keeps to {bounds}." if bounds else "No trial has a score."


def _best(findings, parameters):
    (objective,), best = findings.objectives, findings.best
    values = values_of(best, parameters)
    sentence = f"The best is trial {best.name}{f' with {values}' if values else ''}: {words(objective.name)} "
    bounds = bounds_of(objective)
    return f"{sentence}{score_of(best, objective)}{f' ({bounds})' if bounds else ''}{_against_default(findings)}"


def _against_default(findings):
    (objective,), best, default = findings.objectives, findings.best, default_trial(findings)
    if default is None or not math.isfinite(default.score(objective.name)):
        return ". The default configuration was not among the trials."
    if default is best:
        return ", the default configuration: no other trial was better."
    gain = difference(objective, best, default)
    surely = gain.value > SURE * gain.error if math.isfinite(gain.error) else None
    verdict = {True: "better than", False: "within the errors of", None: "against"}[surely]
    return f", {verdict} the default configuration's {value_of(default, objective.name)} (trial {default.name})."
