"""Which trials are best: the one number that an oracle sees, the best trial, and the Pareto front."""

import itertools

from tfvae.search.objectives import OTHER
from tfvae.tuning.front import pareto_front

PENALTY = 10.0  # times the excess over a bound: dearer than what rate and distortion are exchanged at


def score_of(record, objectives):
    """What an oracle is told: less is better; several objectives are not added up, and make no difference to it."""
    if len(objectives) > 1:
        return 0.0
    (objective,) = objectives
    return objective.sign * record["scores"][objective.name]["value"] + PENALTY * excess_of(record, objective)


def excess_of(record, objective):
    """By how much a trial exceeds the bound of an objective, in nats; 0 where there is none."""
    if objective.bound is None:
        return 0.0
    return max(0.0, record["measured"][OTHER[objective.name]]["value"] - objective.bound)


def completed(records):
    """The records of trials that have scores."""
    return [record for record in records if record["status"] == "completed"]


def best_of(records, objectives):
    """The record of the best trial that keeps the bound, the first of equals; None for a front, or if none keeps it."""
    if len(objectives) > 1:
        return None
    (objective,) = objectives
    kept = [record for record in completed(records) if not excess_of(record, objective)]
    return min(kept, key=lambda record: score_of(record, objectives), default=None)


def nearest_of(records, objectives):
    """The record of the trial that exceeds the bound least."""
    return min(completed(records), key=lambda record: excess_of(record, objectives[0]))


def front_of(records, objectives):
    """The records of trials that no other beats in one objective without being worse in another; [] for one."""
    if len(objectives) == 1:
        return []
    kept = completed(records)
    values = [[record["scores"][objective.name]["value"] for objective in objectives] for record in kept]
    feasible = [not any(excess_of(record, objective) for objective in objectives) for record in kept]
    is_on = pareto_front(values, [objective.direction for objective in objectives], feasible)
    return list(itertools.compress(kept, is_on))
