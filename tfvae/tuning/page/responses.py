"""Responses: what an objective became at the values of each parameter."""

import numpy as np

from tfvae.report.figures.responses import Response, responses
from tfvae.report.section import Section
from tfvae.report.wording import counted, words
from tfvae.tuning.page.columns import trial_columns
from tfvae.tuning.page.wording import better, side_label_of

LEAST_TRIALS = 8  # for a trend over the numbers of a range
IN_A_BIN = 4  # trials, at least
MOST_BINS = 6
OF_A_CHOICE = 3  # trials: fewer have no quartiles worth drawing
WIDTH = 0.36  # of the bar of a choice, to either side


def response_section(findings, objective, parameters, name):
    """The `Section` of an objective's response to each of some `Placed` parameters; None without a scored trial."""
    trials = findings.scored(objective.name)
    if not trials:
        return None
    panels = [_panel(findings, objective, parameter, trials) for parameter in parameters]
    return Section(
        name,
        f"What each parameter does to the {words(objective.name)}",
        responses([panel for panel in panels if len(panel.x)], side_label_of(objective), _best(objective, trials)),
        f"Points of {words(objective.name)} over the values of {counted(len(parameters), 'parameter')}, one for each "
        f"of {counted(len(trials), 'trial')}, {better(objective)}.",
        f"Each point is one trial with its standard error ({better(objective)}); a triangle at the edge lies further "
        "out. Green: the median of the trials that share a choice or a range of values, and the quartiles around it; "
        "with too few trials there is none. The other parameters differ between the trials as well, and many searches "
        "try good values more often: the median is what trials with this value reached, not what the value alone does."
        f"{_unfinished(findings, trials)}",
        trial_columns(trials, parameters, [objective.name]),
    )


def trend(parameter, places, scores):
    """[(left, right, lower quartile, median, upper quartile)] of the trials that share a choice, or a range."""
    if parameter.choices:
        groups = [(place - WIDTH, place + WIDTH, scores[places == place]) for place in range(len(parameter.choices))]
        groups = [group for group in groups if len(group[2]) >= OF_A_CHOICE]
    else:
        groups = _ranges(places, scores)
    return [(left, right, *np.quantile(found, (0.25, 0.5, 0.75)).tolist()) for left, right, found in groups]


def _ranges(places, scores):
    """Ranges with about the same number of trials in each."""
    if len(places) < LEAST_TRIALS:
        return []
    order = np.argsort(places, kind="stable")
    parts = np.array_split(order, min(MOST_BINS, len(order) // IN_A_BIN))
    found = [(float(places[part[0]]), float(places[part[-1]]), scores[part]) for part in parts]
    return [(left, right, values) for left, right, values in found if right > left]


def _panel(findings, objective, parameter, trials):
    trials = [trial for trial in trials if parameter.has(trial)]
    places, scores = parameter.places(trials), np.array([trial.score(objective.name) for trial in trials])
    best = trials.index(findings.best) if findings.best in trials else None
    failed = parameter.places([trial for trial in findings.failed if parameter.has(trial)])
    errors = np.array([trial.error(objective.name) for trial in trials])
    return Response(parameter.axis, places, scores, errors, best, trend(parameter, places, scores), failed)


def _best(objective, trials):
    choose = min if objective.direction == "min" else max
    return [choose(trial.score(objective.name) for trial in trials)]


def _unfinished(findings, trials):
    stopped = " Trials that were stopped early stand where they stopped." * any(t.row.get("stopped") for t in trials)
    return stopped + " Crosses along the bottom: values of trials that failed." * bool(findings.failed)
