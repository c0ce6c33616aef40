"""Multi-rate: one training for every weight of the rate, beside a training for each, and what both cost."""

import numpy as np

from tfvae.evaluation.metrics import mean_of, metric
from tfvae.report.figures.curves import curves
from tfvae.report.section import Section
from tfvae.report.wording import counted, measured, number
from tfvae.studies.rate_and_distortion import rate_and_distortion, weighted
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
NATS = "nats per example"
SWEEP = "sweep"


def run(bench, *, betas=(0.1, 0.3, 1.0, 3.0, 10.0), lengths=(1, 3), num_betas=4, num_examples=5000):
    """Trains a multi-rate model of the experiment, and ordinary ones, each for one beta.

    Args:
        bench: A `Workbench`, of an experiment with a `VAE`.
        betas: Weights of the rate, with 1 between the lowest and the highest, which are the range of the multi-rate
            model.
        lengths: Numbers of epochs of multi-rate trainings, in trainings of one beta.
        num_betas: Number of betas in a batch of a multi-rate training.
        num_examples: Number of test examples, the first ones.
    """
    betas = sorted({float(beta) for beta in betas})
    bench.need(
        len(betas) > 1 and 0 < betas[0] <= 1 <= betas[-1],
        f"`study.betas` must be two or more positive numbers with 1 between them: {betas}.",
    )
    bench.need(
        len(lengths) > 0 and all(type(length) is int and length > 0 for length in lengths),
        f"`study.lengths` must be one or more positive integers: {list(lengths)}.",
    )
    name = bench.experiment.model["name"]
    bench.need(name == "VAE", f"This study makes a VAE one of many rates, and the model is a {name}.")
    bench.need_rate()
    swept = {beta: bench.train(f"beta_{beta:g}", weighted(bench.experiment, beta)) for beta in betas}
    found = {SWEEP: {beta: rate_and_distortion(trained, num_examples) for beta, trained in swept.items()}}
    costs = {SWEEP: _cost(swept.values())}
    for length in sorted(set(lengths)):
        objective = {"name": "MultiRate", "lowest": betas[0], "highest": betas[-1], "num_betas": num_betas}
        trained = bench.train(f"multi_rate_{length}", _multi_rate(bench.experiment, objective, length))
        found[_name(length)] = {beta: rate_and_distortion(_at(trained, beta), num_examples) for beta in betas}
        costs[_name(length)] = _cost([trained])
    sections = [_rate_distortion(found), _negative_elbo(found), _differences(found), _costs(costs, found)]
    return Findings(_headline(found, costs), sections, _numbers(found, costs))


def _name(length):
    return f"multi-rate, {length}x"


def _multi_rate(experiment, objective, length):
    """The experiment with a model of all betas, trained `length` times as long, to the last epoch."""
    samples = {"num_samples": experiment.model["objective"].get("num_samples", 1)}
    return {
        "model.name": "MultiRateVAE",
        "model.objective": objective | samples,
        "model.regularizers": [],
        "training.epochs": length * experiment.training.epochs,
        "training.patience": None,
    }


def _at(trained, beta):
    """The run with the ordinary model at one beta in place of its own."""
    return trained._replace(model=trained.model.at(beta))


def _cost(runs):
    """(trainings, steps, seconds) of runs, all epochs of each and not only those up to the one that was kept."""
    histories = [trained.history for trained in runs]
    seconds = sum(row["seconds"] for history in histories for row in history)
    return len(histories), sum(history[-1]["step"] for history in histories), seconds


def _excess(found, name):
    """How much more each example costs a model than the swept one of its beta, at that beta, in nats: [betas, N].

    Both see the same examples with the same noise, so that the standard error of a mean is that of the difference.
    """
    pairs = [(beta, found[name][beta], ours) for beta, ours in found[SWEEP].items()]
    return np.array([a.distortion + beta * a.rate - (b.distortion + beta * b.rate) for beta, a, b in pairs])


def _rate_distortion(found):
    columns = _columns(found)
    series = {}
    for name, uses in found.items():
        series[name] = {
            "x": [use.rate.mean() for use in uses.values()],
            "y": [use.distortion.mean() for use in uses.values()],
            "error": [mean_of(use.distortion)["standard_error"] for use in uses.values()],
            "labels": [f"{beta:g}" for beta in uses] if name == SWEEP else None,
        }
    return Section(
        "rate_distortion",
        "One training against one for each beta",
        curves(series, f"rate, {NATS}", f"distortion, {NATS}", height=4.0),
        f"Line chart of distortion over rate: {', '.join(found)}.",
        "Each point is a model at one beta, beta beside those of the sweep. A point of a sweep had a training of its "
        "own; all points of a multi-rate curve are read off one model, which was trained as long as the sweep needs "
        "for one, two or more of its own (1x, 2x, ...). Good: curves that lie on one another. A curve that lies above "
        "has not learnt as much. A multi-rate model keeps the epoch that is best in validation over all betas, those "
        "of the sweep their last one. The error bars are those of the distortion over test examples, and as the "
        "examples are the same, differences are known better than they show.",
        columns,
    )


