"""Trade-offs: rate against distortion, and several objectives against one another."""

import itertools

import numpy as np

from tfvae.report.figures.trade_off import TradeOff, num_outside, trade_off
from tfvae.report.section import Section
from tfvae.report.wording import counted, listed, words
from tfvae.tuning.findings import Objective
from tfvae.tuning.front import pareto_front
from tfvae.tuning.page.columns import trial_columns
from tfvae.tuning.page.default import default_trial
from tfvae.tuning.page.wording import better, bounds_of, label_of

NATS = "nats/example"
RATE, DISTORTION = Objective("rate", "min", NATS, {}), Objective("distortion", "min", NATS, {})
LUCK = "Of trials that hardly differ, luck puts some on the front, so it looks a little better than it is."


def rate_distortion_section(findings):
    """The `Section` of rate against distortion of all trials; None if none has both."""
    trials = findings.scored(RATE.name, DISTORTION.name)
    if not trials:
        return None
    front = pareto_front(_values(trials, (RATE, DISTORTION)), ("min", "min"))
    panel, marks = _panel(trials, RATE, DISTORTION, front, np.zeros(len(trials), bool)), _marks(findings, trials)
    return Section(
        "rate_distortion",
        "The rate-distortion front",
        trade_off([panel], marks=marks, sums=True),
        f"Points of distortion over rate of {counted(len(trials), 'trial')}, {int(front.sum())} of them on the front.",
        "What the code costs (rate, to the right) against what it leaves out (distortion, upwards), on validation "
        "examples, with standard errors. On the front are the trials that no other beats in both; beyond the staircase "
        "no trial went. Along a dotted line the negative ELBO, the sum of the two, is the same, and it is better on "
        f"those further down on the left.{_outside([panel], marks)} {LUCK}",
        trial_columns(trials, names=(RATE.name, DISTORTION.name)) | {"on_front": front},
    )


def pareto_section(findings):
    """The `Section` of several objectives against one another; None of one objective, or without a scored trial."""
    objectives, trials = findings.objectives, findings.scored(*(o.name for o in findings.objectives))
    if len(objectives) < 2 or not trials:
        return None
    feasible = np.array([findings.keeps_bounds(trial) for trial in trials])
    front = pareto_front(_values(trials, objectives), [o.direction for o in objectives], feasible)
    pairs = list(itertools.combinations(objectives, 2))
    panels = [_panel(trials, *pair, front, ~feasible) for pair in pairs]
    marks, names = _marks(findings, trials), [objective.name for objective in objectives]
    count = f"{int(front.sum())} of {counted(len(trials), 'trial')}"
    return Section(
        "pareto_front",
        "The trade-off between the objectives",
        trade_off(panels, joined=len(pairs) == 1, marks=marks),
        f"Points of {listed(map(words, names))}; {count} on the Pareto front.",
        f"{count} on the Pareto front of {listed(f'{words(o.name)} ({better(o)})' for o in objectives)}: no other "
        "trial is at least as good in all of them and better in one. Which of these is best is for you to choose."
        f"{_how_to_read(objectives)}{_outside(panels, marks)} {LUCK}",
        trial_columns(trials, names=names) | {"on_front": front},
    )


def _how_to_read(objectives):
    bounds, text = listed(filter(None, map(bounds_of, objectives))), ""
    if bounds:
        text += f" Hollow points break a bound ({bounds})."
    if len(objectives) > 2:
        text += " With more than two objectives, a trial on the front may lie behind others in each panel."
    return text


def _panel(trials, first, second, front, outlawed):
    values = [[trial.score(objective.name) for trial in trials] for objective in (first, second)]
    errors = [[trial.error(objective.name) for trial in trials] for objective in (first, second)]
    labels, directions = (label_of(first), label_of(second)), (first.direction, second.direction)
    return TradeOff(labels, directions, *map(np.array, (*values, *errors)), front, outlawed)


def _outside(panels, marks):
    most = max(num_outside(panel, marks) for panel in panels)
    return f" Too far off to be drawn: {counted(most, 'trial')}." if most else ""


def _marks(findings, trials):
    best, default = findings.best, default_trial(findings)
    if best is not None and best == default:
        return {"best trial (the default)": trials.index(best)} if best in trials else {}
    marked = {"best trial": best, "default": default}
    return {text: trials.index(trial) for text, trial in marked.items() if trial in trials}


def _values(trials, objectives):
    return [[trial.score(objective.name) for objective in objectives] for trial in trials]
