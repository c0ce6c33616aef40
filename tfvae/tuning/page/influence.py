"""Which parameters mattered, as a section, and the order that this gives them."""

import numpy as np

from tfvae.report.figures.shares import shares
from tfvae.report.section import Section
from tfvae.report.wording import counted, listed, number, words
from tfvae.tuning.importance import LEAST_TRIALS, importance


def importance_of(findings, objective, parameters):
    """The `Importance` of `Placed` parameters for an objective; None of a single one, or with too few trials."""
    trials = findings.scored(objective.name)
    if len(parameters) < 2 or len(trials) < LEAST_TRIALS:
        return None
    columns = np.stack([parameter.columns(trials) for parameter in parameters], axis=1)
    return importance(columns, [trial.score(objective.name) for trial in trials])


def ranked(parameters, found):
    """The parameters by their importance, the highest first; in their own order where nothing is known of it."""
    if found is None or not found.says_something:
        return list(parameters)
    return [parameters[place] for place in np.argsort(-found.values, kind="stable")]


def remark(findings, objective, found):
    """Why nothing can be said of what mattered; None where something can, or nobody asks: of a single parameter."""
    if len(findings.parameters) < 2:
        return None
    if found is None:
        count = len(findings.scored(objective.name))
        return (
            f"Which parameters mattered for the {words(objective.name)} cannot be said from "
            f"{counted(count, 'completed trial')}: it takes {LEAST_TRIALS} that differ."
        )
    if not found.says_something:
        return (
            f"Which parameters mattered for the {words(objective.name)} cannot be said: a forest fitted to "
            f"{found.num_trials} trials predicts trials that it has not seen no better than chance "
            f"(R2 {number(found.r2, 2)})."
        )
    return None


def influence_section(objective, parameters, found, name):
    """The `Section` of an `Importance`; None where nothing can be said."""
    if found is None or not found.says_something:
        return None
    order = np.argsort(-found.values, kind="stable")
    names, values, errors = [parameters[i].name for i in order], found.values[order], found.errors[order]
    return Section(
        name,
        f"Which parameters mattered for the {words(objective.name)}",
        shares(names, values, errors, max(found.chance, 0.0), "share of the variation between trials"),
        f"Bars of the importance of {counted(len(names), 'parameter')}; the highest is {names[0]}.",
        f"{_verdict(names, found.matters[order])} A bar is the share of the variation in the trials' ranks that goes "
        "through the parameter, alone or together with others (so bars may add up to more than 1): how much worse "
        "random forests predict trials they have not seen when its values are shuffled. The dashed line is the most "
        "that a shuffled copy of any parameter got; grey bars do not pass it. The forests explain "
        f"{max(found.r2, 0):.0%} of the variation (out-of-bag R2 of {found.num_trials} trials). The search "
        "chose what to try, so this holds for the ranges and the trials of this search.",
        {"parameter": [parameters[i].parameter.path for i in order], "share": values, "spread": errors}
        | {"chance": [found.chance] * len(names), "out_of_bag_r2": [found.r2] * len(names)},
    )


def _verdict(names, matters):
    most = [name for name, passes in zip(names, matters, strict=True) if passes]
    least = [name for name, passes in zip(names, matters, strict=True) if not passes]
    if not most:
        return "No single parameter stands out from chance."
    texts = [f"{listed(most)} mattered"]
    texts += [f"{listed(least)} cannot be told from chance"] if least else []
    return f"{'; '.join(texts)}."