def _negative_elbo(found):
    metrics = {name: [use.metrics()["negative_elbo"] for use in uses.values()] for name, uses in found.items()}
    series = {
        name: {
            "x": list(found[name]),
            "y": [m["value"] for m in values],
            "error": [m["standard_error"] for m in values],
        }
        for name, values in metrics.items()
    }
    return Section(
        "negative_elbo",
        "Which beta is best",
        curves(series, "beta", f"negative ELBO, {NATS}", log_x=True),
        f"Line chart of the negative ELBO over beta: {', '.join(found)}.",
        "Distortion and rate together, always with beta = 1: lower is better. What a search over beta would look for "
        "is the lowest point, and a multi-rate model tells it without a search.",
        _columns(found),
    )


def _differences(found):
    series, columns = {}, {"model": [], "beta": [], "excess": [], "excess_standard_error": []}
    for name in [name for name in found if name != SWEEP]:
        metrics = [mean_of(excess) for excess in _excess(found, name)]
        values, errors = [m["value"] for m in metrics], [m["standard_error"] for m in metrics]
        series[name] = {"x": list(found[name]), "y": values, "error": errors}
        columns["model"] += [name] * len(values)
        columns["beta"] += list(found[name])
        columns["excess"] += values
        columns["excess_standard_error"] += errors
    return Section(
        "excess",
        "What is lost at each beta",
        curves(series, "beta", f"more than the sweep, {NATS}", log_x=True),
        f"Line chart over beta of how much more a multi-rate model costs than the swept one: {', '.join(series)}.",
        "Distortion + beta * rate of the multi-rate model, less that of the model that was trained for this beta "
        "alone, on the same test examples with the same noise. 0: nothing is lost. Below 0: it is better than the one "
        "with a training of its own, which may have learnt its examples by heart.",
        columns,
    )


def _costs(costs, found):
    names = [name for name in costs if name != SWEEP]
    excesses = [_mean_excess(found, name) for name in names]
    series = {
        name: {"x": [costs[name][2] / costs[SWEEP][2]], "y": [m["value"]], "error": [m["standard_error"]]}
        for name, m in zip(names, excesses, strict=True)
    }
    trainings, steps, seconds = (list(column) for column in zip(*costs.values(), strict=True))
    zero = {"value": 0.0, "standard_error": 0.0}
    return Section(
        "costs",
        "What it costs, and what it gives",
        curves({SWEEP: {"x": [1.0], "y": [0.0]}, **series}, "seconds of training, of the sweep's", "nats lost"),
        f"Points of nats lost over the cost of training: {', '.join(costs)}.",
        f"The sweep trained {counted(costs[SWEEP][0], 'model')}, a multi-rate training one. To the left: cheaper. "
        "Upwards: further from the sweep, on average over its betas, each at its own weight of the rate. Seconds are "
        "those of this machine with whatever else it did; steps are not, but a step of a multi-rate training passes "
        "through the networks once for each group of examples.",
        {
            "model": list(costs),
            "trainings": trainings,
            "steps": steps,
            "seconds": [round(s, 2) for s in seconds],
            "excess": [m["value"] for m in (zero, *excesses)],
            "excess_standard_error": [m["standard_error"] for m in (zero, *excesses)],
        },
    )


def _columns(found):
    rows = [(name, beta, use.metrics()) for name, uses in found.items() for beta, use in uses.items()]
    columns = {"model": [name for name, _, _ in rows], "beta": [beta for _, beta, _ in rows]}
    for term in ("rate", "distortion", "negative_elbo"):
        columns[term] = [metrics[term]["value"] for _, _, metrics in rows]
        columns[f"{term}_standard_error"] = [metrics[term]["standard_error"] for _, _, metrics in rows]
    return columns


def _mean_excess(found, name):
    return mean_of(_excess(found, name).mean(axis=0))


def _headline(found, costs):
    said = []
    for name in [name for name in found if name != SWEEP]:
        excess = _mean_excess(found, name)
        ratio = costs[name][2] / costs[SWEEP][2]
        away = measured(excess["value"], excess["standard_error"])
        said.append(f"{name}: {away} nats more than the swept models on average, for {number(ratio, 2)} of their time")
    return f"One training for {counted(len(found[SWEEP]), 'beta')}. {'; '.join(said)}."


def _numbers(found, costs):
    numbers = {}
    for name, (trainings, steps, seconds) in costs.items():
        key = name.replace("-", "_").replace(", ", "_")
        numbers |= {f"steps_of_{key}": metric(steps, "steps"), f"seconds_of_{key}": metric(seconds, "seconds")}
        numbers[f"trainings_of_{key}"] = {"value": trainings, "unit": "trainings"}
        if name != SWEEP:
            numbers[f"excess_of_{key}"] = _mean_excess(found, name)
            numbers[f"cost_ratio_of_{key}"] = metric(seconds / costs[SWEEP][2], "ratio")
        for beta, use in found[name].items():
            numbers |= {f"{term}_of_{key}_at_{beta:g}": value for term, value in use.metrics().items()}
    return numbers
