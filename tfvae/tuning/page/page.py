"""The page of a search: report.html, with everything it shows inside, and its figures once more as files."""

from pathlib import Path

from tfvae.report import pictures, rendering, summary
from tfvae.tuning.findings import read_findings
from tfvae.tuning.front import pareto_front
from tfvae.tuning.page import headline, influence, maps, over_time, responses, tables, trade_offs
from tfvae.tuning.page.parameters import placed
from tfvae.versions import versions

TRIALS = "trials.csv"
MOST_CHOSEN = 6  # trials of a front in the table of values


def write_page(directory):
    """Writes `directory`/report.html, trials.csv and figures/ from the files search.json and trials.jsonl in it.

    Args:
        directory: The search's folder.

    Returns:
        The path of report.html.
    """
    directory = Path(directory)
    findings = read_findings(directory)
    parameters, front = placed(findings), _front(findings)
    found, unknown = _sections(findings, parameters)
    tables.write_trials(directory / TRIALS, findings, parameters)
    experiment = findings.search.get("experiment") or {}
    return rendering.write_page(
        directory,
        "search.html",
        title=headline.title(findings),
        headline=headline.headline(findings, parameters, front),
        remarks=headline.remarks(findings) + unknown,
        chosen_title="The best trial" if findings.best is not None else "Trials on the Pareto front",
        chosen=_chosen(findings, parameters, front),
        pictures=pictures.load(directory, [pictures.save(directory, section) for section in found]),
        failures=tables.failures_table(findings),
        trials=tables.trials_table(findings, parameters),
        facts=tables.facts(findings),
        settings=summary.settings(experiment),
        versions=versions().items(),
    )


def _sections(findings, parameters):
    """(sections in the order of the page, sentences about what cannot be said)."""
    found, unknown = [trade_offs.pareto_section(findings)], []
    for objective in findings.objectives:
        ending = f"_{objective.name}" if len(findings.objectives) > 1 else ""
        mattered = influence.importance_of(findings, objective, parameters)
        found += _of_objective(findings, objective, parameters, mattered, ending)
        unknown.append(influence.remark(findings, objective, mattered) if findings.completed else None)
    if not _shows_rate_distortion(findings):
        found.append(trade_offs.rate_distortion_section(findings))
    found.append(over_time.curves_section(findings))
    return [section for section in found if section], [text for text in unknown if text]


def _of_objective(findings, objective, parameters, mattered, ending):
    order = influence.ranked(parameters, mattered)
    pair = maps.the_two(parameters, order)
    return [
        responses.response_section(findings, objective, parameters, f"response{ending}"),
        maps.map_section(findings, objective, pair, f"map{ending}") if pair else None,
        influence.influence_section(objective, parameters, mattered, f"importance{ending}"),
        over_time.progress_section(findings, objective, f"best_so_far{ending}"),
    ]


def _shows_rate_distortion(findings):
    """Whether the Pareto front of the objectives is that of rate and distortion already."""
    return sorted(objective.name for objective in findings.objectives) == ["distortion", "rate"]


def _front(findings):
    """The trials on the Pareto front of the objectives."""
    trials = findings.scored(*(objective.name for objective in findings.objectives))
    values = [[trial.score(objective.name) for objective in findings.objectives] for trial in trials]
    feasible = [findings.keeps_bounds(trial) for trial in trials]
    on_front = pareto_front(values, [objective.direction for objective in findings.objectives], feasible)
    return [trial for trial, is_on in zip(trials, on_front, strict=True) if is_on]


def _chosen(findings, parameters, front):
    """The table of the best trial, or of some of the front; None before there is one."""
    chosen = front[:: -(-len(front) // MOST_CHOSEN)] if len(findings.objectives) > 1 and front else []
    chosen = [findings.best] if findings.best is not None else chosen
    return tables.values_table(findings, parameters, chosen) if chosen else None
