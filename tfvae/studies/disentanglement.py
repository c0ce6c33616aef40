"""Disentanglement: what a larger weight of the rate, or of total correlation, does to scores that know the factors."""

import numpy as np

from tfvae import jobs
from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.disentanglement import disentanglement
from tfvae.evaluation.measure import measure
from tfvae.report import figures
from tfvae.report.figures.curves import curves
from tfvae.report.figures.heatmap import heatmap
from tfvae.report.section import Section
from tfvae.report.wording import MINUS, number, words
from tfvae.studies.workbench import Findings

DEFAULT = "shapes"
HEADLINE = "mig"
DRAWN = ("mig", "mig_binned", "disentanglement", "completeness", "informativeness", "factor_vae_score", "sap")
OBJECTIVE = "model.objective"


def run(bench, *, betas=(1.0, 4.0, 8.0), total_correlation_weights=(3.0, 7.0), num_examples=2000):
    """Trains a model for each beta, and one with beta = 1 for each weight of total correlation.

    Args:
        bench: A `Workbench`.
        betas: Weights of the rate.
        total_correlation_weights: Weights of `TotalCorrelation`; the paper's beta is 1 more.
        num_examples: Number of test examples that the scores look at.
    """
    bench.need(bench.splits.test.factor_names, "This study needs data that knows its factors, such as shapes.")
    bench.need_rate()
    runs = {f"beta {beta:g}": bench.train(f"beta_{beta:g}", _with_beta(bench, beta)) for beta in betas}
    for weight in total_correlation_weights:
        name = f"total_correlation_{weight:g}"
        runs[f"TC {weight:g}"] = bench.train(name, _with_total_correlation(bench, weight))
    found = {name: _of_run(trained, num_examples) for name, trained in runs.items()}
    best = max(found, key=lambda name: found[name]["scores"][HEADLINE]["value"])
    sections = [_scores_section(found, betas, total_correlation_weights), _matrix_section(best, found[best])]
    shown = dict.fromkeys([next(iter(runs)), best])
    sections += [_traversal_section(name, runs[name], found[name]) for name in shown]
    return Findings(_headline(best, found, runs), sections, _numbers(found))


def _with_beta(bench, beta):
    """ELBO at the beta, warmed up as the experiment warms up its own."""
    objective = bench.experiment.model["objective"]
    schedule = objective.get("beta")
    return {OBJECTIVE: {"name": "ELBO", "beta": {**schedule, "final": beta} if isinstance(schedule, dict) else beta}}


def _with_total_correlation(bench, weight):
    regularizer = {"name": "TotalCorrelation", "weight": weight}
    return _with_beta(bench, 1.0) | {"model.regularizers": [regularizer]}


def _of_run(trained, num_examples):
    """Scores, matrix of mutual information, and the metrics of the test split."""
    jobs.event(f"Scoring {trained.name} ...")
    codes = codes_of(trained.model, trained.batches("test", num_examples))
    names = trained.splits.test.factor_names
    found = disentanglement(codes.codes, codes.factors, codes.stddevs, names, trained.experiment.seed)
    measured = measure(trained.model, trained.batches("test", num_examples), num_samples=1)["metrics"]
    return {"scores": found.metrics(), "result": found, "metrics": measured}


def _scores_section(found, betas, weights):
    names = [name for name in DRAWN if name in next(iter(found.values()))["scores"]]
    sweeps = {"beta": [f"beta {b:g}" for b in betas], "1 + TC weight": ["beta 1", *(f"TC {w:g}" for w in weights)]}
    places = {"beta": list(betas), "1 + TC weight": [1.0, *(1 + w for w in weights)]}
    series = {
        f"{words(score)}, {sweep}": _points(found, [r for r in sweeps[sweep] if r in found], places[sweep], score)
        for score in (HEADLINE, "disentanglement", "factor_vae_score")
        for sweep in sweeps
    }
    columns = {"run": list(found)}
    for name in names:
        columns[name] = [run["scores"][name]["value"] for run in found.values()]
    for name in ("rate", "distortion", "total_correlation"):
        columns[name] = [run["metrics"].get(name, {}).get("value") for run in found.values()]
    return Section(
        "scores",
        "Scores over the weight",
        curves(series, "weight", "score", log_x=True, height=3.8),
        f"Line chart of three scores for {len(found)} models.",
        "One model for each point: the rate weighted by beta, or at beta = 1 the total correlation alone. All scores "
        "lie between 0 and 1, and higher is better. One seed for each point, and scores of disentanglement differ much "
        "from seed to seed (Locatello et al., 2019): a trend counts, a single step does not.",
        columns,
    )


def _points(found, runs, places, score):
    metrics = [found[name]["scores"][score] for name in runs]
    errors = [metric.get("standard_error", np.nan) for metric in metrics]
    return {"x": places[-len(runs) :], "y": [metric["value"] for metric in metrics], "error": errors}


def _matrix_section(name, found):
    matrix, factors = found["result"].mutual_information, list(found["result"].factor_names)
    rates = found["metrics"]["rate_per_dimension"]["value"]
    order = np.argsort(-np.asarray(rates), kind="stable") if len(rates) == len(matrix) else np.arange(len(matrix))
    labels = [f"z{i}" for i in order]
    columns = {"dimension": labels} | {f: np.asarray(matrix)[order, k].tolist() for k, f in enumerate(factors)}
    return Section(
        "mutual_information",
        f"What each dimension knows of each factor ({name})",
        heatmap(np.asarray(matrix)[order], labels, [words(f).replace(" ", "\n") for f in factors]),
        f"Table of the mutual information of {len(matrix)} latent dimensions and {len(factors)} factors.",
        "Mutual information in nats, most informative dimension first, for the model with the best mutual information "
        "gap. Good: one dark cell in each row and in each column. A factor over several rows is split, a row with "
        "several factors is entangled.",
        columns,
    )


def _traversal_section(name, trained, found):
    rates = found["metrics"]["rate_per_dimension"]["value"]
    examples = trained.examples("test", 1)
    return Section(
        f"traversals_{trained.name.replace('.', '_')}",
        f"What each dimension does ({name})",
        figures.traversals(trained.model, examples["x"], rates, condition=examples.get("condition")),
        f"{len(rates)} rows of images, in each of which one latent dimension goes from {MINUS}3 to 3.",
        "The code of one test image with one dimension at a time moved, the most informative one first. Good: a row "
        "changes one thing, such as place or size, and nothing else.",
        {"dimension": list(range(len(rates))), "rate": list(rates)},
    )


def _headline(best, found, runs):
    score, binned = (found[best]["scores"][name]["value"] for name in (HEADLINE, "mig_binned"))
    return (
        f"Of {len(runs)} models the one with {best} has the best mutual information gap: {number(score, 2)} as Chen et "
        f"al. define it, {number(binned, 2)} as disentanglement_lib computes it."
    )


def _numbers(found):
    return {
        f"{name} of {run}": metric
        for run, measured in found.items()
        for name, metric in measured["scores"].items()
        if not isinstance(metric["value"], list)
    }
